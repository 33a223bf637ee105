// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/scrubber.h"

#include <gtest/gtest.h>

#include "core/text/report_json.h"
#include "tests/unit/agent/agent_fixture.h"

namespace sovren::workers {
namespace {

constexpr double day_s = 86400;

ScrubPlace place(std::int64_t job, int attempt = 1) {
  return {.job = JobId{job}, .attempt = attempt, .dir = "/jobs/" + std::to_string(job), .user = ""};
}

/// The job whose turn it is; 0: none's.
std::int64_t due(ScrubSchedule& schedule, double now_s) {
  const auto next = schedule.take_due(now_s);
  return next ? next->job.value : 0;
}

TEST(ScrubSchedule, EachDirectoryHasItsTurnOnceAnInterval) {
  ScrubSchedule schedule(day_s);
  EXPECT_EQ(due(schedule, 0), 0);
  schedule.note(place(1), 100);
  schedule.note(place(2), 200);
  EXPECT_EQ(due(schedule, 99 + day_s), 0) << "not before an interval has passed";
  EXPECT_EQ(due(schedule, 300 + day_s), 1) << "the longest due first";
  EXPECT_EQ(due(schedule, 300 + day_s), 2);
  EXPECT_EQ(due(schedule, 300 + day_s), 0);
  EXPECT_EQ(due(schedule, 300 + 2 * day_s), 1);
}

TEST(ScrubSchedule, ALaterAttemptKeepsTheTurnOfItsDirectory) {
  ScrubSchedule schedule(day_s);
  schedule.note(place(1), 0);
  schedule.note(place(1, 2), day_s - 1);
  const auto next = schedule.take_due(day_s);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->attempt, 2);
}

TEST(ScrubSchedule, ForgetsWhatIsGoneAndNeverGrowsWithoutEnd) {
  ScrubSchedule schedule(day_s);
  for (std::int64_t job = 1; job <= 10'001; ++job) schedule.note(place(job), 0);
  EXPECT_NE(due(schedule, day_s), 1) << "the first was forgotten";
  schedule.forget("/jobs/2");
  int turns = 1;
  for (std::int64_t job = due(schedule, day_s); job != 0; job = due(schedule, day_s)) {
    EXPECT_NE(job, 2);
    if (++turns > 20'000) break;
  }
  EXPECT_GE(turns, 9'998);
}

TEST(ScrubSchedule, ZeroIsOff) {
  ScrubSchedule schedule(0);
  schedule.note(place(1), 0);
  EXPECT_EQ(due(schedule, 1e9), 0);
}

/// An agent that scrubs all the time, with a stand-in for the program that does.
class AgentScrub : public AgentFixture {
 protected:
  AgentConfig config() override {
    return {.rank_program = bin() + "/agent_fake_rank", .scrub_interval_s = 1e-3};
  }
  /// What the stand-in prints from now on.
  void say_of_scrubs(const std::string& text) const {
    std::ofstream(dir_ + "/scrub.part") << text << "\n";
    std::filesystem::rename(dir_ + "/scrub.part", dir_ + "/scrub");
  }
  void start(const std::string& mode) {
    std::ofstream(dir_ + "/mode") << mode;
    AttemptOrder order;
    order.job = JobId{1};
    order.attempt = 1;
    order.dir = dir_;
    order.mtbf_s = day_s;
    ASSERT_TRUE(agent().start(order).has_value());
  }
};

TEST_F(AgentScrub, ADamagedSetIsNewsAndTheJobIsAskedForAnother) {
  say_of_scrubs(text::report_to_json(ReportRejected{"gen-000001", "found damaged"}));
  start("obey");
  const auto rejected = wait_for<ReportRejected>();
  ASSERT_TRUE(rejected.has_value());
  EXPECT_EQ(rejected->set, "gen-000001");
  EXPECT_TRUE(wait_for<ReportSealed>().has_value());
  ASSERT_FALSE(agent().take_scrub_log().empty());
}

TEST_F(AgentScrub, WhatItSaysOfAnEndedJobIsForTheLogOnly) {
  start("finish");
  ASSERT_TRUE(wait_for<AttemptExited>().has_value());
  say_of_scrubs("cannot read");
  std::vector<std::string> log;
  for (int turn = 0; turn < 2000 && log.empty(); ++turn) {
    for (const AttemptNews& news : agent().poll(0.01))
      EXPECT_FALSE(std::holds_alternative<RankReport>(news.what));
    log = agent().take_scrub_log();
  }
  ASSERT_FALSE(log.empty());
  EXPECT_NE(log[0].find("could not be verified at rest: cannot read"), std::string::npos) << log[0];
}

}  // namespace
}  // namespace sovren::workers
