// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "workers/launch/process.h"
#include "workers/launch/step_layout.h"

namespace sovren::workers {

/// What a running step holds: locks on bytes of a file of the attempt, one for each CPU and GPU.
/// They go with the process, however it ends.
struct HeldStep {
  int number = 0;  ///< SLURM_STEP_ID, from 0 on
  StepLayout layout;
  /// For each node of the layout, which of the allocation's there; a step that shares has none.
  std::vector<std::vector<int>> cpus;
  std::vector<std::vector<int>> gpus;
  Handle locks;
};

/// Waits, in the order of asking, until the step fits beside those that run. `folder`: private to
/// the attempt, and all of its steps.
///
/// Errors   refused (lay_out), storage_io.
/// Threads  one step per process: the locks are of the open file.
Result<HeldStep> take_step(const std::string& folder, const Allocation& allocation,
                           const StepRequest& request);

}  // namespace sovren::workers
