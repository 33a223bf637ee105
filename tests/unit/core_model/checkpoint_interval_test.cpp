// SPDX-License-Identifier: Apache-2.0
#include "core/model/checkpoint_interval.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/base/rng.h"

namespace sovren {
namespace {

/// Where the derivative of Daly's complete model is 0: e^((T+C)/M) (1 - T/M) = 1, by bisection.
double exact_interval_s(double cost_s, double mtbf_s) {
  double low = 0, high = mtbf_s;
  for (int i = 0; i < 200; ++i) {
    const double t = (low + high) / 2;
    (std::exp((t + cost_s) / mtbf_s) * (1 - t / mtbf_s) > 1 ? low : high) = t;
  }
  return low;
}

/// Share of the run time that is lost while `work_s` of work is done, as it happens: work, seal,
/// fail at random moments, go back, recover (which a failure may strike as well).
double simulated_overhead(double interval_s, double cost_s, double recovery_s, double mtbf_s,
                          double work_s, std::uint64_t seed) {
  const Philox random(seed, 1);
  std::uint64_t draws = 0;
  double now_s = 0, sealed_s = 0;
  double failure_s = -std::log(random.uniform(draws++)) * mtbf_s;
  bool is_recovering = false;
  while (sealed_s < work_s) {
    const double phase_s = is_recovering ? recovery_s : interval_s + cost_s;
    if (now_s + phase_s <= failure_s) {
      now_s += phase_s;
      if (!is_recovering) sealed_s += interval_s;
      is_recovering = false;
    } else {
      now_s = failure_s;
      failure_s += -std::log(random.uniform(draws++)) * mtbf_s;
      is_recovering = true;
    }
  }
  return 1 - sealed_s / now_s;
}

TEST(DalyInterval, FollowsEquation37) {
  // sqrt(2 C M) = 40, C / 2M = 1/400: 40 (1 + 1/60 + 1/3600) - 2
  EXPECT_DOUBLE_EQ(daly_interval_s(2, 400), 40 * (1 + 1 / 60.0 + 1 / 3600.0) - 2);
  EXPECT_DOUBLE_EQ(daly_interval_s(10, 5), 5) << "M from C = 2M on";
  EXPECT_DOUBLE_EQ(daly_interval_s(1000, 5), 5);
  EXPECT_EQ(daly_interval_s(0, 86'400), 0);
  EXPECT_EQ(daly_interval_s(0, 0), 0);
  EXPECT_EQ(daly_interval_s(-1, 86'400), 0) << "a cost that was measured as less than nothing";
}

TEST(DalyInterval, IsYoungsWhereCheckpointsAreCheap) {
  EXPECT_NEAR(daly_interval_s(1e-3, 1e6), std::sqrt(2 * 1e-3 * 1e6), 1e-3);
}

TEST(DalyInterval, IsNextToTheBestOfTheCompleteModel) {
  for (const double share : {1e-5, 1e-3, 0.03, 0.1, 0.3, 0.5, 1.0, 1.5}) {
    const double mtbf_s = 3600, cost_s = share * mtbf_s;
    const double best = 1 - daly_overhead(exact_interval_s(cost_s, mtbf_s), cost_s, 0, mtbf_s);
    const double chosen = 1 - daly_overhead(daly_interval_s(cost_s, mtbf_s), cost_s, 0, mtbf_s);
    const double young = 1 - daly_overhead(std::sqrt(2 * cost_s * mtbf_s), cost_s, 0, mtbf_s);
    EXPECT_LE(chosen, best * (1 + 1e-12)) << share;
    EXPECT_GT(chosen, best * (share <= 0.5 ? 0.9999 : 0.999)) << share;
    EXPECT_LT(young, chosen) << share;
  }
}

TEST(DalyOverhead, IsTheFirstOrderFormulaWhereFailuresAreRare) {
  const double overhead = daly_overhead(600, 1, 30, 1e7);
  EXPECT_NEAR(overhead, 1 / 600.0 + 600 / 2e7 + 30 / 1e7, 1e-5);
}

TEST(DalyOverhead, HasItsBounds) {
  EXPECT_EQ(daly_overhead(0, 1, 1, 1), 1) << "no work between checkpoints";
  EXPECT_EQ(daly_overhead(1, 1, 1, 0), 1);
  EXPECT_EQ(daly_overhead(1e6, 1, 1e6, 1), 1) << "no interval is ever survived";
  EXPECT_NEAR(daly_overhead(10, 0, 0, 1e12), 0, 1e-9);
}

TEST(DalyOverhead, IsWhatASimulationLoses) {
  struct Case {
    double interval_s, cost_s, recovery_s, mtbf_s;
  };
  for (const Case& c : {Case{60, 2, 5, 900}, Case{200, 1, 30, 3600}, Case{40, 20, 10, 100}}) {
    const double expected = daly_overhead(c.interval_s, c.cost_s, c.recovery_s, c.mtbf_s);
    const double simulated =
        simulated_overhead(c.interval_s, c.cost_s, c.recovery_s, c.mtbf_s, 40'000 * c.mtbf_s, 5);
    EXPECT_NEAR(simulated, expected, 0.02 * expected) << c.interval_s << " s";
  }
}

/// Nobody who tries twenty intervals finds one that wastes clearly less.
TEST(DalyInterval, WastesNoMoreThanTheBestOfAGrid) {
  struct Case {
    double cost_s, recovery_s, mtbf_s;
  };
  for (const Case& c : {Case{0.05, 2, 600}, Case{2, 10, 3600}, Case{30, 60, 600}}) {
    const auto wasted = [&](double interval_s) {
      return simulated_overhead(interval_s, c.cost_s, c.recovery_s, c.mtbf_s, 10'000 * c.mtbf_s,
                                11);
    };
    double best = 1;
    for (double interval_s = c.cost_s; interval_s < 2 * c.mtbf_s; interval_s *= 1.4)
      best = std::min(best, wasted(interval_s));
    const double chosen = wasted(daly_interval_s(c.cost_s, c.mtbf_s));
    EXPECT_LT(chosen, 1.03 * best) << "a cost of " << c.cost_s << " s";
    EXPECT_GT(wasted(3 * daly_interval_s(c.cost_s, c.mtbf_s)), 1.1 * best)
        << "the measure tells intervals apart";
  }
}

}  // namespace
}  // namespace sovren
