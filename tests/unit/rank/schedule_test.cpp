// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "workers/rank/interval.h"

namespace sovren::workers {
namespace {

using Mode = CheckpointInterval::Mode;

TEST(YoungDaly, IsTheRootOfTwiceCostTimesMtbf) {
  EXPECT_DOUBLE_EQ(young_daly(0.5, 3600), 60);
  EXPECT_DOUBLE_EQ(young_daly(2, 10'000), 200);
}

TEST(YoungDaly, StaysWithinItsBounds) {
  EXPECT_EQ(young_daly(0, 86'400), interval_s_min);
  EXPECT_EQ(young_daly(1e-9, 1), interval_s_min);
  EXPECT_EQ(young_daly(100, 1e9), interval_s_max);
}

TEST(YoungDaly, NeverSealsLongerThanItWorks) {
  EXPECT_EQ(young_daly(1000, 1), 1000);
  EXPECT_EQ(young_daly(30, 2), 30);
}

/// The overhead, cost / interval + interval / (2 mtbf), has its minimum there.
TEST(YoungDaly, LosesLeast) {
  for (const double cost : {0.01, 0.3, 4.0})
    for (const double mtbf : {600.0, 86'400.0}) {
      const double best = young_daly(cost, mtbf);
      if (best <= interval_s_min || best >= interval_s_max) continue;
      const auto loss = [&](double interval) { return cost / interval + interval / (2 * mtbf); };
      EXPECT_LT(loss(best), loss(best * 1.05));
      EXPECT_LT(loss(best), loss(best / 1.05));
    }
}

TEST(CheckpointSchedule, AutomaticMeasuresFirstAndThenKeepsTheInterval) {
  CheckpointSchedule schedule({.mode = Mode::automatic}, 10'000, 100, 0);
  EXPECT_FALSE(schedule.is_due(101.9, 7));
  EXPECT_TRUE(schedule.is_due(102, 7));
  schedule.sealed(103, 7, 2);
  EXPECT_DOUBLE_EQ(schedule.interval_s(), 200);
  EXPECT_FALSE(schedule.is_due(302, 90));
  EXPECT_TRUE(schedule.is_due(303, 90));
}

TEST(CheckpointSchedule, CostIsSmoothed) {
  CheckpointSchedule schedule({.mode = Mode::automatic}, 10'000, 0, 0);
  schedule.sealed(10, 1, 1);
  schedule.sealed(20, 2, 3);
  EXPECT_DOUBLE_EQ(schedule.interval_s(), std::sqrt(2 * 2.0 * 10'000));
}

TEST(CheckpointSchedule, SameStepIsNotSealedTwice) {
  CheckpointSchedule schedule({.mode = Mode::seconds, .seconds = 1}, 1, 0, 5);
  EXPECT_FALSE(schedule.is_due(100, 5));
  EXPECT_TRUE(schedule.is_due(100, 6));
}

TEST(CheckpointSchedule, SecondsAndStepsAreKept) {
  CheckpointSchedule seconds({.mode = Mode::seconds, .seconds = 30}, 1, 0, 0);
  seconds.sealed(10, 1, 1000);
  EXPECT_FALSE(seconds.is_due(39.9, 2));
  EXPECT_TRUE(seconds.is_due(40, 2));
  CheckpointSchedule steps({.mode = Mode::steps, .steps = 20}, 1, 0, 100);
  EXPECT_FALSE(steps.is_due(1e9, 119));
  EXPECT_TRUE(steps.is_due(0, 120));
}

TEST(CheckpointSchedule, OffIsNeverDue) {
  const CheckpointSchedule schedule({.mode = Mode::off}, 1, 0, 0);
  EXPECT_FALSE(schedule.is_due(1e12, 1'000'000));
}

}  // namespace
}  // namespace sovren::workers
