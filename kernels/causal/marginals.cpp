// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/marginals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/causal/normal.h"
#include "kernels/linalg/blas.h"
#include "kernels/linalg/clones.h"

namespace sovren::kernels {
namespace {

// Eight interleaved sums or maxima, joined in a fixed order: the same bits on every processor.
using Lanes = std::array<double, 8>;

SOVREN_CLONES double sum_of_multiples(const double* v, std::size_t n, double factor) {
  Lanes sum{};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) sum[lane] += v[i + lane] * factor;
  for (; i < n; ++i) sum[i % 8] += v[i] * factor;
  return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

SOVREN_CLONES double largest_size(const double* v, std::size_t n) {
  Lanes largest{};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane)
      largest[lane] = std::max(largest[lane], std::abs(v[i + lane]));
  for (; i < n; ++i) largest[i % 8] = std::max(largest[i % 8], std::abs(v[i]));
  return std::ranges::max(largest);
}

SOVREN_CLONES void subtract(double* v, std::size_t n, double subtrahend) {
  for (std::size_t i = 0; i < n; ++i) v[i] -= subtrahend;
}

SOVREN_CLONES void multiply(double* v, std::size_t n, double factor) {
  for (std::size_t i = 0; i < n; ++i) v[i] *= factor;
}

/// Centres the values; the second pass removes the rounding of the first mean.
void centre(std::span<double> values) {
  const double share = 1 / static_cast<double>(values.size());
  for (int pass = 0; pass < 2; ++pass)
    subtract(values.data(), values.size(), sum_of_multiples(values.data(), values.size(), share));
}

double largest_of(std::span<const double> values) {
  return largest_size(values.data(), values.size());
}

/// As standardise(), without a transformation.
double scale_to_length_1(std::span<double> values) {
  const double largest = largest_of(values);
  centre(values);
  const double spread = largest_of(values);
  if (spread > 0) {
    // A power of two first: it rounds nothing, and squares neither overflow nor vanish.
    const double scale = std::exp2(std::min(-std::ilogb(spread), 1000));
    multiply(values.data(), values.size(), scale);
    const double length = std::sqrt(dot(values, values));
    const double std = length / std::sqrt(static_cast<double>(values.size())) / scale;
    if (std > 1e-12 * largest) {
      multiply(values.data(), values.size(), 1 / length);
      return largest / std;
    }
  }
  std::ranges::fill(values, 0.0);
  return 0;
}

}  // namespace

void rank_normal(std::span<double> values) {
  constexpr double largest = 1 - 1e-5;
  const std::size_t n = values.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t k) { return values[k]; });
  for (std::size_t first = 0; first < n;) {
    std::size_t end = first + 1;
    while (end < n && values[order[end]] == values[order[first]]) ++end;
    const double u = end == n ? largest : static_cast<double>(end) / static_cast<double>(n);
    const double transformed = normal_quantile(u);
    for (; first < end; ++first) values[order[first]] = transformed;
  }
}

double standardise(std::span<double> values, Marginals marginals) {
  if (marginals == Marginals::linear) return scale_to_length_1(values);
  std::vector<double> transformed(values.begin(), values.end());
  const bool is_constant = scale_to_length_1(values) == 0;
  if (is_constant) return 0;
  rank_normal(transformed);
  const double resolution = scale_to_length_1(transformed);
  std::ranges::copy(transformed, values.begin());
  return resolution;
}

}  // namespace sovren::kernels
