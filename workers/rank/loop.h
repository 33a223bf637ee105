// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>

#include "core/base/id.h"
#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "core/port/communicator.h"
#include "core/port/reporter.h"
#include "jobs/kind/job_kind.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "workers/rank/control.h"
#include "workers/rank/level_seals.h"

namespace sovren::workers {

/// What the loop is told of its attempt.
struct LoopSetting {
  JobId job;
  int attempt = 1;
  std::string kind;  ///< "causal-analysis"
  std::string dir;   ///< the job directory, for previews
  CheckpointPolicy checkpoint;
  double mtbf_s = 86400;  ///< of the attempt, as it begins
  double recovery_s =
      0;  ///< from the attempt's begin until here: what a failure costs besides work
  std::int64_t sealed_step = -1;  ///< of the set that was restored; -1: none
  /// Old sets may go only when the new one is in the scheduler's log; without one, at once.
  enum class Retention { when_recorded, at_once };
  Retention retention = Retention::at_once;
};

/// What the loop works with; all outlive it.
struct LoopParts {
  Communicator& comm;
  jobs::JobKind& kind;
  storage::CheckpointStore& store;
  Control& control;
  Reporter& reporter;               ///< used by rank 0 only
  std::function<double()> now_s;    ///< any steady clock
  std::function<double()> wall_s;   ///< seconds since 1970, for people and retention
  std::span<JobLevel> levels = {};  ///< below the store, the fastest first
};

enum class LoopEnd { done, checkpointed };

/// Steps the job until it is done or asked to stop. Collective.
///
/// Model    Before each step all ranks agree (all-reduced maximum) on what was asked of any of
/// them,
///          so that they seal and stop at the same step. A set is copied at the boundary, written
///          while the next steps run, and sealed at the first boundary after all ranks have
///          written.
/// Ends     done: all steps are done. checkpointed: stopped, and the newest set is of this step.
/// Errors   interrupted: stopped, but checkpoints are off. Those of the kind, the store and the
///          communicator.
Result<LoopEnd> run_loop(const LoopSetting& setting, const LoopParts& parts);

/// Reports of progress are at least so far apart, but for the first and the last.
inline constexpr double progress_interval_s = 0.2;

}  // namespace sovren::workers
