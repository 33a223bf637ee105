// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/gemm.h"
#include "kernels/nn/level/gelu.h"
#include "kernels/nn/level/simd.h"

namespace sovren::nn::SOVREN_LEVEL {

/// Sixteen or fewer finished sums of one row go where the caller wants them.
inline void finish(const GemmOutput& c, std::int64_t row, std::int64_t column, int count, F16 x) {
  const std::int64_t at = row * c.row_stride + column;
  if (c.bias != nullptr) x = x + F16::load_some(c.bias + column, count);
  if (c.before_gelu != nullptr) {
    x.store_some(c.before_gelu + at, count);
    x = gelu(x);
  }
  if (c.gelu_input != nullptr) x = x * gelu_slope(F16::load_some(c.gelu_input + at, count));
  if (c.write == GemmOutput::Write::add) x = x + F16::load_some(c.data + at, count);
  x.store_some(c.data + at, count);
}

}  // namespace sovren::nn::SOVREN_LEVEL
