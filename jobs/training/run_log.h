// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.h"
#include "core/port/state_io.h"
#include "jobs/training/loss_files.h"

namespace sovren::jobs {

/// Where a training is, and what it has shown so far: all of its state but the parameters, the
/// optimizer's and the gradient's. The same on every rank.
struct RunLog {
  std::int64_t job_steps = 0;  ///< calls of JobKind::step
  std::int64_t updates = 0;    ///< of the optimizer: steps that were not skipped
  std::vector<StepRecord> steps;
  std::vector<Sample> samples;
  std::vector<double> losses;  ///< of the micro-batches of the unfinished step, in order
  bool is_evaluating = false;
  std::vector<double> evaluated;  ///< losses of the unfinished evaluation, in order
};

/// Rank 0 puts it. "run/position", "run/losses", ...: docs/formats.md. Rates, which are measured
/// anew in each run, stand under "measured/".
Result<void> put_run_log(StateWriter& writer, const RunLog& log);
/// Errors: storage_corrupt.
Result<RunLog> get_run_log(StateReader& reader);

}  // namespace sovren::jobs
