// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/trace/trace_device.h"
#include "tests/unit/nn/emulated_device.h"

namespace sovren::trace {

/// The CPU as a device: its threads are fibers (tests/unit/nn/emulated_device.h), its memory is its
/// own and begins as 0xFF.
class EmulatedTraceDevice final : public TraceDevice {
 public:
  using Order = nn::device::Order;
  explicit EmulatedTraceDevice(Order order = Order::forward, std::int64_t memory = 1LL << 30)
      : order_(order), free_(memory) {}

  std::string name() const override { return "emulated"; }
  Result<std::int64_t> free_bytes() override { return free_; }
  Result<void*> allocate(std::size_t bytes) override {
    const auto size = static_cast<std::int64_t>(bytes);
    if (size > free_) return fail({.code = Code::device, .what = "the emulated device is full"});
    free_ -= size;
    auto memory = std::make_unique<Chunk[]>(bytes / sizeof(Chunk) + 1);
    std::memset(static_cast<void*>(memory.get()), 0xFF, bytes);
    void* data = memory.get();
    memory_[data] = {size, std::move(memory)};
    return data;
  }
  void release(void* data) override {
    const auto found = memory_.find(data);
    if (found == memory_.end()) return;
    free_ += found->second.first;
    memory_.erase(found);
  }
  Result<void> upload(void* to, const void* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
    return {};
  }
  Result<void> download(void* to, const void* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
    return {};
  }
  Result<void> clear(void* data, std::size_t bytes) override {
    std::memset(data, 0, bytes);
    return {};
  }

  Result<void> run(const GeneratePaths& kernel) override { return run_threads(kernel); }
  Result<void> run(const TraceRays<PathRays>& kernel) override { return run_rays(kernel); }
  Result<void> run(const ShadePaths& kernel) override { return run_threads(kernel); }
  Result<void> run(const TraceRays<LightRays>& kernel) override { return run_rays(kernel); }
  Result<void> run(const TraceRays<DimmedRays>& kernel) override { return run_rays(kernel); }
  Result<void> run(const FinishPaths& kernel) override { return run_threads(kernel); }
  Result<void> run(const TraceRays<PlainRays>& kernel) override { return run_rays(kernel); }

 private:
  struct alignas(16) Chunk {
    std::byte bytes[16];
  };

  /// What CudaLane is (kernels/trace/cuda_launch.h).
  struct Lane {
    const nn::device::EmulatedThread& thread;

    std::uint32_t allot(bool is_wanted, std::uint32_t* counter) const {
      const std::uint32_t wanted = thread.ballot(is_wanted);
      std::uint32_t first = 0;
      if (thread.lane() == 0)
        first = std::exchange(*counter, *counter + static_cast<std::uint32_t>(bit_count(wanted)));
      first = thread.broadcast(first, 0);
      return first + static_cast<std::uint32_t>(bit_count(wanted & ((1U << thread.lane()) - 1U)));
    }
    template <class Sum>
    void add(Sum* sum, Sum value) const {
      *sum += value;
    }
  };
  /// What CudaRayLane is.
  struct RayLane : Lane {
    struct Stack {
      std::vector<WideGroup> groups;
      void put(std::uint32_t k, WideGroup group) { groups.at(k) = group; }
      WideGroup get(std::uint32_t k) const { return groups.at(k); }
    };
    std::uint32_t entries = 0;

    Stack stack() const { return {std::vector<WideGroup>(entries)}; }
    int count(bool is_so) const { return bit_count(thread.ballot(is_so)); }
    int lanes() const { return nn::device::warp_size; }
    /// Now and then, differently for each lane.
    bool is_lonely(int busy) const { return (thread.lane() + busy) % 3 == 0; }
  };

  template <class Kernel>
  Result<void> run_threads(const Kernel& kernel) {
    constexpr std::uint32_t threads = 64;
    const nn::device::Grid grid{.x = (kernel.size() + threads - 1) / threads, .threads = threads};
    nn::device::run_grid(grid, order_, [&](const nn::device::EmulatedThread& thread, char*) {
      kernel(Lane{thread}, static_cast<std::uint32_t>(thread.block_x()) * threads +
                               static_cast<std::uint32_t>(thread.index()));
    });
    return {};
  }
  template <class Kernel>
  Result<void> run_rays(const Kernel& kernel) {
    nn::device::run_grid({.x = 2, .threads = 64}, order_,
                         [&](const nn::device::EmulatedThread& thread, char*) {
                           kernel(RayLane{{thread}, kernel.job.bvh.stack_size});
                         });
    return {};
  }

  Order order_;
  std::int64_t free_;
  std::map<void*, std::pair<std::int64_t, std::unique_ptr<Chunk[]>>> memory_;
};

}  // namespace sovren::trace
