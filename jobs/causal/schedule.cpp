// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/schedule.h"

#include <algorithm>
#include <numeric>

#include "core/base/check.h"

namespace sovren::jobs {

namespace {

/// A step is to take at most this on one core: stops are answered soon.
constexpr double step_s_aim = 1.0;

/// At least so many steps in a round, where there are as many units: progress moves.
constexpr int steps_min = 8;

/// What a rank takes must be long against the clock and the exchange to tell its speed.
constexpr double measured_s_min = 0.02;

/// One rank is not taken for more than this times slower or faster than the mean.
constexpr double speed_ratio_max = 4;

}  // namespace

Rows rows_of_rank(std::int64_t rows, int rank, int ranks) {
  const std::int64_t first = rank * rows / ranks;
  const std::int64_t last = (rank + 1) * rows / ranks;
  return {first, last - first};
}

int units_in_step(const kernels::Search& search, int first) {
  const int total = search.units();
  SOVREN_CHECK(first >= 0 && first < total, "the round has units left");
  const int most = std::max(1, total / steps_min);
  double cost_s = 0;
  int count = 0;
  while (first + count < total && count < most) {
    cost_s += search.cost_s(first + count);
    if (count > 0 && cost_s > step_s_aim) break;
    ++count;
  }
  return count;
}

std::vector<int> deal(std::span<const double> costs_s, std::span<const double> speeds) {
  std::vector<std::size_t> order(costs_s.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::size_t unit) { return costs_s[unit]; });
  std::vector<double> busy_s(speeds.size(), 0.0);
  std::vector<int> rank_of(costs_s.size());
  for (const std::size_t unit : order) {
    std::size_t best = 0;
    for (std::size_t rank = 1; rank < speeds.size(); ++rank)
      if (busy_s[rank] + costs_s[unit] / speeds[rank] < busy_s[best] + costs_s[unit] / speeds[best])
        best = rank;
    busy_s[best] += costs_s[unit] / speeds[best];
    rank_of[unit] = static_cast<int>(best);
  }
  return rank_of;
}

void RankSpeeds::learn(std::span<const double> costs_s, std::span<const double> took_s) {
  SOVREN_CHECK(costs_s.size() == speeds_.size() && took_s.size() == speeds_.size(),
               "one figure for each rank");
  std::vector<double> measured(speeds_.size());
  for (std::size_t rank = 0; rank < speeds_.size(); ++rank) {
    if (took_s[rank] < measured_s_min || costs_s[rank] <= 0) return;
    measured[rank] = costs_s[rank] / took_s[rank];
  }
  const double mean =
      std::accumulate(measured.begin(), measured.end(), 0.0) / static_cast<double>(measured.size());
  for (std::size_t rank = 0; rank < speeds_.size(); ++rank)
    speeds_[rank] = 0.5 * speeds_[rank] +
                    0.5 * std::clamp(measured[rank] / mean, 1 / speed_ratio_max, speed_ratio_max);
}

}  // namespace sovren::jobs
