// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::workers {

/// What an attempt that is started on its head holds, for the srun inside it. The agent writes it
/// into the attempt's private folder, where the steps keep their locks, too.
struct Allocation {
  struct Node {
    std::string name;
    int tasks = 0;  ///< ranks of the attempt there
    int cpus = 0;
    int gpus = 0;
    bool operator==(const Node&) const = default;
  };
  std::int64_t job = 0;
  std::int64_t array_job = 0;  ///< 0: not of an array
  std::string array_task;
  std::string job_name;
  std::string user;
  std::string job_dir;      ///< on a file system that all nodes see
  std::string mpirun;       ///< empty: there is none
  std::vector<Node> nodes;  ///< the head first
  bool operator==(const Allocation&) const = default;
};

/// Environment variable that names the file.
inline constexpr std::string_view allocation_variable = "SOVREN_ALLOCATION";

std::string print_allocation(const Allocation& allocation);
/// Errors: data_invalid.
Result<Allocation> parse_allocation(const std::string& text);

}  // namespace sovren::workers
