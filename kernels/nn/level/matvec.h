// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sovren::nn {

/// y = W x + bias on one thread: W (rows, columns) row-major, bias null: none. For one row of input
/// a matrix product would spend its time on packing W.
struct MatvecKernels {
  void (*matvec)(std::int64_t rows, std::int64_t columns, const float* weight, const float* x,
                 const float* bias, float* y);
};

}  // namespace sovren::nn
