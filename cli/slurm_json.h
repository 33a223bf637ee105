// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/slurm_job.h"

namespace sovren::cli {

/// What `squeue --json` of Slurm 22.05 prints, as far as there is something to tell.
std::string squeue_json(const std::vector<SlurmJob>& jobs);

}  // namespace sovren::cli
