// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/nn/team.h"

namespace sovren::nn {

/// One step of AdamW, as torch.optim.AdamW does it, rounding included: p -= rate x decay x p; m =
/// beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p -= rate / (1 - beta1^t) x m /
/// (sqrt(v) / sqrt(1 - beta2^t) + epsilon).
/// Source   Loshchilov, Hutter 2019, algorithm 2.
struct AdamW {
  double learning_rate = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  std::int64_t step = 1;  ///< t, counted from 1
};

/// All spans are of one size. The gradient is multiplied by gradient_scale first (clipping).
void adamw_update(Team& team, const AdamW& adamw, double gradient_scale,
                  std::span<float> parameters, std::span<const float> gradient, std::span<float> m,
                  std::span<float> v);

/// The sum of squares of each block of norm_block elements (the last may be short), in double and
/// in a fixed order: what a global norm is made of, whoever holds which blocks.
inline constexpr std::int64_t norm_block = 16384;
void block_squares(Team& team, std::span<const float> values, std::span<double> squares);

/// to += from.
void add_to(Team& team, std::span<const float> from, std::span<float> to);

}  // namespace sovren::nn
