// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/nn/device_math.h"

namespace sovren::nn::device {

/// The CPU as a device: the threads of a block are fibers, run one after another in an order that
/// is forward or backward; at a barrier the next one goes on. A barrier that is missing shows as a
/// result that depends on the order. Shared memory begins as NaN; copies that are not waited for
/// have not happened yet. Blocks run one after another.
class EmulatedBlock;

/// A thread of an emulated block: what CudaThread is (kernels/nn/device_launch.h).
class EmulatedThread {
 public:
  int index() const { return index_; }
  int lane() const { return index_ % warp_size; }
  int warp() const { return index_ / warp_size; }
  int threads() const { return grid_.threads; }
  int warps() const { return grid_.threads / warp_size; }
  std::int64_t block_x() const { return x_; }
  int block_y() const { return y_; }
  int block_z() const { return z_; }
  std::int64_t blocks_x() const { return grid_.x; }

  void sync() const;
  void sync_warp() const;
  float shuffle_xor(float x, int mask) const { return static_cast<float>(exchange(x, mask)); }
  double shuffle_xor(double x, int mask) const { return exchange(x, mask); }
  /// Bit i: is it so for lane i of the warp?
  std::uint32_t ballot(bool is_so) const;
  /// What lane `from` of the warp has.
  std::uint32_t broadcast(std::uint32_t x, int from) const;
  void multiply(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                std::uint32_t b1) const;
  void load_matrices(std::uint32_t (&r)[4], const Bf16* row) const;
  void load_transposed(std::uint32_t (&r)[4], const Bf16* row) const;
  void copy_async(Bf16* shared, const Bf16* global, bool is_inside) const;
  void commit() const;
  template <int open>
  void wait() const {
    wait_for_copies(open);
  }

 private:
  friend class EmulatedBlock;
  EmulatedThread(EmulatedBlock& block, const Grid& grid, int index, std::int64_t x, int y, int z)
      : block_(block), grid_(grid), index_(index), x_(x), y_(y), z_(z) {}
  double exchange(double x, int mask) const;
  void wait_for_copies(int open) const;

  EmulatedBlock& block_;
  const Grid& grid_;
  int index_;
  std::int64_t x_;
  int y_, z_;
};

/// In which order the threads of a block run between two barriers.
enum class Order { forward, backward };

/// Runs all blocks of a grid. Aborts with a message where the threads of a block, or of a warp, do
/// not all come to a barrier, or a copy is not aligned.
void run_grid(const Grid& grid, Order order,
              const std::function<void(const EmulatedThread& thread, char* shared)>& body);

/// Launch (device_launch.h) for the emulated device.
struct EmulatedLaunch {
  Order order = Order::forward;

  template <class Kernel>
  Result<void> operator()(const Kernel& kernel, const char*) const {
    const Grid grid = kernel.grid();
    if (grid.threads > Kernel::most_threads || grid.threads % warp_size != 0 || grid.y > 65535 ||
        grid.z > 65535 || grid.shared > (227U << 10))
      return fail({.code = Code::device, .what = "a device would not launch this"});
    run_grid(grid, order,
             [&](const EmulatedThread& thread, char* shared) { kernel(thread, shared); });
    return {};
  }
};

}  // namespace sovren::nn::device
