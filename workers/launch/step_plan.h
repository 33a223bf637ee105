// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workers/launch/allocation.h"
#include "workers/launch/step_layout.h"

namespace sovren::workers {

/// Where a step's tasks read from or print to.
struct StepStream {
  std::string file;    ///< with Slurm's patterns, absolute; empty: the stream of srun itself
  int only_task = -1;  ///< the one whose stream it is, the others have none; -1: of all
  bool operator==(const StepStream&) const = default;
};

/// All that a task of a step needs to know to become itself, on whatever node.
struct StepPlan {
  Allocation allocation;
  int number = 0;  ///< of the step
  StepLayout layout;
  std::vector<std::vector<int>> gpus;  ///< for each node of the layout, among the attempt's there
  StepStream input, output, error;
  bool is_labelled = false;  ///< each line begins with the task's number
  bool is_overlapping = false;
  bool is_ended_by_failure = false;  ///< under mpirun: it is told of exit codes
  std::string folder;                ///< working folder
  std::string name;                  ///< SLURM_JOB_NAME; empty: the job's
  std::optional<int> cpus_per_task;
  std::optional<int> gpus_per_task;
  /// Where tasks that mpirun starts leave their exit codes, in files of their number; empty: what
  /// the task's process ends with is enough.
  std::string exit_folder;
  bool operator==(const StepPlan&) const = default;
};

/// Environment variable that hands it to `sovren srun-task`.
inline constexpr std::string_view step_variable = "SOVREN_STEP";

std::string print_step(const StepPlan& plan);
/// Errors: data_invalid.
Result<StepPlan> parse_step(const std::string& text);

/// The name of a file of one task of it.
std::string file_of_task(const StepPlan& plan, const std::string& pattern, int task);

/// The node of the layout that a task runs on.
std::size_t node_of_task(const StepPlan& plan, int task);

/// SLURM_* variables of all its tasks, and of one.
std::vector<std::pair<std::string, std::string>> step_variables(const StepPlan& plan);
std::vector<std::pair<std::string, std::string>> task_variables(const StepPlan& plan, int task);

/// The part of the visible GPUs, "0,3,5" or their names, that a task gets.
std::string gpus_of_task(const StepPlan& plan, int task, std::string_view visible);

}  // namespace sovren::workers
