// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "jobs/causal/parallel.h"

namespace sovren::jobs {
namespace {

TEST(Schedule, OrdersUnitsByTheirRadicalInverse) {
  EXPECT_EQ(radical_inverse_order(8), (std::vector<int>{0, 4, 2, 6, 1, 5, 3, 7}));
  EXPECT_EQ(radical_inverse_order(5), (std::vector<int>{0, 4, 2, 1, 3}));
  EXPECT_EQ(radical_inverse_order(1), (std::vector<int>{0}));
}

TEST(Schedule, GivesEveryRowToOneRank) {
  for (const int rows : {1, 3, 10, 17})
    for (const int ranks : {1, 2, 3, 4, 20}) {
      std::int64_t next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const Rows mine = rows_of_rank(rows, rank, ranks);
        EXPECT_EQ(mine.first, next);
        next += mine.count;
      }
      EXPECT_EQ(next, rows);
    }
}

TEST(Schedule, DoesEveryUnitOncePerPass) {
  for (const int n : {1, 2, 7, 16, 100, 1000}) {
    const Schedule schedule(Schedule::Shape{n, 3});
    EXPECT_TRUE(std::has_single_bit(static_cast<unsigned>(schedule.units_per_step())));
    for (const std::int64_t pass : {0, 1}) {
      std::vector<int> all;
      for (std::int64_t step = 0; step < schedule.steps_per_pass(); ++step) {
        const auto units = schedule.units(pass * schedule.steps_per_pass() + step);
        all.insert(all.end(), units.begin(), units.end());
      }
      std::sort(all.begin(), all.end());
      ASSERT_EQ(std::ssize(all), n);
      for (int k = 0; k < n; ++k) EXPECT_EQ(all[static_cast<std::size_t>(k)], k);
    }
  }
}

TEST(Schedule, SharesEveryStepEvenlyOverTheRanks) {
  const Schedule schedule(Schedule::Shape{256, 2});
  ASSERT_GE(schedule.units_per_step(), 8);
  for (std::int64_t step = 0; step < schedule.steps_per_pass(); ++step)
    for (int rank = 0; rank < 4; ++rank) {
      const Rows mine = rows_of_rank(256, rank, 4);
      const auto units = schedule.units(step);
      const auto count = std::count_if(units.begin(), units.end(), [&](int unit) {
        return unit >= mine.first && unit < mine.first + mine.count;
      });
      EXPECT_EQ(count, schedule.units_per_step() / 4);
    }
}

TEST(Schedule, HasStepsEnoughToStopBetween) {
  EXPECT_GE(Schedule(Schedule::Shape{100, 5}).steps_per_pass(), 8);
  EXPECT_EQ(Schedule(Schedule::Shape{4, 1}).steps_per_pass(), 4);
}

TEST(Schedule, CountsTheUnitsThatAreDone) {
  const Schedule schedule(10, 4);
  EXPECT_EQ(schedule.steps_per_pass(), 3);
  EXPECT_EQ(schedule.units_done(-2), 0);
  EXPECT_EQ(schedule.units_done(2), 8);
  EXPECT_EQ(schedule.units_done(3), 10);
}

TEST(ParallelLoop, DoesEachIndexOnce) {
  for (const int threads : {0, 1, 3, 50}) {
    std::vector<int> times(20);
    for_each_index(threads, times.size(), [&](std::size_t k) { ++times[k]; });
    EXPECT_EQ(times, std::vector<int>(20, 1));
  }
}

}  // namespace
}  // namespace sovren::jobs
