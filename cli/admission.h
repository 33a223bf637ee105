// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/embedded_run.h"
#include "scheduler/engine/engine.h"

namespace sovren::cli {

/// What a run does with the job that its folder held before.
struct Admission {
  std::optional<JobId> resume;     ///< go on with this job
  std::optional<JobId> supersede;  ///< end this unfinished job first
  JobId
      oldest_set_job;  ///< for a new job: sets of jobs before it are not restored; 0: only its own
};

/// Decides it. mismatch: the folder holds checkpoints of other facts that nobody said to drop.
Result<Admission> admit(const State& state, const RunRequest& request,
                        const std::string& facts_digest, const std::string& checkpoints_dir);

}  // namespace sovren::cli
