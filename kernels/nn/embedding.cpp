// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/nn/level.h"
#include "kernels/nn/level/optimizer.h"
#include "kernels/nn/pointwise.h"

namespace sovren::nn {
namespace {

constexpr std::int64_t block_tokens = 64;
constexpr std::int64_t block_columns = 32;  // of a table; more threads than width / 32 wait

std::int64_t size_of(std::span<const std::int32_t> tokens) {
  return static_cast<std::int64_t>(tokens.size());
}

}  // namespace

void embed(Team& team, std::span<const std::int32_t> tokens, std::int64_t context,
           std::int64_t width, const float* token_table, const float* position_table, float* x) {
  const OptimizerKernels& kernels = kernels_here<OptimizerKernels>();
  team.run_blocks(size_of(tokens), block_tokens, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t t = first; t < end; ++t) {
      const std::int64_t token = tokens[static_cast<std::size_t>(t)];
      std::copy_n(token_table + token * width, width, x + t * width);
      if (position_table != nullptr)
        kernels.add(width, position_table + t % context * width, x + t * width);
    }
  });
}

// A thread owns columns, not tokens: then each sum runs over the tokens in their order.
void embed_backward(Team& team, std::span<const std::int32_t> tokens, std::int64_t context,
                    std::int64_t width, const float* d_x, float* d_token_table,
                    float* d_position_table) {
  const OptimizerKernels& kernels = kernels_here<OptimizerKernels>();
  team.run_blocks(width, block_columns, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t t = 0; t < size_of(tokens); ++t) {
      const std::int64_t token = tokens[static_cast<std::size_t>(t)];
      const float* const from = d_x + t * width + first;
      kernels.add(end - first, from, d_token_table + token * width + first);
      if (d_position_table != nullptr)
        kernels.add(end - first, from, d_position_table + t % context * width + first);
    }
  });
}

}  // namespace sovren::nn
