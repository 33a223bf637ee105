// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "workers/launch/step_plan.h"

namespace sovren::workers {

/// How a step is run, beside what its tasks know.
struct StepRun {
  /// automatic: one task on this node, or several without an mpirun, are children of this process;
  /// else mpirun starts them, so that MPI programs find each other. never: only if there is no
  /// other way to another node.
  enum class Mpirun { automatic, never };
  Mpirun mpirun = Mpirun::automatic;
  bool is_ended_by_failure = false;  ///< --kill-on-bad-exit
  bool keeps_files = false;          ///< of output that are there: they are appended to
  bool is_quiet = false;             ///< does not name the tasks that failed
  double wait_s = 0;         ///< after the first task's end the others have so long; 0: ever
  double time_limit_s = 0;   ///< 0: none
  std::vector<int> cpus;     ///< of the attempt's here that its tasks are bound to; empty: all
  std::string task_program;  ///< this program, by its path, for `srun-task`
};

/// Runs all tasks to their end. Signals that this process gets meanwhile are passed on to them; it
/// must have one thread.
///
/// Returns  the highest exit code of a task, 128 + signal for one that was killed.
/// Errors   input_missing: there is no mpirun, for tasks on other nodes; storage_io; refused.
/// Limits   Under mpirun a task that is killed by a signal ends the step, and a pipe as standard
///          input is task 0's alone.
Result<int> run_step(StepPlan plan, const std::vector<std::string>& argv, const StepRun& run);

/// What mpirun runs on the nodes of a step: finds its number, and becomes that task. The exit code
/// for mpirun.
Result<int> run_step_task(const std::vector<std::string>& argv);

}  // namespace sovren::workers
