// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "workers/rank/slowdown.h"

namespace sovren::workers {
namespace {

using Mode = CheckpointInterval::Mode;

CheckpointSchedule automatic(double mtbf_s, double now_s = 0) {
  return {{.mode = Mode::automatic}, mtbf_s, 5, now_s, 0};
}

TEST(CheckpointSchedule, AutomaticMeasuresFirstAndThenKeepsTheInterval) {
  CheckpointSchedule schedule = automatic(10'000, 100);
  EXPECT_FALSE(schedule.is_due(101.9, 7));
  EXPECT_TRUE(schedule.is_due(102, 7));
  EXPECT_EQ(schedule.plan(102), (CheckpointPlan{.mtbf_s = 10'002})) << "nothing is measured yet";
  schedule.begun(103, 7);
  schedule.sealed({.blocked_s = 1, .slowdown_s = 1, .seal_s = 20});
  const double interval_s = daly_interval_s(2, 10'000 + 3);
  EXPECT_DOUBLE_EQ(schedule.interval_s(103), interval_s);
  EXPECT_NEAR(interval_s, 200, 2);
  EXPECT_FALSE(schedule.is_due(103 + 199, 90)) << "counted from the copy";
  EXPECT_TRUE(schedule.is_due(103 + 202, 90));
}

TEST(CheckpointSchedule, PlanSaysWhatIsExpected) {
  CheckpointSchedule schedule = automatic(10'000);
  schedule.begun(2, 7);
  schedule.sealed({.blocked_s = 2, .slowdown_s = 0, .seal_s = 20});
  const CheckpointPlan plan = schedule.plan(100);
  EXPECT_DOUBLE_EQ(plan.mtbf_s, 10'100);
  EXPECT_DOUBLE_EQ(plan.interval_s, daly_interval_s(2, 10'100));
  EXPECT_DOUBLE_EQ(plan.expected_overhead, daly_overhead(plan.interval_s, 2, 25, 10'100))
      << "a failure costs 5 s of beginning anew, and the 20 s of work beside the set it finds open";
}

TEST(CheckpointSchedule, TimeWithoutFailuresStretchesTheInterval) {
  CheckpointSchedule schedule = automatic(600);
  schedule.begun(2, 1);
  schedule.sealed({.blocked_s = 0.3, .seal_s = 1});
  EXPECT_DOUBLE_EQ(schedule.interval_s(0), daly_interval_s(0.3, 600));
  EXPECT_DOUBLE_EQ(schedule.interval_s(5400), daly_interval_s(0.3, 6000));
  EXPECT_GT(schedule.interval_s(5400), 3 * schedule.interval_s(0));
}

TEST(CheckpointSchedule, CostsAreSmoothedAndSlowdownsKeepTheirSign) {
  CheckpointSchedule schedule = automatic(10'000);
  schedule.sealed({.blocked_s = 1});
  schedule.sealed({.blocked_s = 3});
  EXPECT_DOUBLE_EQ(schedule.interval_s(0), daly_interval_s(2, 10'000));
  CheckpointSchedule noisy = automatic(10'000);
  noisy.sealed({.blocked_s = 1, .slowdown_s = 4});
  noisy.sealed({.blocked_s = 1, .slowdown_s = -4});
  EXPECT_DOUBLE_EQ(noisy.interval_s(0), daly_interval_s(1, 10'000));
  noisy.sealed({.blocked_s = 1, .slowdown_s = -4});
  EXPECT_DOUBLE_EQ(noisy.interval_s(0), daly_interval_s(1, 10'000)) << "never below 0";
}

TEST(CheckpointSchedule, AutomaticIntervalHasItsBounds) {
  CheckpointSchedule schedule = automatic(86'400);
  schedule.sealed({});
  EXPECT_EQ(schedule.interval_s(0), interval_s_min);
  CheckpointSchedule rare = automatic(1e9);
  rare.sealed({.blocked_s = 100});
  EXPECT_EQ(rare.interval_s(0), interval_s_max);
}

TEST(CheckpointSchedule, NoSetIsDueBeforeTheOneBeforeIsSealed) {
  CheckpointSchedule schedule = automatic(1);
  schedule.sealed({.blocked_s = 1, .seal_s = 5000});
  EXPECT_EQ(schedule.interval_s(0), 5000) << "even where more than an hour";
}

TEST(CheckpointSchedule, SameStepIsNotSealedTwice) {
  CheckpointSchedule schedule({.mode = Mode::seconds, .seconds = 1}, 1, 0, 0, 5);
  EXPECT_FALSE(schedule.is_due(100, 5));
  EXPECT_TRUE(schedule.is_due(100, 6));
}

TEST(CheckpointSchedule, SecondsAndStepsAreKept) {
  CheckpointSchedule seconds({.mode = Mode::seconds, .seconds = 30}, 1, 0, 0, 0);
  seconds.begun(10, 1);
  seconds.sealed({.blocked_s = 1000, .seal_s = 1000});
  EXPECT_FALSE(seconds.is_due(39.9, 2));
  EXPECT_TRUE(seconds.is_due(40, 2));
  CheckpointSchedule steps({.mode = Mode::steps, .steps = 20}, 1, 0, 0, 100);
  EXPECT_FALSE(steps.is_due(1e9, 119));
  EXPECT_TRUE(steps.is_due(0, 120));
}

TEST(CheckpointSchedule, OffIsNeverDue) {
  const CheckpointSchedule schedule({.mode = Mode::off}, 1, 0, 0, 0);
  EXPECT_FALSE(schedule.is_due(1e12, 1'000'000));
}

TEST(Slowdown, IsWhatStepsBesideTheWritingTakeLonger) {
  Slowdown slowdown;
  EXPECT_EQ(slowdown.take(10), 0);
  for (int i = 0; i < 10; ++i) slowdown.stepped(i % 2 == 0 ? 0.9 : 1.1, false);
  for (int i = 0; i < 3; ++i) slowdown.stepped(1.5, true);
  EXPECT_NEAR(slowdown.take(10), 1.5, 1e-12);
  EXPECT_EQ(slowdown.take(10), 0) << "each set counts its own steps";
  slowdown.stepped(0.75, true);
  EXPECT_NEAR(slowdown.take(10), -0.25, 1e-12);
}

TEST(Slowdown, IsNoLongerThanTheWriting) {
  Slowdown slowdown;
  slowdown.stepped(1, false);
  slowdown.stepped(100, true);
  EXPECT_EQ(slowdown.take(2), 2);
  slowdown.stepped(0.1, true);
  EXPECT_EQ(slowdown.take(0.5), -0.5);
}

TEST(Slowdown, NothingToCompareIsNoSlowdown) {
  Slowdown slowdown;
  slowdown.stepped(100, true);
  EXPECT_EQ(slowdown.take(200), 0);
}

TEST(Slowdown, FollowsAJobWhoseStepsChange) {
  Slowdown slowdown;
  for (int i = 0; i < 100; ++i) slowdown.stepped(1, false);
  for (int i = 0; i < 100; ++i) slowdown.stepped(7, false);
  slowdown.stepped(8, true);
  EXPECT_NEAR(slowdown.take(10), 1, 0.02);
}

}  // namespace
}  // namespace sovren::workers
