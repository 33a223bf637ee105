// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/schedule.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/check.h"

namespace sovren::jobs {

namespace {

/// Seconds of one unit (the mean of both passes) on one core, roughly: 2 x 10^-8 s per pair of
/// lagged variables that a target is tested against, growing with the size of the conditions
/// (facts: N=100, T=1000, 5 lags 0.39 s; N=300 10.2 s for both passes).
double unit_s(const Schedule::Shape& shape) {
  const double candidates = static_cast<double>(shape.variables) * (shape.max_lag + 1);
  return 3e-6 * candidates + 5e-9 * candidates * candidates;
}

/// A step is to take at most this on one core: more ranks make it shorter, down to 0.1 s.
constexpr double step_s_aim = 1.0;

/// At least so many steps per pass, where there are as many units: stops are answered soon, and
/// progress moves.
constexpr int steps_min = 8;

}  // namespace

std::vector<int> radical_inverse_order(int count) {
  const int bits = std::bit_width(static_cast<unsigned>(std::max(count - 1, 0)));
  std::vector<int> order;
  order.reserve(static_cast<std::size_t>(count));
  for (unsigned i = 0; i < (1U << bits); ++i) {
    unsigned reversed = 0;
    for (int bit = 0; bit < bits; ++bit) reversed |= ((i >> bit) & 1U) << (bits - 1 - bit);
    if (reversed < static_cast<unsigned>(count)) order.push_back(static_cast<int>(reversed));
  }
  return order;
}

Rows rows_of_rank(int rows, int rank, int ranks) {
  const std::int64_t first = std::int64_t{rank} * rows / ranks;
  const std::int64_t last = std::int64_t{rank + 1} * rows / ranks;
  return {first, last - first};
}

int Schedule::units_per_step_of(const Shape& shape) {
  const double by_time = step_s_aim / unit_s(shape);
  const double by_count = static_cast<double>(shape.variables) / steps_min;
  const double units = std::max(1.0, std::min(by_time, by_count));
  return static_cast<int>(std::bit_floor(static_cast<unsigned>(units)));
}

Schedule::Schedule(int variables, int units_per_step)
    : order_(radical_inverse_order(variables)), units_per_step_(units_per_step) {
  SOVREN_CHECK(variables >= 1 && units_per_step >= 1, "a step has work");
  steps_per_pass_ = (variables + units_per_step_ - 1) / units_per_step_;
}

std::span<const int> Schedule::units(std::int64_t step) const {
  SOVREN_CHECK(step >= 0 && step < steps_total(), "a step of the schedule");
  const std::int64_t first = step % steps_per_pass_ * units_per_step_;
  const std::int64_t last = std::min<std::int64_t>(first + units_per_step_, std::ssize(order_));
  return std::span(order_).subspan(static_cast<std::size_t>(first),
                                   static_cast<std::size_t>(last - first));
}

std::int64_t Schedule::units_done(std::int64_t steps_of_pass) const {
  return std::clamp<std::int64_t>(steps_of_pass * units_per_step_, 0, std::ssize(order_));
}

}  // namespace sovren::jobs
