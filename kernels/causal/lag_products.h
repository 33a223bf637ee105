// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>

#include "core/base/result.h"

namespace sovren::kernels {

/// Rows of a tile: wide enough for BLAS to run at full speed, narrow enough for 16 tiles at 1,000
/// variables.
inline constexpr int lag_tile_rows = 64;

/// The cores of all products of lagged variables, tile by tile; for each tile
///   out[d][i][k] = sum over u of x_i(u) x_k(u - d),   u = 2 L .. max(2 L, T - 2 L + d) - 1,
///                  i = the tile's variables,   k = 0 .. N-1,   d = 0 .. 2 L.
/// rows: (T, N) row-major; out: tiles first .. last-1 one after another, each (2 L + 1, rows of the
/// tile, N); aliases nothing.
struct LagProducts {
  std::span<const double> rows;
  int T = 0;
  int N = 0;
  int L = 0;      ///< max_lag
  int first = 0;  ///< tiles
  int last = 0;

  int begin() const { return first * lag_tile_rows; }
  int end() const { return std::min(last * lag_tile_rows, N); }
};

/// One past the last u of the core at lag difference d; 2 L when the core is empty.
constexpr int core_end(int T, int L, int d) {
  return T - 2 * L + d > 2 * L ? T - 2 * L + d : 2 * L;
}

/// By BLAS, one thread.
Result<void> lag_products_cpu(const LagProducts& work, std::span<double> out);

/// On the CUDA device of this process (use_device()), FP64. Each sum is one chain of fused
/// multiply-adds in the order of u, so it does not depend on the device. Against the CPU:
/// |difference| <= 2 eps T max|x|^2. Errors: device (none, out of memory, or this build has no
/// CUDA).
Result<void> lag_products_cuda(const LagProducts& work, std::span<double> out);

}  // namespace sovren::kernels
