// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/pointwise.h"

#include <vector>

#include "kernels/nn/level.h"
#include "kernels/nn/level/optimizer.h"
#include "kernels/nn/level/pointwise.h"

namespace sovren::nn {
namespace {

constexpr std::int64_t block_size = 16384;  // elements that a thread takes at a time
constexpr std::int64_t sum_rows = 64;       // rows of a partial sum
constexpr std::int64_t sum_columns = 256;   // columns whose partial sums one thread adds up

std::int64_t blocks_of(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

DropoutRange range_of(const Dropout& dropout, std::int64_t width, std::int64_t first) {
  return {dropout.seed, dropout.stream,
          static_cast<std::uint64_t>(dropout.first_row * width + first), dropout.threshold(),
          dropout.scale()};
}

// Rows of about block_size numbers.
std::int64_t rows_of_block(std::int64_t width) {
  return std::max(std::int64_t{1}, block_size / width);
}

}  // namespace

void add_residual(Team& team, std::int64_t rows, std::int64_t width, const float* x,
                  const Dropout& dropout, float* y) {
  team.run_blocks(rows * width, block_size, [&](std::int64_t first, std::int64_t end) {
    if (dropout.is_on())
      kernels_here<PointwiseKernels>().add_dropped(range_of(dropout, width, first), end - first,
                                                   x + first, y + first);
    else
      kernels_here<OptimizerKernels>().add(end - first, x + first, y + first);
  });
}

void apply_dropout(Team& team, std::int64_t rows, std::int64_t width, const Dropout& dropout,
                   float* x) {
  if (!dropout.is_on()) return;
  const PointwiseKernels& kernels = kernels_here<PointwiseKernels>();
  team.run_blocks(rows * width, block_size, [&](std::int64_t first, std::int64_t end) {
    kernels.drop(range_of(dropout, width, first), end - first, x + first);
  });
}

void add_column_sums(Team& team, std::int64_t rows, std::int64_t width, std::int64_t stride,
                     const float* x, float* sums) {
  const PointwiseKernels& kernels = kernels_here<PointwiseKernels>();
  const std::int64_t blocks = blocks_of(rows, sum_rows);
  std::vector<float> partial(static_cast<std::size_t>(blocks * width));
  team.run_blocks(rows, sum_rows, [&](std::int64_t first, std::int64_t end) {
    kernels.add_columns(end - first, width, stride, x + first * stride,
                        partial.data() + first / sum_rows * width);
  });
  team.run_blocks(width, sum_columns, [&](std::int64_t first, std::int64_t end) {
    kernels.add_columns(blocks, end - first, width, partial.data() + first, sums + first);
  });
}

void gelu_forward(Team& team, std::int64_t size, const float* x, float* y) {
  const PointwiseKernels& kernels = kernels_here<PointwiseKernels>();
  team.run_blocks(size, block_size, [&](std::int64_t first, std::int64_t end) {
    kernels.gelu_forward(end - first, x + first, y + first);
  });
}

void gelu_backward(Team& team, std::int64_t size, const float* x, const float* d_y, float* d_x) {
  const PointwiseKernels& kernels = kernels_here<PointwiseKernels>();
  team.run_blocks(size, block_size, [&](std::int64_t first, std::int64_t end) {
    kernels.gelu_backward(end - first, x + first, d_y + first, d_x + first);
  });
}

void swiglu_forward(Team& team, std::int64_t rows, std::int64_t hidden, const float* x, float* y) {
  const PointwiseKernels& kernels = kernels_here<PointwiseKernels>();
  team.run_blocks(rows, rows_of_block(hidden), [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t row = first; row < end; ++row) {
      const float* const gate = x + 2 * row * hidden;
      kernels.swiglu_forward(hidden, gate, gate + hidden, y + row * hidden);
    }
  });
}

void swiglu_backward(Team& team, std::int64_t rows, std::int64_t hidden, const float* x,
                     const float* d_y, float* d_x) {
  const PointwiseKernels& kernels = kernels_here<PointwiseKernels>();
  team.run_blocks(rows, rows_of_block(hidden), [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t row = first; row < end; ++row) {
      const float* const gate = x + 2 * row * hidden;
      float* const d_gate = d_x + 2 * row * hidden;
      kernels.swiglu_backward(hidden, gate, gate + hidden, d_y + row * hidden, d_gate,
                              d_gate + hidden);
    }
  });
}

}  // namespace sovren::nn
