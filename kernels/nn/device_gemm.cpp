// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/device_gemm.h"

namespace sovren::nn::device {

// A row-major matrix is, column by column, its transpose: C^T = B^T A^T.
ColumnMajor column_major(const Product& product) {
  const auto [m, n, k] = product.shape;
  ColumnMajor seen;
  seen.left =
      product.is_b_transposed ? ColumnMajor::Matrix{k, n, true} : ColumnMajor::Matrix{n, k, false};
  seen.right =
      product.is_a_transposed ? ColumnMajor::Matrix{m, k, true} : ColumnMajor::Matrix{k, m, false};
  seen.out = {n, m, false};
  return seen;
}

}  // namespace sovren::nn::device
