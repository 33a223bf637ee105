// SPDX-License-Identifier: Apache-2.0
#include "cli/svar.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "core/base/rng.h"

namespace sovren::cli {
namespace {

enum Stream : std::uint64_t { own_weights = 1, cross_links = 2, noise = 3 };

std::vector<TrueLink> draw_links(const SvarOptions& options) {
  const Philox own(options.seed, own_weights), cross(options.seed, cross_links);
  const auto n = static_cast<std::uint64_t>(options.variables);
  std::set<std::tuple<int, int, int>> taken;  // (target, source, lag)
  std::vector<TrueLink> links;
  for (int j = 0; j < options.variables; ++j) {
    links.push_back({j, j, 1, 0.2 + 0.5 * own.uniform(static_cast<std::uint64_t>(j))});
    taken.insert({j, j, 1});
  }
  // A pair of variables has at most one cross link in each direction; with few variables there may
  // be fewer than asked.
  const std::uint64_t wanted =
      options.variables < 2 ? 0 : n * static_cast<std::uint64_t>(options.links_per_variable);
  std::set<std::pair<int, int>> pairs;
  for (std::uint64_t draw = 0, made = 0;
       made < std::min(wanted, n * (n - 1)) && draw < 100 * wanted; ++draw) {
    const int source = static_cast<int>(cross.below(4 * draw, n));
    const int target = static_cast<int>(cross.below(4 * draw + 1, n));
    if (source == target || !pairs.insert({source, target}).second) continue;
    const int lag = 1 + static_cast<int>(
                            cross.below(4 * draw + 2, static_cast<std::uint64_t>(options.max_lag)));
    const double u = cross.uniform(4 * draw + 3);
    links.push_back({source, target, lag, (u < 0.5 ? -1 : 1) * (0.2 + 0.4 * std::fabs(2 * u - 1))});
    ++made;
  }
  std::vector<double> sums(n, 0.0);
  for (const TrueLink& link : links)
    sums[static_cast<std::size_t>(link.target)] += std::fabs(link.weight);
  for (TrueLink& link : links)
    link.weight *= std::min(1.0, 0.9 / sums[static_cast<std::size_t>(link.target)]);
  std::sort(links.begin(), links.end(), [](const TrueLink& a, const TrueLink& b) {
    return std::tie(a.target, a.source, a.lag) < std::tie(b.target, b.source, b.lag);
  });
  return links;
}

}  // namespace

Svar generate_svar(const SvarOptions& options) {
  Svar svar{.links = draw_links(options), .series = {}};
  const auto n = static_cast<std::size_t>(options.variables);
  // Row sums of 0.9 over a lag of max_lag: after this many steps less than 1e-9 of the start is
  // left.
  const auto start_up = static_cast<std::size_t>(200 * options.max_lag);
  const std::size_t steps = start_up + static_cast<std::size_t>(options.length);
  const Philox rng(options.seed, noise);
  std::vector<double> x(steps * n);
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t j = 0; j < n; ++j) x[t * n + j] = rng.normal(t * n + j);
    for (const TrueLink& link : svar.links) {
      const auto lag = static_cast<std::size_t>(link.lag);
      if (t < lag) continue;
      x[t * n + static_cast<std::size_t>(link.target)] +=
          link.weight * x[(t - lag) * n + static_cast<std::size_t>(link.source)];
    }
  }
  svar.series.assign(x.begin() + static_cast<std::ptrdiff_t>(start_up * n), x.end());
  return svar;
}

}  // namespace sovren::cli
