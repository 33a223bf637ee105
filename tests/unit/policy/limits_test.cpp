// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/limits.h"

#include <gtest/gtest.h>

#include "tests/unit/policy/cluster.h"

namespace sovren::policy {
namespace {

// One job with this time limit, running since cluster.now.
struct Running : Cluster {
  JobId job;
  explicit Running(std::optional<double> time_limit_s,
                   const std::optional<CommandSpec>& command = std::nullopt) {
    node("a", 4);
    JobSpec spec = job_with_ranks(1);
    if (command) spec.kind = *command;
    spec.resources.time_limit_s = time_limit_s;
    job = submit(spec);
    start(job, "a", 1);
  }
  LimitCheck check(double after_s) const {
    return check_limits(state.jobs.at(job), now + after_s, config);
  }
  PolicyConfig config;
};

TEST(Limits, LetAnAttemptWithoutALimitRunForEver) {
  const Running run(std::nullopt);
  EXPECT_FALSE(run.check(1e9).stop);
  EXPECT_FALSE(run.check(1e9).wake_at);
}

TEST(Limits, StopEarlyEnoughForASealThatWasNeverMeasured) {
  const Running run(3600);  // lead: 2 x 10 s + 3 s, or 1 % = 36 s
  EXPECT_FALSE(run.check(3563.999).stop);
  EXPECT_EQ(run.check(0).wake_at, run.now + 3564.0);
  const auto check = run.check(3564);
  ASSERT_TRUE(check.stop);
  EXPECT_EQ(check.stop->request, Request::stop);
  EXPECT_EQ(check.stop->by, by_time_limit);
}

TEST(Limits, StopEarlierWhenSealsAreSlow) {
  Running run(3600);
  run.apply_now(CheckpointSealed{run.job, 1, 10, 1000, 90});
  run.apply_now(CheckpointSealed{run.job, 1, 20, 1000, 110});
  EXPECT_EQ(run.check(0).wake_at, run.now + (3600.0 - 203.0));
}

TEST(Limits, TellACommandWhenItSaysOrAtTheEnd) {
  const auto told_after_s = [](const CommandSpec& command) {
    const Running run(3600, command);
    return *run.check(0).wake_at - run.now;
  };
  EXPECT_EQ(told_after_s({}), 3600);
  EXPECT_EQ(told_after_s({.checkpoint_signal = "USR1"}), 3564);
  EXPECT_EQ(told_after_s({.checkpoint_signal = "USR1", .signal_lead_s = 60}), 3540);
  EXPECT_EQ(told_after_s({.checkpoint_signal = "USR1", .signal_lead_s = 0}), 3600);
  EXPECT_EQ(told_after_s({.checkpoint_signal = "USR1", .signal_lead_s = 3600}), 1800);
}

TEST(Limits, KeepHalfOfAShortLimitForTheWork) {
  const Running run(4);
  EXPECT_EQ(run.check(0).wake_at, run.now + 2.0);
}

TEST(Limits, KillAnAttemptThatOutlivesItsLimitByTheGrace) {
  Running run(3600);
  const Instant start = run.now;
  run.now = start + 3564.0;
  run.apply_now(StopRequested{run.job, Request::stop, std::string(by_time_limit)});
  run.now = start;
  EXPECT_EQ(run.check(3600).wake_at, start + 3630.0);
  EXPECT_FALSE(run.check(3629.999).stop);
  const auto check = run.check(3630);
  ASSERT_TRUE(check.stop);
  EXPECT_EQ(check.stop->request, Request::kill);
  EXPECT_EQ(check.stop->by, by_time_limit);
}

TEST(Limits, KillAfterACancelWentUnanswered) {
  Running run(std::nullopt);
  run.apply_now(StopRequested{run.job, Request::cancel, "ada"});
  EXPECT_EQ(run.check(0).wake_at, run.now + 30.0);
  EXPECT_FALSE(run.check(29.999).stop);
  const auto check = run.check(30);
  ASSERT_TRUE(check.stop);
  EXPECT_EQ(check.stop->request, Request::kill);
  EXPECT_EQ(check.stop->by, by_grace);
}

TEST(Limits, GiveAPreemptedAttemptTimeForItsSeal) {
  Running run(std::nullopt);
  run.apply_now(StopRequested{run.job, Request::preempt, "root"});
  EXPECT_EQ(run.check(0).wake_at, run.now + 50.0);
}

TEST(Limits, NeverKillForAUsersStop) {
  Running run(std::nullopt);
  run.apply_now(StopRequested{run.job, Request::stop, "ada"});
  EXPECT_FALSE(run.check(1e6).stop);
  EXPECT_FALSE(run.check(1e6).wake_at);
}

TEST(Limits, KillOnce) {
  Running run(std::nullopt);
  run.apply_now(StopRequested{run.job, Request::cancel, "ada"});
  run.apply_now(StopRequested{run.job, Request::kill, std::string(by_grace)});
  EXPECT_FALSE(run.check(1e6).stop);
  EXPECT_FALSE(run.check(1e6).wake_at);
}

TEST(Limits, CountTheGraceFromTheFirstOfEqualRequests) {
  Running run(std::nullopt);
  const Instant first = run.now;
  run.apply_now(StopRequested{run.job, Request::cancel, "ada"});
  run.now = first + 20.0;
  run.apply_now(StopRequested{run.job, Request::cancel, "ada"});
  EXPECT_EQ(run.check(0).wake_at, first + 30.0);
}

}  // namespace
}  // namespace sovren::policy
