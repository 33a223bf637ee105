// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "workers/launch/allocation.h"

namespace sovren::workers {

/// What a step (one srun) asks of its allocation. None: Slurm's default.
struct StepRequest {
  enum class Distribution { block, cyclic };
  /// whole: all CPUs of each of its nodes, which no other step then has; exact: CPUs for its tasks
  /// alone; overlap: it shares with whatever runs, and keeps nothing from others.
  enum class Sharing { whole, exact, overlap };

  std::optional<int> tasks;
  std::optional<int> nodes;  ///< exactly so many; none: all, or as many as there are tasks
  std::optional<int> tasks_per_node;
  int cpus_per_task = 1;
  std::optional<int> gpus;  ///< of all its tasks; none of the three: all GPUs of its nodes
  std::optional<int> gpus_per_node;
  std::optional<int> gpus_per_task;
  Sharing sharing = Sharing::whole;
  bool is_overcommitted = false;      ///< more tasks than CPUs
  std::vector<std::string> nodelist;  ///< these at least
  std::vector<std::string> excluded;
  int relative = 0;  ///< nodes from this one on
  Distribution distribution = Distribution::block;
};

/// Where the tasks of a step run.
struct StepLayout {
  struct Node {
    int place = 0;           ///< in the allocation
    std::vector<int> tasks;  ///< their numbers, ascending
    int cpus = 0;            ///< that it takes; 0: it shares
    int gpus = 0;
    bool operator==(const Node&) const = default;
  };
  std::vector<Node> nodes;
  int tasks = 0;
  bool operator==(const StepLayout&) const = default;
};

/// What no other step holds of a node.
struct FreeShare {
  int cpus = 0;
  int gpus = 0;
};

/// Lays a step out over what is free, one entry for each node of the allocation. Nothing: it has to
/// wait. Without a number of nodes, one that may not wait for the others takes fewer.
///
/// Errors   refused: it could never run, in Slurm's words.
/// Source   srun(1) of 22.05: --exact, --exclusive, --overlap, --distribution.
Result<std::optional<StepLayout>> lay_out(const Allocation& allocation, const StepRequest& request,
                                          const std::vector<FreeShare>& free);

}  // namespace sovren::workers
