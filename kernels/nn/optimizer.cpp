// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/optimizer.h"

#include <cmath>

#include "core/base/check.h"
#include "kernels/nn/level.h"
#include "kernels/nn/level/optimizer.h"

namespace sovren::nn {
namespace {

constexpr std::int64_t block = norm_block;  // elements that a thread takes at a time

std::int64_t size_of(std::span<const float> values) {
  return static_cast<std::int64_t>(values.size());
}

}  // namespace

AdamWFactors adamw_factors(const AdamW& adamw, double gradient_scale) {
  const auto t = static_cast<double>(adamw.step);
  return {.gradient_scale = static_cast<float>(gradient_scale),
          .keep = static_cast<float>(1 - adamw.learning_rate * adamw.weight_decay),
          .beta1 = static_cast<float>(adamw.beta1),
          .rest1 = static_cast<float>(1 - adamw.beta1),
          .beta2 = static_cast<float>(adamw.beta2),
          .rest2 = static_cast<float>(1 - adamw.beta2),
          .step_size = static_cast<float>(adamw.learning_rate / (1 - std::pow(adamw.beta1, t))),
          .inverse_root = static_cast<float>(1 / std::sqrt(1 - std::pow(adamw.beta2, t))),
          .epsilon = static_cast<float>(adamw.epsilon)};
}

void adamw_update(Team& team, const AdamW& adamw, double gradient_scale,
                  std::span<float> parameters, std::span<const float> gradient, std::span<float> m,
                  std::span<float> v) {
  SOVREN_CHECK(gradient.size() == parameters.size() && m.size() == parameters.size() &&
                   v.size() == parameters.size(),
               "one gradient, m and v per parameter");
  const AdamWFactors factors = adamw_factors(adamw, gradient_scale);
  const OptimizerKernels& kernels = kernels_here<OptimizerKernels>();
  team.run_blocks(size_of(parameters), block, [&](std::int64_t first, std::int64_t end) {
    kernels.adamw(factors, end - first, parameters.data() + first, gradient.data() + first,
                  m.data() + first, v.data() + first);
  });
}

void block_squares(Team& team, std::span<const float> values, std::span<double> squares) {
  const OptimizerKernels& kernels = kernels_here<OptimizerKernels>();
  SOVREN_CHECK(size_of(values) <= norm_block * static_cast<std::int64_t>(squares.size()),
               "a sum for each block");
  team.run_blocks(size_of(values), norm_block, [&](std::int64_t first, std::int64_t end) {
    squares[static_cast<std::size_t>(first / norm_block)] =
        kernels.squares(end - first, values.data() + first);
  });
}

void add_to(Team& team, std::span<const float> from, std::span<float> to) {
  SOVREN_CHECK(from.size() == to.size(), "sizes are the same");
  const OptimizerKernels& kernels = kernels_here<OptimizerKernels>();
  team.run_blocks(size_of(from), block, [&](std::int64_t first, std::int64_t end) {
    kernels.add(end - first, from.data() + first, to.data() + first);
  });
}

}  // namespace sovren::nn
