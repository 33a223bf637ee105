// SPDX-License-Identifier: Apache-2.0
// Nodes that come, fall silent, come back and go; attempts over several of them.
#include <gmock/gmock.h>

#include "tests/unit/engine/daemon.h"

namespace sovren::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Nodes : public Daemon {
 protected:
  // A job of one rank on each of three nodes, headed by n1.
  void start_gang() {
    for (const char* name : {"n1", "n2", "n3"}) ASSERT_TRUE(hello(name));
    ASSERT_TRUE(queue(
        [](QueueRequest&, JobSpec& spec) { spec.resources.nodes = spec.resources.ranks = 3; }));
    ASSERT_EQ(job().state, JobState::running);
    ASSERT_EQ(job().slots.size(), 3U);
    ASSERT_EQ(job().node(), "n1");
    ASSERT_THAT(orders("n1"), ElementsAre("start 1.1"));
  }
};

TEST_F(Nodes, ARestartedSchedulerReadoptsWhatRuns) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue());
  EXPECT_THAT(orders("n1"), ElementsAre("start 1.1"));
  restart();
  EXPECT_EQ(job().state, JobState::running);
  EXPECT_THAT(orders("n1"), ElementsAre("not_found"));
  ASSERT_TRUE(hello("n1", {{{1}, 1, true}}));
  EXPECT_THAT(orders("n1"), IsEmpty());
  finish("n1", {1});
  EXPECT_EQ(job().state, JobState::completed);
  EXPECT_EQ(job().attempts, 1);
}

TEST_F(Nodes, AResultIsNotAcknowledgedBeforeItsJobIsCompleted) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue());
  const RankReport finished = ReportFinished{100, "d1gest", {}};
  EXPECT_EQ(*tell("n1", {1}, 1, finished), 0);
  restart();  // what it told is forgotten
  told_["n1-1"] = 0;
  ASSERT_TRUE(hello("n1", {{{1}, 1, true}}));
  EXPECT_EQ(*tell("n1", {1}, 1, finished), 0);
  EXPECT_EQ(*tell("n1", {1}, 1, AttemptExited{0, std::nullopt}), 2);
  EXPECT_EQ(job().state, JobState::completed);
  EXPECT_EQ(job().digest, "d1gest");
}

TEST_F(Nodes, TimeGoesOnThoughTheClockIsSetBack) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue([](QueueRequest&, JobSpec& spec) { spec.retry.backoff_s = 10; }));
  (void)tell("n1", {1}, 1, AttemptExited{75, std::nullopt});
  clock_.wall.ms -= 3'600'000;
  const Instant before = host_->engine().now();
  pass(5);
  EXPECT_GT(host_->engine().now(), before);
  EXPECT_EQ(job().attempts, 1);
  pass(16);
  EXPECT_EQ(job().attempts, 2) << "10 s take 20, not an hour";
  restart();
  EXPECT_GE(host_->engine().now(), before) << "nor does a restart go back";
}

TEST_F(Nodes, ASetClockLosesNoNode) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue());
  clock_.wall.ms += 3'600'000;
  pass(1);
  EXPECT_TRUE(node("n1").is_up);
  EXPECT_EQ(job().attempts, 1);
}

TEST_F(Nodes, WhatWasNeverDeliveredIsSentAgain) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue());
  restart();  // before the agent asked
  ASSERT_TRUE(write([](Engine& e) { return e.request({1}, Request::stop, "ada"); }));
  ASSERT_TRUE(hello("n1"));
  EXPECT_THAT(orders("n1"), ElementsAre("start 1.1", "stop 1.1"));
}

TEST_F(Nodes, WhatIsToBeKilledIsNotStartedAgain) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue());
  ASSERT_TRUE(write([](Engine& e) { return e.request({1}, Request::kill, "ada"); }));
  restart();
  ASSERT_TRUE(hello("n1"));
  EXPECT_THAT(orders("n1"), ElementsAre("kill 1.1"));
  ASSERT_TRUE(tell("n1", {1}, 1, AttemptGone{}));
  EXPECT_EQ(job().state, JobState::cancelled);
}

TEST_F(Nodes, ASilentNodeIsDownAndItsJobsGoOnElsewhere) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue());
  ASSERT_EQ(job().node(), "n1");
  EXPECT_THAT(orders("n1"), ElementsAre("start 1.1"));
  ASSERT_TRUE(hello("n2"));
  pass(20);
  ASSERT_TRUE(hello("n2"));
  pass(11);
  EXPECT_FALSE(node("n1").is_up);
  EXPECT_THAT(node("n1").down_why, HasSubstr("not heard for 30s"));
  EXPECT_TRUE(node("n2").is_up);
  EXPECT_EQ(job().attempts, 2);
  EXPECT_EQ(job().node(), "n2");
  EXPECT_EQ(job().failures, 0) << "not the job's fault";
}

TEST_F(Nodes, AThawedNodeIsFencedAndGetsNothingUntilItsStraysAreGone) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue([](QueueRequest&, JobSpec& spec) { spec.resources.ranks = 2; }));
  EXPECT_THAT(orders("n1"), ElementsAre("start 1.1"));
  pass(31);
  EXPECT_EQ(job().state, JobState::pending);
  EXPECT_THAT(orders("n1"), ElementsAre("not_found"));
  EXPECT_EQ(tell("n1", {1}, 1, RankReport(ReportSealed{50, 1, 1})).error().code, Code::not_found);
  told_["n1-1"] = 0;
  ASSERT_TRUE(hello("n1", {{{1}, 1, true}}));
  EXPECT_FALSE(node("n1").is_up);
  EXPECT_EQ(job().state, JobState::pending) << "its cores are not free yet";
  EXPECT_THAT(orders("n1"), ElementsAre("kill 1.1"));
  ASSERT_TRUE(tell("n1", {1}, 1, AttemptGone{}));
  EXPECT_TRUE(node("n1").is_up);
  EXPECT_EQ(job().attempts, 2);
  EXPECT_EQ(job().sealed_step, -1) << "what the first attempt told is not believed";
}

TEST_F(Nodes, TheEndOfAStrayLetsItsNodeJoinToo) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue());
  EXPECT_THAT(orders("n1"), ElementsAre("start 1.1"));
  pass(31);
  ASSERT_TRUE(hello("n1", {{{1}, 1, true}}));
  EXPECT_FALSE(node("n1").is_up);
  (void)tell("n1", {1}, 1, AttemptExited{137, std::nullopt});
  EXPECT_TRUE(node("n1").is_up);
  EXPECT_EQ(job().attempts, 2);
}

TEST_F(Nodes, WhatTellsReportsAndShouldNotRunIsKilled) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue());
  EXPECT_THAT(orders("n1"), ElementsAre("start 1.1"));
  ASSERT_TRUE(tell("n1", {1}, 1, AttemptExited{75, std::nullopt}));
  (void)tell("n1", {1}, 1, RankReport(ReportProgress{}));
  EXPECT_THAT(orders("n1"), ElementsAre("kill 1.1"));
  (void)tell("n1", {1}, 1, AttemptGone{});
  EXPECT_EQ(job().state, JobState::pending);
}

TEST_F(Nodes, ANewAgentOfANodeHasLostWhatTheOldOneRan) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue());
  EXPECT_THAT(orders("n1"), ElementsAre("start 1.1"));
  ASSERT_TRUE(hello("n1", {}, "2"));
  EXPECT_EQ(job().attempts, 2);
  EXPECT_THAT(orders("n1", "2"), ElementsAre("start 1.2"));
  EXPECT_EQ(hello("n1", {{{1}, 1, true}}).error().code, Code::fenced) << "the old one, thawed";
}

TEST_F(Nodes, AnAttemptEndsWhenAllItsNodesHaveNothingLeftOfIt) {
  start_gang();
  (void)tell("n1", {1}, 1, RankReport(ReportFinished{100, "d1gest", {}}));
  EXPECT_EQ(*tell("n1", {1}, 1, AttemptExited{0, std::nullopt}), 0) << "its end is not durable yet";
  EXPECT_EQ(job().state, JobState::running);
  EXPECT_THAT(orders("n2"), ElementsAre("kill 1.1"));
  EXPECT_THAT(orders("n3"), ElementsAre("kill 1.1"));
  (void)tell("n2", {1}, 1, AttemptGone{});
  EXPECT_EQ(node("n2").cpus_used, 1);
  (void)tell("n3", {1}, 1, AttemptGone{});
  EXPECT_EQ(job().state, JobState::completed);
  EXPECT_EQ(node("n2").cpus_used, 0);
  EXPECT_EQ(*tell("n1", {1}, 1, RankReport(ReportWarning{"x"})), 3);
}

TEST_F(Nodes, ALostHeadMakesTheOthersStopBeforeTheNextAttempt) {
  start_gang();
  (void)tell("n1", {1}, 1, RankReport(ReportSealed{10, 1, 1}));
  ASSERT_TRUE(hello("n1", {}, "2"));
  EXPECT_EQ(job().state, JobState::running);
  EXPECT_TRUE(is_given_up(job()));
  EXPECT_THAT(orders("n1", "2"), ElementsAre("kill 1.1"));
  (void)tell("n1", {1}, 1, AttemptGone{}, "2");
  EXPECT_THAT(orders("n2"), ElementsAre("kill 1.1"));
  (void)tell("n2", {1}, 1, AttemptGone{});
  EXPECT_EQ(job().attempts, 1);
  (void)tell("n3", {1}, 1, AttemptGone{});
  EXPECT_EQ(job().attempts, 2) << "and on it goes";
  EXPECT_EQ(job().sealed_step, 10);
  EXPECT_EQ(job().failures, 0);
}

TEST_F(Nodes, AGivenUpAttemptStaysSoOverARestart) {
  start_gang();
  ASSERT_TRUE(hello("n1", {}, "2"));
  restart();
  ASSERT_TRUE(hello("n1", {}, "2"));
  EXPECT_THAT(orders("n1", "2"), ElementsAre("kill 1.1")) << "not started: its number has run";
  ASSERT_TRUE(hello("n2", {{{1}, 1, true}}));
  EXPECT_THAT(orders("n2"), ElementsAre("kill 1.1"));
}

TEST_F(Nodes, ALostHelperCostsNoFailure) {
  start_gang();
  ASSERT_TRUE(hello("n2", {}, "2"));
  EXPECT_THAT(orders("n1"), ElementsAre("kill 1.1"));
  (void)tell("n1", {1}, 1, AttemptExited{137, std::nullopt});
  (void)tell("n2", {1}, 1, AttemptGone{}, "2");
  (void)tell("n3", {1}, 1, AttemptGone{});
  EXPECT_EQ(job().attempts, 2);
  EXPECT_EQ(job().failures, 0);
  EXPECT_EQ(job().kills_at_step, 0);
}

TEST_F(Nodes, AHeadIsHelpedByTheOtherNodesOfItsAttemptOnly) {
  start_gang();
  ASSERT_TRUE(hello("n4"));
  (void)tell("n1", {1}, 1, AssistAsked{"n2", "a", "orted -x"});
  EXPECT_THAT(orders("n2"), ElementsAre("assist 1.1: orted -x"));
  (void)tell("n2", {1}, 1, AssistEnded{"a", 0, ""});
  EXPECT_THAT(orders("n1"), ElementsAre("assist ended 1.1 on n2: 0"));
  (void)tell("n1", {1}, 1, AssistAsked{"n4", "b", "orted -x"});
  EXPECT_THAT(orders("n4"), IsEmpty());
  EXPECT_THAT(orders("n1"), ElementsAre("assist ended 1.1 on n4: 78"));
  (void)tell("n4", {1}, 1, AssistAsked{"n2", "c", "rm -rf /"});
  EXPECT_THAT(orders("n2"), IsEmpty()) << "asked by a node that does not head it";
}

TEST_F(Nodes, ADrainedNodeFinishesWhatItRunsAndGetsNothingNew) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue());
  ASSERT_TRUE(write([](Engine& e) { return e.drain("n1", "new disk", "root"); }));
  ASSERT_TRUE(queue());
  EXPECT_EQ(job({1}).state, JobState::running);
  EXPECT_EQ(job({2}).state, JobState::pending);
  finish("n1", {1});
  EXPECT_EQ(job({2}).state, JobState::pending);
  ASSERT_TRUE(write([](Engine& e) { return e.resume("n1", "root"); }));
  EXPECT_EQ(job({2}).state, JobState::running);
  EXPECT_EQ(write([](Engine& e) { return e.drain("n9", "x", "root"); }).error().code,
            Code::not_found);
}

TEST_F(Nodes, ANodeWhoseAttemptsKeepFailingIsDrainedWithTheReason) {
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(
      queue([](QueueRequest&, JobSpec& spec) { spec.retry = {.limit = 9, .backoff_s = 1}; }));
  for (int attempt = 1; attempt <= 5; ++attempt) {
    ASSERT_EQ(job().attempts, attempt);
    (void)tell("n1", {1}, attempt, AttemptExited{75, std::nullopt});
    ASSERT_TRUE(hello("n1"));
    pass(20);
  }
  EXPECT_EQ(node("n1").drained_by, by_breaker);
  EXPECT_FALSE(node("n1").drained_why.empty());
  EXPECT_EQ(job().state, JobState::pending);
}

}  // namespace
}  // namespace sovren::engine
