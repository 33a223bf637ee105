// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/nn/team.h"

namespace sovren::nn {

/// layer: (x - mean) / sqrt(variance + epsilon) x weight + bias. rms: x / sqrt(mean of x^2 +
/// epsilon) x weight; it has no bias and no mean.
enum class NormKind { layer, rms };

struct NormShape {
  NormKind kind = NormKind::layer;
  std::int64_t rows = 0;
  std::int64_t width = 0;
  float epsilon = 1e-5F;
};

/// y (rows, width) of x (rows, width). Kept for the backward pass: mean and scale = 1 / sqrt(...),
/// (rows) each; mean may be null for rms, bias may be null.
void norm_forward(Team& team, const NormShape& shape, const float* x, const float* weight,
                  const float* bias, float* y, float* mean, float* scale);

/// d_x += the gradient; d_weight, d_bias (width) += theirs, summed over rows in a fixed order.
/// d_bias null: no bias.
void norm_backward(Team& team, const NormShape& shape, const float* d_y, const float* x,
                   const float* weight, const float* mean, const float* scale, float* d_x,
                   float* d_weight, float* d_bias);

}  // namespace sovren::nn
