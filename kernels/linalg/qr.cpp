// SPDX-License-Identifier: Apache-2.0
#include "kernels/linalg/qr.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/check.h"
#include "kernels/linalg/blas.h"

namespace sovren::kernels {

PivotedQr::PivotedQr(std::vector<double> matrix, int rows, int columns, double tolerance)
    : matrix_(std::move(matrix)), order_(static_cast<std::size_t>(columns)), rows_(rows) {
  SOVREN_CHECK(std::ssize(matrix_) == std::ptrdiff_t{rows} * columns, "matrix is (rows, columns)");
  const auto column = [&](int c) {
    return std::span(matrix_).subspan(static_cast<std::size_t>(c) * static_cast<std::size_t>(rows),
                                      static_cast<std::size_t>(rows));
  };
  std::iota(order_.begin(), order_.end(), 0);
  double longest = 0;
  for (int k = 0; k < std::min(rows, columns); ++k) {
    // Norms of the remainders are computed anew: updating them loses digits just where they matter.
    int pivot = k;
    double pivot_norm = -1;
    for (int c = k; c < columns; ++c) {
      const auto rest = column(c).subspan(static_cast<std::size_t>(k));
      const double norm = std::sqrt(dot(rest, rest));
      if (norm > pivot_norm) pivot = c, pivot_norm = norm;
    }
    if (k == 0) longest = pivot_norm;
    if (!(pivot_norm > tolerance * longest)) break;
    if (pivot != k) {
      std::ranges::swap_ranges(column(k), column(pivot));
      std::swap(order_[static_cast<std::size_t>(k)], order_[static_cast<std::size_t>(pivot)]);
    }

    const auto h = column(k).subspan(static_cast<std::size_t>(k));
    const double alpha = h[0] > 0 ? -pivot_norm : pivot_norm;
    h[0] -= alpha;
    scale_.push_back(2 / dot(h, h));
    diagonal_.push_back(alpha);
    rank_ = k + 1;
    for (int c = k + 1; c < columns; ++c) reflect(k, column(c));
  }
}

void PivotedQr::reflect(int step, std::span<double> v) const {
  const auto from = static_cast<std::size_t>(step);
  const auto h = std::span(matrix_).subspan(from * static_cast<std::size_t>(rows_) + from,
                                            static_cast<std::size_t>(rows_) - from);
  const auto rest = v.subspan(from);
  const double factor = scale_[from] * dot(h, rest);
  for (std::size_t t = 0; t < rest.size(); ++t) rest[t] -= factor * h[t];
}

void PivotedQr::project_out(std::span<double> v) const {
  SOVREN_CHECK(std::ssize(v) == rows_, "v is (rows)");
  for (int k = 0; k < rank_; ++k) reflect(k, v);
  std::fill_n(v.begin(), rank_, 0.0);
  for (int k = rank_ - 1; k >= 0; --k) reflect(k, v);
}

std::vector<double> PivotedQr::solve(std::vector<double> v) const {
  SOVREN_CHECK(std::ssize(v) == rows_, "v is (rows)");
  for (int k = 0; k < rank_; ++k) reflect(k, v);
  std::vector<double> factors(order_.size(), 0.0);
  for (auto k = static_cast<std::size_t>(rank_); k-- > 0;) {
    const double factor = v[k] / diagonal_[k];
    const double* const column = matrix_.data() + k * static_cast<std::size_t>(rows_);
    for (std::size_t row = 0; row < k; ++row) v[row] -= factor * column[row];
    factors[static_cast<std::size_t>(order_[k])] = factor;
  }
  return factors;
}

}  // namespace sovren::kernels
