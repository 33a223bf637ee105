// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "workers/launch/step_plan.h"

namespace sovren::workers {

/// Becomes a task of the step: its variables, files, folder, GPUs; then the program. Where that
/// cannot be, says so on standard error as Slurm does, and ends with errno. For a process that has
/// one thread.
[[noreturn]] void become_task(const StepPlan& plan, int task, const std::vector<std::string>& argv);

/// Starts the task and waits until it has ended; writes the task's number before each line that it
/// prints where the step is labelled. As waitpid() has it. Signals that the group gets are the
/// task's to answer.
int watch_task(const StepPlan& plan, int task, const std::vector<std::string>& argv);

}  // namespace sovren::workers
