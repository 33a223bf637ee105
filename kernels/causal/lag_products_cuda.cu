// SPDX-License-Identifier: Apache-2.0
// Each block makes one 64 x 64 piece of one lag difference: 256 threads, 4 x 4 sums each, 16 time
// points at a time through shared memory.
#include <cuda_runtime.h>

#include "core/base/check.h"
#include "kernels/causal/lag_products.h"
#include "kernels/device/device.h"
#include "kernels/device/device_memory.h"

namespace sovren::kernels {
namespace {

constexpr int piece = lag_tile_rows;  // 64 x 64 sums
constexpr int depth = 16;             // time points in shared memory
constexpr int side = 16;              // threads along one side
constexpr int each = piece / side;    // sums of a thread along one side

__global__ void lag_products(const double* __restrict__ rows, int T, int N, int L, int first_tile,
                             double* __restrict__ out) {
  __shared__ double at_u[depth][piece];
  __shared__ double at_u_minus_d[depth][piece];
  const int d = static_cast<int>(blockIdx.z);
  const int tile = first_tile + static_cast<int>(blockIdx.y);
  const int first_i = tile * piece;
  const int first_k = static_cast<int>(blockIdx.x) * piece;
  const int row = static_cast<int>(threadIdx.y);
  const int lane = static_cast<int>(threadIdx.x);
  const int end = max(T - 2 * L + d, 2 * L);  // core_end()
  double sum[each][each] = {};

  for (int begin = 2 * L; begin < end; begin += depth) {
    const int u = begin + row;
    for (int c = lane; c < piece; c += side) {
      const bool is_in_time = u < end;
      at_u[row][c] =
          is_in_time && first_i + c < N ? rows[static_cast<size_t>(u) * N + first_i + c] : 0.0;
      at_u_minus_d[row][c] =
          is_in_time && first_k + c < N ? rows[static_cast<size_t>(u - d) * N + first_k + c] : 0.0;
    }
    __syncthreads();
    for (int t = 0; t < depth; ++t) {
      double x[each];
      double z[each];
      for (int a = 0; a < each; ++a) x[a] = at_u[t][row + a * side];
      for (int b = 0; b < each; ++b) z[b] = at_u_minus_d[t][lane + b * side];
      for (int a = 0; a < each; ++a)
        for (int b = 0; b < each; ++b) sum[a][b] = fma(x[a], z[b], sum[a][b]);
    }
    __syncthreads();
  }

  const int height = min(piece, N - first_i);
  const size_t before = static_cast<size_t>(first_i - first_tile * piece) * (2 * L + 1) * N;
  for (int a = 0; a < each; ++a) {
    const int i = row + a * side;
    for (int b = 0; b < each; ++b) {
      const int k = first_k + lane + b * side;
      if (i < height && k < N)
        out[before + (static_cast<size_t>(d) * height + i) * N + k] = sum[a][b];
    }
  }
}

}  // namespace

Result<void> lag_products_cuda(const LagProducts& work, std::span<double> out) {
  const size_t tiles = static_cast<size_t>(work.last - work.first);
  SOVREN_CHECK(out.size() == static_cast<size_t>(2 * work.L + 1) *
                                 static_cast<size_t>(work.end() - work.begin()) *
                                 static_cast<size_t>(work.N),
               "out holds the tiles");
  if (tiles == 0) return {};
  SOVREN_DO(check_cuda(cudaSetDevice(used_device()), "choosing the device"));
  DeviceBuffer<double> rows;
  DeviceBuffer<double> products;
  SOVREN_DO(rows.upload(work.rows));
  SOVREN_DO(products.reserve(out.size()));
  const dim3 grid(static_cast<unsigned>((work.N + piece - 1) / piece), static_cast<unsigned>(tiles),
                  static_cast<unsigned>(2 * work.L + 1));
  lag_products<<<grid, dim3(side, side)>>>(rows.data(), work.T, work.N, work.L, work.first,
                                           products.data());
  SOVREN_DO(check_cuda(cudaGetLastError(), "starting the products"));
  return products.download(out, "computing the products");
}

}  // namespace sovren::kernels
