// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sovren::nn {

/// Rows of one thread; see norm.h.
struct NormRows {
  bool has_mean;  ///< layer, not rms
  std::int64_t rows;
  std::int64_t width;
  float epsilon;
};

struct NormKernels {
  void (*forward)(const NormRows& shape, const float* x, const float* weight, const float* bias,
                  float* y, float* mean, float* scale);
  /// d_weight, d_bias: the sums over these rows alone are added.
  void (*backward)(const NormRows& shape, const float* d_y, const float* x, const float* weight,
                   const float* mean, const float* scale, float* d_x, float* d_weight,
                   float* d_bias);
};

}  // namespace sovren::nn
