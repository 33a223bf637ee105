// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/text/problems.h"
#include "slurm/script/directives.h"

namespace sovren::slurm {

/// A value that an option asks for, and the option.
template <class T>
struct Wished {
  T value{};
  GivenOption by;
};
template <class T>
using Wish = std::optional<Wished<T>>;

struct NodeRange {
  std::int64_t min = 1;
  std::int64_t max = 1;
};

/// --mem, --mem-per-cpu, --mem-per-gpu.
struct MemoryWish {
  enum class Per { node, cpu, gpu };
  Per per = Per::node;
  std::int64_t bytes = 0;  ///< per node 0: all there is
};

/// --gpus=a100:2
struct GpuWish {
  std::int64_t count = 0;
  std::string type;  ///< empty: any
};

/// What all options together ask for, each by itself; the last one of a name counts.
struct Wishes {
  /// Keys of the job file that an option sets alone; values as TOML.
  std::map<std::string, Wished<std::string>> keys;
  /// That every node must bear.
  std::map<std::string, Wished<std::string>> labels;

  Wish<NodeRange> nodes;
  Wish<std::int64_t> ntasks, ntasks_per_node, ntasks_per_gpu, cpus_per_task, cpus_per_gpu;
  Wish<MemoryWish> memory;
  Wish<GpuWish> gpus, gpus_per_node, gpus_per_task;
  Wish<std::int64_t> priority, nice;

  Wish<std::string> folder, input, output, error;  ///< paths as they were written
  Wish<std::string> exported;                      ///< --export
  Wish<std::string> export_file;
  bool is_held = false;
  ClientOptions client;

  std::vector<std::string> warnings;
  std::vector<GivenOption> unused;  ///< options that have no part here
};

/// Reads the values, in order. What is wrong, and what is refused, is added to the problems.
Wishes read_wishes(std::span<const GivenOption> options, const WallClock& clock,
                   text::Problems& problems);

}  // namespace sovren::slurm
