// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sovren::workers {

/// A processing unit (hardware thread) that may be used, and where it is.
struct Core {
  int number = 0;  ///< the system's
  int numa = 0;    ///< memory that is near
  int package = 0;
};

/// What hwloc says of the machine, in an order in which neighbours are close. Only what this
/// process may be scheduled on; empty when nothing is known.
std::vector<Core> discover_cores();
/// The same of a machine that is described, "package:2 numa:1 core:4 pu:2": for tests.
std::vector<Core> describe_cores(const std::string& synthetic);

/// Hands cores out to attempts, each to one at a time, those of an attempt close to each other.
class CoreMap {
 public:
  explicit CoreMap(std::vector<Core> cores = {});

  /// Nothing when fewer are free: the attempt is then not bound. Those of one NUMA node are taken
  /// when one has room, the fullest such; else the first that are free.
  std::optional<std::vector<int>> take(int count);
  void give_back(const std::vector<int>& numbers);

 private:
  std::vector<Core> cores_;
  std::vector<bool> is_taken_;
};

cpu_set_t cpu_set_of(const std::vector<int>& numbers);

/// Facts for labels: "sockets", "numa_nodes", as numbers.
std::map<std::string, std::string> topology_labels(const std::vector<Core>& cores);

}  // namespace sovren::workers
