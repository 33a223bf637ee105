// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/job_directory.h"
#include "cli/progress_line.h"
#include "cli/signals.h"
#include "cli/site_run.h"
#include "core/base/result.h"
#include "core/model/spec_facts.h"
#include "core/model/state.h"
#include "scheduler/engine/live.h"
#include "workers/launch/programs.h"

namespace sovren::cli {

/// One job to run here and now.
struct RunRequest {
  JobSpec spec;
  SpecFacts facts;  ///< what decides the result
  enum class Start { resume, fresh };
  Start start = Start::resume;  ///< fresh: checkpoints of earlier runs are not used
  workers::Programs programs;
  std::vector<std::string> warnings;  ///< what the check of the inputs warned of
  std::optional<SiteRun> site;        ///< none: on this machine alone
};

/// How it ended: the job and what its last attempt told.
struct RunOutcome {
  Job job;
  engine::Live live;
  int exit_code = 0;
  std::optional<std::int64_t> allocations;  ///< of a site, that the job has had; none: run here
};

/// Queue, scheduler and worker in this process: the engine over the event log of the job directory,
/// and an agent on this machine, or, with `site`, in this allocation, whose nodes are one to it.
/// Comes back when the job has ended or was stopped by a signal.
///
/// Resume   An unfinished job of the same facts goes on from its newest checkpoint set; after a
/// completed one a new job starts. Errors   storage_busy (another run has the folder), mismatch
/// (unfinished work of other facts: names the difference), refused
///          (can never run here), storage_*.
Result<RunOutcome> run_embedded(const RunRequest& request, const JobDirectory& directory,
                                SignalInbox& signals, ProgressLine& progress);

}  // namespace sovren::cli
