// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sovren::nn {

/// Dropout that is on, of `size` elements from global element `first` (dropout.h).
struct DropoutRange {
  std::uint64_t seed;
  std::uint64_t stream;
  std::uint64_t first;
  std::uint32_t threshold;
  float scale;
};

/// On one thread; see pointwise.h.
struct PointwiseKernels {
  void (*add_dropped)(const DropoutRange& dropout, std::int64_t size, const float* x, float* y);
  void (*drop)(const DropoutRange& dropout, std::int64_t size, float* x);
  /// sums[column] += the sum of these rows.
  void (*add_columns)(std::int64_t rows, std::int64_t width, std::int64_t stride, const float* x,
                      float* sums);
  void (*gelu_forward)(std::int64_t size, const float* x, float* y);
  void (*gelu_backward)(std::int64_t size, const float* x, const float* d_y, float* d_x);
  /// Of one row.
  void (*swiglu_forward)(std::int64_t hidden, const float* gate, const float* up, float* y);
  void (*swiglu_backward)(std::int64_t hidden, const float* gate, const float* up, const float* d_y,
                          float* d_gate, float* d_up);
};

}  // namespace sovren::nn
