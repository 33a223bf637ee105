// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sovren::workers {

/// An NVIDIA device that is there and visible to this process.
struct Gpu {
  std::string id;     ///< as CUDA_VISIBLE_DEVICES takes it: its UUID, or its number
  std::string model;  ///< "NVIDIA H100 80GB HBM3"; empty: not known
  std::int64_t memory_bytes = 0;
};

/// By NVML, the driver's own library, which is looked for when the program runs; else the numbered
/// devices in /dev. `visible`: CUDA_VISIBLE_DEVICES or null.
std::vector<Gpu> discover_gpus(const std::string& root, const char* visible);

/// Those of `all` that CUDA_VISIBLE_DEVICES leaves, in its order: numbers, or UUIDs that may be
/// shortened. As CUDA does, the list ends at the first entry that is none.
std::vector<Gpu> visible_gpus(const std::vector<Gpu>& all, const char* visible);

/// Hands devices out to attempts, each to one at a time.
class GpuMap {
 public:
  explicit GpuMap(const std::vector<Gpu>& gpus = {});
  /// Fewer than asked for when not so many are free.
  std::vector<std::string> take(int count);
  void give_back(const std::vector<std::string>& ids);

 private:
  std::vector<std::string> ids_;
  std::vector<bool> is_taken_;
};

}  // namespace sovren::workers
