// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/marginals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/base/check.h"
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

/// Places of the values in ascending order.
std::vector<std::size_t> ascending(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t k) { return values[k]; });
  return order;
}

/// The normal quantile of count / n, with a place for all of them.
double quantile_of_share(std::size_t count, std::size_t n) {
  constexpr double largest = 1 - 1e-5;
  return normal_quantile(count == n ? largest
                                    : static_cast<double>(count) / static_cast<double>(n));
}

}  // namespace

void rank_normal(std::span<double> values) {
  const std::vector<std::size_t> order = ascending(values);
  const std::size_t n = values.size();
  for (std::size_t first = 0; first < n;) {
    const double own = values[order[first]];
    std::size_t end = first + 1;
    while (end < n && values[order[end]] == own) ++end;
    const double transformed = quantile_of_share(end, n);
    for (; first < end; ++first) values[order[first]] = transformed;
  }
}

RankNormalizer::RankNormalizer(std::span<const double> values, int steps)
    : steps_(static_cast<std::size_t>(steps)), ranks_(values.size()) {
  for (std::size_t begin = 0; begin < values.size(); begin += steps_) {
    const auto own = values.subspan(begin, steps_);
    std::uint32_t rank = 0;
    double last = 0;
    for (std::size_t place = 0; const std::size_t t : ascending(own)) {
      if (place > 0 && own[t] != last) ++rank;
      last = own[t];
      ranks_[begin + t] = rank;
      ++place;
    }
  }
}

std::vector<double> RankNormalizer::quantiles(int n) {
  const auto count = static_cast<std::size_t>(n);
  std::vector<double> made(count + 1);
  for (std::size_t k = 1; k <= count; ++k) made[k] = quantile_of_share(k, count);
  return made;
}

void RankNormalizer::transform(int variable, int lag, std::span<const int> times,
                               std::span<const double> quantiles, std::span<double> out) const {
  SOVREN_CHECK(out.size() == times.size() && quantiles.size() == times.size() + 1,
               "one result and one quantile for each sample");
  const auto own = std::span(ranks_).subspan(static_cast<std::size_t>(variable) * steps_, steps_);
  const auto rank = [&](int t) { return own[static_cast<std::size_t>(t - lag)]; };
  std::vector<std::uint32_t> not_larger(steps_, 0);
  for (const int t : times) ++not_larger[rank(t)];
  for (std::size_t r = 1; r < steps_; ++r) not_larger[r] += not_larger[r - 1];
  for (std::size_t s = 0; s < times.size(); ++s) out[s] = quantiles[not_larger[rank(times[s])]];
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
