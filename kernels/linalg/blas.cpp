// SPDX-License-Identifier: Apache-2.0
#include "kernels/linalg/blas.h"

#include <cblas.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/base/check.h"
#include "kernels/linalg/clones.h"

namespace sovren::kernels {
namespace {

SOVREN_CLONES double dot_lanes(const double* a, const double* b, std::size_t n) {
  std::array<double, 8> sum{};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) sum[lane] += a[i + lane] * b[i + lane];
  for (; i < n; ++i) sum[i % 8] += a[i] * b[i];
  return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

}  // namespace

void gemm_tn(int m, int n, int k, const double* a, int a_stride, const double* b, int b_stride,
             double* c, int c_stride) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (int row = 0; row < m; ++row) std::fill_n(c + std::ptrdiff_t{row} * c_stride, n, 0.0);
    return;
  }
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, k, 1.0, a, a_stride, b, b_stride, 0.0,
              c, c_stride);
}

void gram(int n, int k, const double* a, double* c) {
  if (n == 0) return;
  if (k == 0) {
    std::fill_n(c, std::ptrdiff_t{n} * n, 0.0);
    return;
  }
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, n, k, 1.0, a, n, 0.0, c, n);
  constexpr int square = 32;  // mirrored in squares that fit the cache
  for (int i0 = 0; i0 < n; i0 += square)
    for (int k0 = 0; k0 <= i0; k0 += square)
      for (int i = i0; i < std::min(i0 + square, n); ++i)
        for (int j = k0; j < std::min(k0 + square, i); ++j)
          c[std::ptrdiff_t{j} * n + i] = c[std::ptrdiff_t{i} * n + j];
}

double dot(std::span<const double> a, std::span<const double> b) {
  SOVREN_CHECK(a.size() == b.size(), "both vectors have one length");
  return dot_lanes(a.data(), b.data(), a.size());
}

std::string better_blas_core() {
  if (std::string_view(openblas_get_corename()) != "Prescott") return "";
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return "SkylakeX";
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "Haswell" : "";
}

std::string blas_name() {
  return openblas_get_config();
}

}  // namespace sovren::kernels
