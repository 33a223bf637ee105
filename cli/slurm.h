// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/job_input.h"

namespace sovren::cli {

// What `sovren slurm WHAT` runs (the table in slurm.cpp). operands[0] is WHAT; each says which
// options it takes.
Result<int> print_site_script(const Arguments&);
Result<int> submit_to_site(const Arguments&);
Result<int> show_site_jobs(const Arguments&);
Result<int> wait_for_site_jobs(const Arguments&);
Result<int> cancel_site_jobs(const Arguments&);
Result<int> make_shims(const Arguments&);

/// Hands jobs to the Slurm site and prints their ids (`sovren submit --to slurm`).
Result<int> submit_to_site(const std::vector<JobText>& jobs, const Arguments& arguments);

}  // namespace sovren::cli
