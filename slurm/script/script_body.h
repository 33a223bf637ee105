// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/model/job_spec.h"
#include "slurm/script/batch_script.h"

namespace sovren::slurm {

/// Allocations in a row that may seal no further step than the one before them; after that the job
/// stops with an error and does not come back.
inline constexpr int stalled_allocations_max = 3;

/// What a batch script does, below its directives (see batch_script.h).
///
/// Signals   USR1 is passed on to `sovren run` as SIGTERM: seal and stop. So is TERM, by which
/// Slurm
///           ends a job; then it comes back only if it was its time limit.
/// Exit      as `sovren run`; 66: the node does not see the program, the job file or the directory.
std::string script_body(const JobSpec& spec, const ScriptSetting& setting);

}  // namespace sovren::slurm
