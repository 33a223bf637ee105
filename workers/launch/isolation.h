// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workers/launch/cgroup.h"
#include "workers/launch/command.h"
#include "workers/launch/cores.h"
#include "workers/launch/gpus.h"

namespace sovren::workers {

/// What one attempt asks of a node.
struct ShareRequest {
  std::string name;  ///< of its control group
  int cpus = 0;
  int gpus = 0;
  std::int64_t memory_bytes = 0;  ///< 0: not bounded
};

class Isolation;

/// What one attempt holds of a node, given back by the destructor.
class Share {
 public:
  Share() = default;
  Share(Share&& other) noexcept
      : cores(std::move(other.cores)),
        gpus(std::move(other.gpus)),
        cgroup(std::move(other.cgroup)),
        from_(std::exchange(other.from_, nullptr)) {}
  Share& operator=(Share&&) = delete;
  ~Share();

  std::optional<std::vector<int>> cores;         ///< none: not bound
  std::optional<std::vector<std::string>> gpus;  ///< none: those that are visible
  std::optional<Cgroup> cgroup;                  ///< none: not bounded

 private:
  friend class Isolation;
  Isolation* from_ = nullptr;
};

/// How a node keeps its attempts apart: each gets cores of its own, GPUs of its own, and a control
/// group where the machine allows. Outlives the shares.
class Isolation {
 public:
  static Isolation of_this_machine();
  Isolation(std::vector<Core> cores, std::vector<Gpu> gpus, std::optional<CgroupParent> cgroups);

  /// Errors: refused: the control group.
  Result<Share> take(const ShareRequest& request);

  int gpu_count() const { return gpu_count_; }
  /// Facts for the node's labels: sockets, numa_nodes, gpu_model, gpu_memory.
  const std::map<std::string, std::string>& labels() const { return labels_; }

 private:
  friend class Share;
  CoreMap cores_;
  GpuMap gpus_;
  std::optional<CgroupParent> cgroups_;
  int gpu_count_ = 0;
  std::map<std::string, std::string> labels_;
};

/// Has the command run on the share's cores and in its control group.
void confine(Command& command, const Share& share);

/// The name of a control group, from an attempt's cookie, which no other bears.
std::string group_name(const std::string& cookie);

}  // namespace sovren::workers
