// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/marginals.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/causal/normal.h"
#include "kernels/linalg/blas.h"

namespace sovren::kernels {
namespace {

/// Centres the values; the second pass removes the rounding of the first mean.
void centre(std::span<double> values) {
  const auto n = static_cast<double>(values.size());
  for (int pass = 0; pass < 2; ++pass) {
    double mean = 0;
    for (const double v : values) mean += v / n;
    for (double& v : values) v -= mean;
  }
}

double largest_of(std::span<const double> values) {
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

/// As standardise(), without a transformation.
double scale_to_length_1(std::span<double> values) {
  const double largest = largest_of(values);
  centre(values);
  const double spread = largest_of(values);
  if (spread > 0) {
    // A power of two first: it rounds nothing, and squares neither overflow nor vanish.
    const double scale = std::exp2(std::min(-std::ilogb(spread), 1000));
    for (double& v : values) v *= scale;
    const double length = std::sqrt(dot(values, values));
    const double std = length / std::sqrt(static_cast<double>(values.size())) / scale;
    if (std > 1e-12 * largest) {
      for (double& v : values) v /= length;
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
