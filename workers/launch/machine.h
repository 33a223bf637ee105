// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/model/event.h"

namespace sovren::workers {

/// What this process may use of the machine it runs on: the cores it may be scheduled on, not more
/// than its cgroups grant, the memory that they and the kernel leave, and the NVIDIA devices that
/// are there and visible. Never fails: what cannot be read does not limit.
NodeResources discover_machine();

// The parts, for tests; `root` stands for "/".

/// Cores' worth of time that the cgroup grants, from cpu.max (v2) or cpu.cfs_quota_us (v1), the
/// least on the way up to the root; 0: no limit.
double cgroup_cpu_limit(const std::string& root);

/// Bytes that the cgroup grants, from memory.max or memory.limit_in_bytes; 0: no limit.
std::int64_t cgroup_memory_limit(const std::string& root);

/// MemTotal of /proc/meminfo in bytes; 0 when it cannot be read.
std::int64_t memory_total(const std::string& root);

/// /dev/nvidia0, ...; `visible` is CUDA_VISIBLE_DEVICES or null.
int count_gpus(const std::string& root, const char* visible);

}  // namespace sovren::workers
