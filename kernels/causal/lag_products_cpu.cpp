// SPDX-License-Identifier: Apache-2.0
#include "core/base/check.h"
#include "kernels/causal/lag_products.h"
#include "kernels/linalg/blas.h"

namespace sovren::kernels {

Result<void> lag_products_cpu(const LagProducts& work, std::span<double> out) {
  const auto& [rows, T, N, L, first_tile, last_tile] = work;
  SOVREN_CHECK(std::ssize(out) == std::ptrdiff_t{2 * L + 1} * (work.end() - work.begin()) * N,
               "out holds the tiles");
  double* to = out.data();
  for (int first = work.begin(); first < work.end(); first += lag_tile_rows) {
    const int height = std::min(lag_tile_rows, N - first);
    for (int d = 0; d <= 2 * L; ++d) {
      const double* const at_u = rows.data() + std::ptrdiff_t{2 * L} * N + first;
      const double* const at_u_minus_d = rows.data() + std::ptrdiff_t{2 * L - d} * N;
      gemm_tn(height, N, core_end(T, L, d) - 2 * L, at_u, N, at_u_minus_d, N, to, N);
      to += std::ptrdiff_t{height} * N;
    }
  }
  return {};
}

}  // namespace sovren::kernels
