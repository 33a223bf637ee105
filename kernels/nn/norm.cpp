// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/norm.h"

#include <vector>

#include "kernels/nn/level.h"
#include "kernels/nn/level/norm.h"
#include "kernels/nn/pointwise.h"

namespace sovren::nn {
namespace {

constexpr std::int64_t block_rows = 32;  // what a thread takes at a time; a law of the sums' order

NormRows rows_of(const NormShape& shape, std::int64_t rows) {
  return {shape.kind == NormKind::layer, rows, shape.width, shape.epsilon};
}

// Null stays null.
template <class Number>
Number* moved(Number* from, std::int64_t by) {
  return from == nullptr ? nullptr : from + by;
}

}  // namespace

void norm_forward(Team& team, const NormShape& shape, const float* x, const float* weight,
                  const float* bias, float* y, float* mean, float* scale) {
  const NormKernels& kernels = kernels_here<NormKernels>();
  team.run_blocks(shape.rows, block_rows, [&](std::int64_t first, std::int64_t end) {
    const std::int64_t at = first * shape.width;
    kernels.forward(rows_of(shape, end - first), x + at, weight, bias, y + at, moved(mean, first),
                    scale + first);
  });
}

void norm_backward(Team& team, const NormShape& shape, const float* d_y, const float* x,
                   const float* weight, const float* mean, const float* scale, float* d_x,
                   float* d_weight, float* d_bias) {
  const NormKernels& kernels = kernels_here<NormKernels>();
  const std::int64_t blocks = (shape.rows + block_rows - 1) / block_rows;
  const std::int64_t size = blocks * shape.width;
  // One row per block: of the weight, then of the bias.
  std::vector<float> partial(static_cast<std::size_t>(d_bias == nullptr ? size : 2 * size));
  float* const partial_bias = d_bias == nullptr ? nullptr : partial.data() + size;
  team.run_blocks(shape.rows, block_rows, [&](std::int64_t first, std::int64_t end) {
    const std::int64_t at = first * shape.width, own = first / block_rows * shape.width;
    kernels.backward(rows_of(shape, end - first), d_y + at, x + at, weight, moved(mean, first),
                     scale + first, d_x + at, partial.data() + own, moved(partial_bias, own));
  });
  add_column_sums(team, blocks, shape.width, shape.width, partial.data(), d_weight);
  if (d_bias != nullptr)
    add_column_sums(team, blocks, shape.width, shape.width, partial_bias, d_bias);
}

}  // namespace sovren::nn
