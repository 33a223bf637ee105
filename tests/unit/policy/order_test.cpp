// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/order.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sovren::policy {
namespace {

constexpr Instant submitted{100'000'000};

double scored(Order order, std::int64_t cpus, double estimate_s, double waited_s) {
  return score(order, {cpus, estimate_s, submitted}, submitted + waited_s);
}

// The formulas of order.h, by hand.
TEST(Order, ScoresAsTheLiteratureDoes) {
  EXPECT_EQ(scored(Order::fcfs, 4, 100, 50), -100'000'000.0);
  EXPECT_EQ(scored(Order::sjf, 4, 100, 50), -100.0);
  EXPECT_EQ(scored(Order::saf, 4, 100, 50), -400.0);
  EXPECT_DOUBLE_EQ(scored(Order::f1, 4, 100, 50), -(2.0 * 4 + 870 * 5.0));
  EXPECT_DOUBLE_EQ(scored(Order::wfp3, 4, 100, 50), 0.125 * 4);
  EXPECT_DOUBLE_EQ(scored(Order::unicep, 4, 100, 50), 50 / (2.0 * 100));
  EXPECT_DOUBLE_EQ(scored(Order::unicep, 1, 100, 50), 50 / (0.1 * 100));
  EXPECT_DOUBLE_EQ(scored(Order::aged_saf, 4, 100, 1800 * 7.0), -400.0 / 4);
}

TEST(Order, AgedSafLetsNobodyWaitForMoreThanThreeWeeks) {
  const double days_s = 86'400;
  EXPECT_LT(scored(Order::aged_saf, 1000, 1e6, 20.9 * days_s), scored(Order::aged_saf, 1, 1, 0));
  EXPECT_GT(scored(Order::aged_saf, 1000, 1e6, 21.1 * days_s), scored(Order::aged_saf, 1, 1, 0));
  EXPECT_GT(scored(Order::aged_saf, 1000, 1e6, 22 * days_s),
            scored(Order::aged_saf, 1, 1, 21.5 * days_s))
      << "then the longest wait is first";
}

TEST(Order, IsStaticWhereTimeChangesNothing) {
  for (const Order order : {Order::fcfs, Order::sjf, Order::saf, Order::f1}) {
    EXPECT_TRUE(is_static(order));
    EXPECT_EQ(scored(order, 3, 77, 0), scored(order, 3, 77, 1e6));
  }
  for (const Order order : {Order::wfp3, Order::unicep, Order::aged_saf}) {
    EXPECT_FALSE(is_static(order));
    EXPECT_LT(scored(order, 3, 77, 10), scored(order, 3, 77, 1e6)) << "waiting helps";
  }
}

TEST(Order, TakesAnEstimateUnderASecondForOne) {
  EXPECT_TRUE(std::isfinite(scored(Order::wfp3, 1, 0, 10)));
  EXPECT_EQ(scored(Order::sjf, 1, 0.2, 10), -1.0);
}

}  // namespace
}  // namespace sovren::policy
