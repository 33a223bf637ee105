// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/fdr.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/check.h"

namespace sovren::kernels {

std::vector<double> benjamini_hochberg(std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::ranges::sort(
      order, [&](std::size_t a, std::size_t b) { return p[a] < p[b] || (p[a] == p[b] && a < b); });
  std::vector<double> q(p.begin(), p.end());
  const auto m = static_cast<double>(order.size());
  double least = 1;
  for (std::size_t rank = order.size(); rank-- > 0;) {
    least = std::min(least, p[order[rank]] * m / static_cast<double>(rank + 1));
    q[order[rank]] = least;
  }
  return q;
}

std::vector<double> lagged_q_values(std::span<const double> p, const LinkShape& shape) {
  const auto lags = static_cast<std::size_t>(shape.max_lag) + 1;
  SOVREN_CHECK(std::ssize(p) == std::ptrdiff_t{shape.N} * shape.N * (shape.max_lag + 1),
               "p is (N, N, max_lag + 1)");
  const auto first = static_cast<std::size_t>(std::max(1, shape.min_lag));
  std::vector<double> tested;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (i % lags >= first) tested.push_back(p[i]);
  const std::vector<double> q = benjamini_hochberg(tested);
  std::vector<double> all(p.begin(), p.end());
  auto next = q.begin();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (i % lags >= first) all[i] = *next++;
  return all;
}

void symmetrise_lag0(std::span<double> value, std::span<double> p, const LinkShape& shape) {
  const auto n = static_cast<std::size_t>(shape.N);
  const auto lags = static_cast<std::size_t>(shape.max_lag) + 1;
  SOVREN_CHECK(value.size() == n * n * lags && p.size() == value.size(),
               "value and p are (N, N, max_lag + 1)");
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      const std::size_t a = (i * n + j) * lags;
      const std::size_t b = (j * n + i) * lags;
      const bool a_counts =
          p[a] > p[b] || (p[a] == p[b] && std::abs(value[a]) <= std::abs(value[b]));
      const std::size_t from = a_counts ? a : b;
      const std::size_t to = a_counts ? b : a;
      p[to] = p[from];
      value[to] = value[from];
    }
  }
}

}  // namespace sovren::kernels
