// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace sovren::nn::device {

// How sums over rows are cut into blocks: by the shape alone, so that the bits are the same on
// every device; enough blocks for the largest of them.

inline std::int64_t blocks_for(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

/// Blocks of norm_backward(), each of which sums some rows' gradients of weight and bias.
inline std::int64_t norm_backward_blocks(std::int64_t rows, std::int64_t width) {
  constexpr std::int64_t wanted = std::int64_t{1} << 20;  // numbers of all partial sums
  return std::min(rows, std::max<std::int64_t>(264, wanted / width));
}

/// Blocks of rows of add_column_sums().
inline std::int64_t column_sum_blocks(std::int64_t rows, std::int64_t width) {
  constexpr std::int64_t columns = 256;  // of a block
  const std::int64_t wanted = std::max<std::int64_t>(1, 2048 / blocks_for(width, columns));
  return std::min(wanted, blocks_for(rows, 8));
}

}  // namespace sovren::nn::device
