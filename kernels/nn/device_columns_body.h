// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/device_math.h"
#include "kernels/nn/device_sizes.h"

// Sums over rows in two stages: blocks of rows, then the blocks, each in a fixed order.
namespace sovren::nn::device {

/// sums[column] += the sum of partial (count, width) over its rows, by 32 warps which take every
/// 32nd row.
struct AddPartials {
  static constexpr int most_threads = 1024;
  std::int64_t count, width, stride;
  const float* partial;
  float* sums;

  Grid grid() const {
    return {.x = blocks_for(width, warp_size),
            .threads = most_threads,
            .shared = most_threads * sizeof(float)};
  }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char* shared) const {
    auto* const parts = reinterpret_cast<float*>(shared);
    const std::int64_t column = thread.block_x() * warp_size + thread.lane();
    float part = 0;
    if (column < width)
      for (std::int64_t row = thread.warp(); row < count; row += thread.warps())
        part += partial[row * stride + column];
    parts[thread.index()] = part;
    thread.sync();
    if (thread.warp() != 0 || column >= width) return;
    float total = 0;
    for (int warp = 0; warp < thread.warps(); ++warp)
      total += parts[warp * warp_size + thread.lane()];
    sums[column] += total;
  }
};

inline constexpr int column_warps = 8;
inline constexpr int block_columns = 8 * warp_size;  // eight to a lane

/// Puts together what the warps of a block have found for its columns, warp by warp: thread k gets
/// the sum for column k. shared: column_warps x block_columns floats.
template <class Thread>
SOVREN_DEVICE float join_warps(const Thread& thread, const float (&part)[8], float* shared) {
  SOVREN_UNROLL
  for (int i = 0; i < 8; ++i)
    shared[thread.warp() * block_columns + 8 * thread.lane() + i] = part[i];
  thread.sync();
  float total = 0;
  for (int warp = 0; warp < column_warps; ++warp)
    total += shared[warp * block_columns + thread.index()];
  return total;
}
inline constexpr std::size_t join_bytes = column_warps * block_columns * sizeof(float);
static_assert(block_columns == column_warps * warp_size, "a column for each thread");

/// partial (blocks of rows, width) = the sums of x (rows, width) over the rows of each block.
struct ColumnParts {
  static constexpr int most_threads = column_warps * warp_size;
  std::int64_t rows, width, stride;
  const Bf16* x;
  float* partial;

  Grid grid() const {
    return {.x = column_sum_blocks(rows, width),
            .y = blocks_for(width, block_columns),
            .threads = most_threads,
            .shared = join_bytes};
  }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char* shared) const {
    const Packs packs{width, stride % 8 == 0};
    const std::int64_t pack = std::int64_t{thread.block_y()} * warp_size + thread.lane();
    const std::int64_t step = (rows + thread.blocks_x() - 1) / thread.blocks_x();
    const std::int64_t first = thread.block_x() * step;
    const std::int64_t end = first + step < rows ? first + step : rows;
    float part[8] = {};
    for (std::int64_t row = first + thread.warp(); row < end; row += column_warps) {
      float value[8];
      packs.load(x + row * stride, pack, value);
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) part[i] += value[i];
    }
    const float total = join_warps(thread, part, reinterpret_cast<float*>(shared));
    const std::int64_t column = std::int64_t{thread.block_y()} * block_columns + thread.index();
    if (column < width) partial[thread.block_x() * width + column] = total;
  }
};

template <class Launch>
Result<void> run_column_sums(const Launch& launch, const ColumnParts& kernel, float* sums) {
  SOVREN_DO(launch(kernel, "starting column sums"));
  return launch(AddPartials{.count = kernel.grid().x,
                            .width = kernel.width,
                            .stride = kernel.width,
                            .partial = kernel.partial,
                            .sums = sums},
                "starting column sums");
}

}  // namespace sovren::nn::device
