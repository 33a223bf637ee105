// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "jobs/causal/parallel.h"

namespace sovren::jobs {
namespace {

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

/// A round of units that cost what the test says.
class Costs : public kernels::Search {
 public:
  explicit Costs(std::vector<double> costs_s) : costs_s_(std::move(costs_s)) {}
  std::string phase() const override { return "costs"; }
  int units() const override { return static_cast<int>(costs_s_.size()); }
  double cost_s(int unit) const override { return costs_s_[static_cast<std::size_t>(unit)]; }
  kernels::UnitResult run(int) const override { return {}; }
  void close(std::span<const kernels::UnitResult>) override {}
  double fraction() const override { return 0; }
  double fraction_after() const override { return 1; }
  int conditioning_level() const override { return 0; }
  const kernels::LinkTable& links() const override { return links_; }

 private:
  std::vector<double> costs_s_;
  kernels::LinkTable links_;
};

TEST(Schedule, CutsARoundIntoStepsOfASecond) {
  EXPECT_EQ(units_in_step(Costs(std::vector<double>(100, 0.25)), 0), 4);
  EXPECT_EQ(units_in_step(Costs(std::vector<double>(100, 0.25)), 98), 2);
  EXPECT_EQ(units_in_step(Costs(std::vector<double>(100, 7.0)), 3), 1);
  EXPECT_EQ(units_in_step(Costs({0.1, 5, 0.1}), 1), 1);
}

TEST(Schedule, HasStepsEnoughToStopBetween) {
  EXPECT_EQ(units_in_step(Costs(std::vector<double>(80, 1e-6)), 0), 10);
  EXPECT_EQ(units_in_step(Costs(std::vector<double>(4, 1e-6)), 2), 1);
}

TEST(Schedule, DealsByCostAndSpeed) {
  EXPECT_EQ(deal(std::vector<double>{1, 1, 1, 1}, std::vector<double>{1, 1}),
            (std::vector<int>{0, 1, 0, 1}));
  EXPECT_EQ(deal(std::vector<double>{1, 1, 1, 3}, std::vector<double>{1, 1}),
            (std::vector<int>{1, 1, 1, 0}));
  // A rank that is three times as fast takes three of four.
  EXPECT_EQ(deal(std::vector<double>{1, 1, 1, 1}, std::vector<double>{3, 1}),
            (std::vector<int>{0, 0, 0, 1}));
  EXPECT_EQ(deal(std::vector<double>{}, std::vector<double>{1, 1}), std::vector<int>{});
}

TEST(Schedule, LearnsWhichRankIsSlow) {
  RankSpeeds speeds(2);
  for (int step = 0; step < 20; ++step)
    speeds.learn(std::vector<double>{1, 1}, std::vector<double>{1, 3});
  EXPECT_NEAR(speeds.speeds()[0] / speeds.speeds()[1], 3, 1e-4);
  const std::vector<double> before(speeds.speeds().begin(), speeds.speeds().end());
  speeds.learn(std::vector<double>{1, 1}, std::vector<double>{0.001, 0.001});  // too short to tell
  speeds.learn(std::vector<double>{1, 0}, std::vector<double>{1, 1});          // had no work
  EXPECT_EQ(std::vector<double>(speeds.speeds().begin(), speeds.speeds().end()), before);
  for (int step = 0; step < 50; ++step)
    speeds.learn(std::vector<double>{1, 1}, std::vector<double>{0.1, 1000});
  EXPECT_GT(speeds.speeds()[1], 0.2);  // never starved: it may recover
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
