// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "kernels/causal/lag_covariance.h"

namespace sovren::kernels::testing {

/// (T, N) independent standard normal numbers.
inline std::vector<double> noise(int T, int N, std::uint64_t seed) {
  const Philox random(seed);
  std::vector<double> x(static_cast<std::size_t>(T) * static_cast<std::size_t>(N));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = random.normal(i);
  return x;
}

/// A chain: x_j(t) = 0.5 x_j(t-1) + 0.4 x_{j-1}(t - 1 - j % max_lag) + noise.
inline std::vector<double> chain(int T, int N, int max_lag, std::uint64_t seed) {
  std::vector<double> x = noise(T, N, seed);
  for (int t = max_lag; t < T; ++t) {
    for (int j = 0; j < N; ++j) {
      double& v = x[static_cast<std::size_t>(t * N + j)];
      v += 0.5 * x[static_cast<std::size_t>((t - 1) * N + j)];
      if (j > 0) v += 0.4 * x[static_cast<std::size_t>((t - 1 - j % max_lag) * N + j - 1)];
    }
  }
  return x;
}

inline constexpr int same_time_variables = 6;

/// Six variables with links at lag 0: a chain with a fork, 0 -> 2 <- 1 a collider, 2 -> 3 -> 4,
/// 2 -> 5 -> 4 a diamond; each remembers itself, and 0 drives 3 with delay 2.
inline std::vector<double> same_time_system(int T, std::uint64_t seed) {
  const int N = same_time_variables;
  std::vector<double> x = noise(T, N, seed);
  const auto at = [&](int t, int j) -> double& { return x[static_cast<std::size_t>(t * N + j)]; };
  for (int t = 0; t < T; ++t) {
    if (t >= 1)
      for (int j = 0; j < N; ++j) at(t, j) += 0.4 * at(t - 1, j);
    at(t, 2) += 0.6 * at(t, 0) - 0.6 * at(t, 1);
    if (t >= 2) at(t, 3) += 0.4 * at(t - 2, 0);
    at(t, 3) += 0.5 * at(t, 2);
    at(t, 5) -= 0.5 * at(t, 2);
    at(t, 4) += 0.6 * at(t, 3) + 0.5 * at(t, 5);
  }
  return x;
}

inline LagCorrelation correlation_of(const std::vector<double>& data, int N, int max_lag) {
  return *lag_correlation_cpu(data, static_cast<int>(data.size()) / N, N, max_lag);
}

/// Column of a node over t = 2 max_lag .. T-1, straight from the table.
inline std::vector<long double> sample(const std::vector<double>& data, int N, int max_lag,
                                       Node node) {
  const int T = static_cast<int>(data.size()) / N;
  std::vector<long double> column;
  for (int t = 2 * max_lag; t < T; ++t)
    column.push_back(data[static_cast<std::size_t>((t - node.lag) * N + node.variable)]);
  return column;
}

/// Partial correlation of the last two columns given the others, from its definition: centre, take
/// Z out of x and y by Gram-Schmidt (twice, in long double), correlate what is left.
inline double plain_partial(std::vector<std::vector<long double>> columns) {
  const auto dot = [](const auto& a, const auto& b) {
    long double sum = 0;
    for (std::size_t t = 0; t < a.size(); ++t) sum += a[t] * b[t];
    return sum;
  };
  for (std::size_t c = 0; c < columns.size(); ++c) {
    auto& own = columns[c];
    long double mean = 0;
    for (const long double v : own) mean += v / static_cast<long double>(own.size());
    for (long double& v : own) v -= mean;
    for (int twice = 0; twice < 2; ++twice) {
      for (std::size_t other = 0; other < c && other + 2 < columns.size(); ++other) {
        const long double factor = dot(own, columns[other]) / dot(columns[other], columns[other]);
        for (std::size_t t = 0; t < own.size(); ++t) own[t] -= factor * columns[other][t];
      }
    }
  }
  const auto& rx = columns[columns.size() - 2];
  const auto& ry = columns.back();
  return static_cast<double>(dot(rx, ry) / std::sqrt(dot(rx, rx) * dot(ry, ry)));
}

inline double plain_parcorr(const std::vector<double>& data, int N, int max_lag, Node x, Node y,
                            const std::vector<Node>& z) {
  std::vector<std::vector<long double>> columns;
  for (const Node node : z) columns.push_back(sample(data, N, max_lag, node));
  columns.push_back(sample(data, N, max_lag, x));
  columns.push_back(sample(data, N, max_lag, y));
  return plain_partial(std::move(columns));
}

/// RobustParCorr's transformation from its definition: numpy's interp on linspace(1/n, 1, n), then
/// the normal quantile by bisection.
inline void plain_rank_normal(std::vector<long double>& column) {
  std::vector<long double> sorted = column;
  std::ranges::sort(sorted);
  const std::size_t n = sorted.size();
  for (long double& v : column) {
    std::size_t k = 0;
    while (k + 1 < n && sorted[k + 1] <= v) ++k;
    long double u = (1.0L + static_cast<long double>(k)) / static_cast<long double>(n);
    if (u == 1) u = 1 - 1e-5L;
    long double low = -10;
    long double high = 10;
    for (int step = 0; step < 80; ++step) {
      const long double middle = (low + high) / 2;
      (0.5L * std::erfc(-middle / std::numbers::sqrt2_v<long double>) < u ? low : high) = middle;
    }
    v = low;
  }
}

}  // namespace sovren::kernels::testing
