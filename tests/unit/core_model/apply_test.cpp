// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "core/model/state.h"

namespace sovren {
namespace {

// A log that numbers its events, folded as they come.
class Fold {
 public:
  Fold& at(double seconds) {
    at_ = Instant{} + seconds;
    return *this;
  }
  Fold& operator<<(EventBody body) {
    apply(state, {.seq = {state.applied.value + 1}, .at = at_, .body = std::move(body)});
    return *this;
  }
  const Job& job(std::int64_t id = 1) const { return state.jobs.at(JobId{id}); }

  State state;

 private:
  Instant at_;
};

JobSubmitted submitted(std::int64_t id) {
  JobSubmitted event{.job = {id}, .user = "ada", .dir = "/jobs/1", .spec_digest = "d"};
  JobSpec spec;
  spec.name = "enso";
  spec.resources = {
      .ranks = 4, .cpus_per_rank = 2, .gpus_per_rank = 1, .memory_per_rank_bytes = 1000};
  event.spec = std::move(spec);
  return event;
}

NodeJoined node(const std::string& name) {
  return {name, {.cpus = 16, .gpus = 8, .memory_bytes = 100'000}};
}

TEST(Apply, FoldsTheLifeOfAJob) {
  Fold fold;
  fold.at(0) << node("n1");
  fold.at(10) << submitted(1);
  EXPECT_EQ(fold.job().state, JobState::pending);
  EXPECT_EQ(fold.job().user, "ada");
  EXPECT_EQ(fold.job().spec->name, "enso");
  EXPECT_EQ(fold.job().submitted_at, Instant{10'000});
  EXPECT_EQ(fold.job().sealed_step, -1);

  fold.at(15) << AttemptStarted{{1}, 1, "n1", 3};
  EXPECT_EQ(fold.job().state, JobState::running);
  EXPECT_EQ(fold.job().attempts, 1);
  EXPECT_EQ(fold.job().ranks, 3);
  EXPECT_EQ(fold.job().queue_s, 5.0);
  const Node& held = fold.state.nodes.at("n1");
  EXPECT_EQ(held.cpus_used, 6);
  EXPECT_EQ(held.gpus_used, 3);
  EXPECT_EQ(held.memory_used_bytes, 3000);

  fold.at(20) << CheckpointSealed{{1}, 1, 100, 4096, 0.5, 0.125};
  fold << CheckpointSealed{{1}, 1, 120, 8192, 0.25, 0.25};
  EXPECT_EQ(fold.job().sealed_step, 120);
  EXPECT_EQ(fold.job().sealed_bytes, 8192);
  EXPECT_EQ(fold.job().seals, 2);
  EXPECT_EQ(fold.job().seal_s, 0.75);
  EXPECT_EQ(fold.job().blocked_s, 0.375);

  fold.at(25) << StopRequested{{1}, Request::preempt, "scheduler"};
  EXPECT_EQ(fold.job().stop_requested, Request::preempt);
  fold.at(27) << AttemptEnded{{1}, 1, Ending::checkpointed, 85, std::nullopt};
  EXPECT_EQ(fold.job().state, JobState::completing);
  EXPECT_EQ(fold.job().run_s, 12.0);
  EXPECT_EQ(fold.state.nodes.at("n1").cpus_used, 0);
  EXPECT_EQ(fold.state.nodes.at("n1").gpus_used, 0);
  EXPECT_EQ(fold.state.nodes.at("n1").memory_used_bytes, 0);

  fold << JobRequeued{{1}, Instant{30'000}, false, "preempted"};
  EXPECT_EQ(fold.job().state, JobState::pending);
  EXPECT_EQ(fold.job().stop_requested, std::nullopt);
  EXPECT_EQ(fold.job().not_before, Instant{30'000});
  EXPECT_EQ(fold.job().failures, 0);

  fold.at(31) << AttemptStarted{{1}, 2, "n1", 4};
  EXPECT_EQ(fold.job().queue_s, 9.0);  // 5 before the first start, 4 since the first attempt ended
  fold << CheckpointRestored{{1}, 2, 120, 0.125};
  EXPECT_EQ(fold.job().restore_s, 0.125);
  fold.at(41) << AttemptEnded{{1}, 2, Ending::done, 0, std::nullopt};
  fold.at(42) << JobEnded{{1}, JobState::completed, "", "sha"};
  EXPECT_EQ(fold.job().state, JobState::completed);
  EXPECT_TRUE(is_final(fold.job().state));
  EXPECT_EQ(fold.job().attempts, 2);
  EXPECT_EQ(fold.job().run_s, 22.0);
  EXPECT_EQ(fold.job().digest, "sha");
  EXPECT_EQ(fold.job().ended_at, Instant{42'000});
  EXPECT_EQ(fold.state.applied, EventSeq{12});
}

// 100 s of attempts on two nodes: 2 s still, 3 s slowed down, 4 s restoring, 21 s lost.
TEST(Apply, AddsUpWhatCheckpointsAndBreakdownsCost) {
  Fold fold;
  fold << node("n1") << node("n2") << submitted(1);
  fold.at(100) << AttemptStarted{{1}, 1, "n1", 2, {{"n1", 1}, {"n2", 1}}};
  EXPECT_EQ(actual_overhead(fold.job()), 0);
  fold.at(120) << CheckpointSealed{{1}, 1, 10, 1, 5, 1.5, 4, 2, {60, 3600, 0.01}};
  EXPECT_DOUBLE_EQ(actual_overhead(fold.job()), 5.5 / 20) << "so far";
  fold.at(130) << CheckpointSealed{{1}, 1, 20, 1, 5, 0.5, -1, 1, {70, 3700, 0.02}};
  EXPECT_EQ(fold.job().skipped_seals, 3);
  EXPECT_EQ(fold.job().plan, (CheckpointPlan{70, 3700, 0.02}));
  fold.at(140) << AttemptEnded{{1}, 1, Ending::killed, 137, std::nullopt}
               << JobRequeued{{1}, {}, true, "killed"};
  EXPECT_EQ(fold.job().lost_s, 15) << "since the newest set was copied";
  fold.at(200) << AttemptStarted{{1}, 2, "n1", 2, {{"n1", 1}, {"n2", 1}}};
  fold.at(204) << CheckpointRestored{{1}, 2, 20, 4};
  fold.at(210) << AttemptEnded{{1}, 2, Ending::retry, 74, std::nullopt}
               << JobRequeued{{1}, {}, true, "disk"};
  EXPECT_EQ(fold.job().lost_s, 21) << "since it was restored";
  fold.at(300) << AttemptStarted{{1}, 3, "n1", 2, {{"n1", 1}, {"n2", 1}}};
  fold.at(350) << AttemptEnded{{1}, 3, Ending::checkpointed, 85, std::nullopt};
  EXPECT_EQ(fold.job().run_s, 100);
  EXPECT_EQ(fold.job().node_s, 200);
  EXPECT_EQ(fold.job().breakdowns, 2);
  EXPECT_DOUBLE_EQ(actual_overhead(fold.job()), 0.3);
  const Totals& totals = fold.state.totals;
  EXPECT_EQ(totals.node_s, 200);
  EXPECT_EQ(totals.lost_s, 21);
  EXPECT_EQ(totals.seals, 2);
  EXPECT_EQ(totals.blocked_s, 2);
}

TEST(Apply, BreakdownsAreInheritedFromTheJobThatAnotherGoesOnWith) {
  Fold fold;
  JobSubmitted elsewhere = submitted(2), next = submitted(3), fresh = submitted(4);
  elsewhere.dir = "/jobs/2";
  next.oldest_set_job = {1};
  fresh.oldest_set_job = {4};
  fold << node("n1") << submitted(1) << elsewhere;
  fold << AttemptStarted{{1}, 1, "n1", 1};
  fold.at(5) << CheckpointSealed{{1}, 1, 10, 1, 0, 0, 0, 0, {}};
  fold.at(10) << AttemptEnded{{1}, 1, Ending::lost, 0, std::nullopt} << next << fresh;
  EXPECT_EQ(fold.job(3).breakdowns, 1);
  EXPECT_EQ(fold.job(3).node_s, 5);
  EXPECT_EQ(fold.job(4).breakdowns, 0);
  EXPECT_EQ(fold.state.totals.breakdowns, 1) << "there was but one";
}

TEST(Apply, WorkIsLostByBreakdownsOnly) {
  for (const Ending ending : {Ending::done, Ending::checkpointed, Ending::failed}) {
    Fold fold;
    fold << node("n1") << submitted(1) << AttemptStarted{{1}, 1, "n1", 1};
    fold.at(10) << AttemptEnded{{1}, 1, ending, 0, std::nullopt};
    EXPECT_EQ(fold.job().lost_s, 0) << ending_name(ending);
  }
  Fold fold;  // a kill that was asked for
  fold << node("n1") << submitted(1) << AttemptStarted{{1}, 1, "n1", 1};
  fold.at(10) << StopRequested{{1}, Request::kill, "ada"}
              << AttemptEnded{{1}, 1, Ending::killed, 137, std::nullopt};
  EXPECT_EQ(fold.job().lost_s, 0);
  EXPECT_EQ(fold.job().breakdowns, 0);
}

TEST(Apply, CountsFailuresUntilTheJobGetsFurther) {
  Fold fold;
  fold << node("n1") << submitted(1);
  const Error lost{.code = Code::peer_lost, .what = "rank 2 is gone"};
  for (int attempt = 1; attempt <= 2; ++attempt) {
    fold << AttemptStarted{{1}, attempt, "n1", 4}
         << AttemptEnded{{1}, attempt, Ending::retry, 75, lost}
         << JobRequeued{{1}, {}, true, "retry"};
    EXPECT_EQ(fold.job().failures, attempt);
  }
  ASSERT_TRUE(fold.job().error);
  EXPECT_EQ(*fold.job().error, lost);
  fold << AttemptStarted{{1}, 3, "n1", 4} << CheckpointSealed{{1}, 3, 10, 1, 0};
  EXPECT_EQ(fold.job().failures, 0);
  fold << AttemptEnded{{1}, 3, Ending::retry, 75, lost} << JobRequeued{{1}, {}, true, "retry"};
  fold << AttemptStarted{{1}, 4, "n1", 4} << CheckpointSealed{{1}, 4, 10, 1, 0};
  EXPECT_EQ(fold.job().failures, 1);  // sealed again where it was: no progress
  fold << AttemptEnded{{1}, 4, Ending::done, 0, std::nullopt};
  EXPECT_FALSE(fold.job().error);
}

TEST(Apply, ARestoreFromALevelThatGotFurtherEndsTheCountingOfFailures) {
  Fold fold;
  fold << node("n1") << submitted(1);
  const auto fails_at = [&](int attempt, std::int64_t step) {
    fold << AttemptStarted{{1}, attempt, "n1", 4} << CheckpointRestored{{1}, attempt, step, 0.1}
         << AttemptEnded{{1}, attempt, Ending::retry, 75, Error{.code = Code::peer_lost}}
         << JobRequeued{{1}, {}, true, "retry"};
    return fold.job().failures;
  };
  EXPECT_EQ(fails_at(1, 10), 1);
  EXPECT_EQ(fails_at(2, 10), 2);
  EXPECT_EQ(fails_at(3, 30), 1);
  EXPECT_EQ(fails_at(4, 20), 2);
}

TEST(Apply, CountsKillsAtTheSameStep) {
  Fold fold;
  fold << node("n1") << submitted(1);
  const auto killed = [&](int attempt) {
    fold << AttemptEnded{{1}, attempt, Ending::killed, 137, std::nullopt}
         << JobRequeued{{1}, {}, true, "killed"};
  };
  fold << AttemptStarted{{1}, 1, "n1", 4};
  killed(1);
  EXPECT_EQ(fold.job().kills_at_step, 1);
  EXPECT_EQ(fold.job().killed_at_step, -1);
  fold << AttemptStarted{{1}, 2, "n1", 4} << CheckpointSealed{{1}, 2, 10, 1, 0};
  killed(2);
  EXPECT_EQ(fold.job().kills_at_step, 1);  // it got further
  EXPECT_EQ(fold.job().killed_at_step, 10);
  fold << AttemptStarted{{1}, 3, "n1", 4};
  killed(3);
  EXPECT_EQ(fold.job().kills_at_step, 2);
}

TEST(Apply, FallsBackWithARejectedSet) {
  Fold fold;
  fold << node("n1") << submitted(1) << AttemptStarted{{1}, 1, "n1", 4}
       << CheckpointSealed{{1}, 1, 10, 1, 0} << CheckpointSealed{{1}, 1, 20, 1, 0}
       << AttemptEnded{{1}, 1, Ending::lost, 0, std::nullopt} << JobRequeued{{1}, {}, false, ""}
       << AttemptStarted{{1}, 2, "n1", 4}
       << CheckpointRejected{{1}, 2, "gen-000020", "checksum of shard-00000.h5"}
       << CheckpointRestored{{1}, 2, 10, 0.1};
  EXPECT_EQ(fold.job().sealed_step, 10);
}

TEST(Apply, KeepsWhatARejoiningNodeHolds) {
  Fold fold;
  fold << node("n1") << submitted(1) << AttemptStarted{{1}, 1, "n1", 4} << node("n1");
  EXPECT_EQ(fold.state.nodes.at("n1").cpus_used, 8);
  fold << NodeLeft{"n1", "power"};
  EXPECT_FALSE(fold.state.nodes.at("n1").is_up);
  EXPECT_EQ(fold.state.nodes.at("n1").down_why, "power");
  fold << AttemptEnded{{1}, 1, Ending::lost, 0, std::nullopt};
  EXPECT_EQ(fold.job().state, JobState::completing);
  EXPECT_EQ(fold.state.nodes.at("n1").cpus_used, 0);
}

TEST(Apply, SpreadsAnAttemptOverItsSlots) {
  Fold fold;
  fold << node("n1") << node("n2") << submitted(1)
       << AttemptStarted{{1}, 1, "n2", 5, {{"n2", 3}, {"n1", 2}}};
  EXPECT_EQ(fold.job().node(), "n2");
  EXPECT_EQ(fold.state.nodes.at("n1").cpus_used, 4);
  EXPECT_EQ(fold.state.nodes.at("n2").cpus_used, 6);
  fold << node("n1");
  EXPECT_EQ(fold.state.nodes.at("n1").cpus_used, 4);
  fold << AttemptEnded{{1}, 1, Ending::done, 0, std::nullopt};
  EXPECT_EQ(fold.state.nodes.at("n1").cpus_used, 0);
  EXPECT_EQ(fold.state.nodes.at("n2").gpus_used, 0);
}

TEST(Apply, DrainedNodesStayDrainedUntilResumed) {
  Fold fold;
  fold << node("n1") << NodeDrained{"n1", "disk", "ada"} << NodeLeft{"n1", "x"} << node("n1");
  EXPECT_TRUE(fold.state.nodes.at("n1").is_drained());
  fold << NodeResumed{"n1", "ada"};
  EXPECT_FALSE(fold.state.nodes.at("n1").is_drained());
}

TEST(Apply, ForgetsANodeThatIsDownAndHoldsNothing) {
  Fold fold;
  fold << node("n1") << node("n2") << NodeLeft{"n1", "gone"} << NodeForgotten{"n1"};
  EXPECT_FALSE(fold.state.nodes.contains("n1"));
  EXPECT_DEATH((fold << NodeForgotten{"n2"}), "only nodes that are gone");
}

TEST(Apply, CountsFailuresOfANodeInARow) {
  Fold fold;
  fold << node("n1") << submitted(1);
  for (int attempt = 1; attempt <= 2; ++attempt)
    fold << AttemptStarted{{1}, attempt, "n1", 1}
         << AttemptEnded{{1}, attempt, Ending::retry, 74, std::nullopt}
         << JobRequeued{{1}, {}, true, ""};
  EXPECT_EQ(fold.state.nodes.at("n1").failures, 2);
  fold << AttemptStarted{{1}, 3, "n1", 1} << AttemptEnded{{1}, 3, Ending::done, 0, std::nullopt};
  EXPECT_EQ(fold.state.nodes.at("n1").failures, 0);
}

TEST(Apply, JobsShareSpecsUntilTheLastIsForgotten) {
  Fold fold;
  fold << SpecAdded{{1}, *submitted(1).spec};
  for (std::int64_t id = 1; id <= 2; ++id)
    fold << JobSubmitted{.job = {id}, .user = "ada", .spec_id = {1}};
  EXPECT_EQ(fold.job(2).spec->name, "enso");
  EXPECT_EQ(&*fold.job(1).spec, &*fold.job(2).spec);
  fold << JobEnded{{1}, JobState::cancelled, "", ""} << JobsForgotten{{{1}}};
  EXPECT_EQ(fold.state.jobs.size(), 1u);
  EXPECT_EQ(fold.state.specs.size(), 1u);
  fold << JobEnded{{2}, JobState::cancelled, "", ""} << JobsForgotten{{{2}}};
  EXPECT_TRUE(fold.state.specs.empty());
}

TEST(Apply, ChargesAndForgetsUse) {
  Fold fold;
  fold << HalfLifeSet{100} << node("n1") << submitted(1) << AttemptStarted{{1}, 1, "n1", 4};
  const Instant started = fold.job().started_at;
  fold.at(static_cast<double>(started.ms) / 1000 + 50)
      << AttemptEnded{{1}, 1, Ending::done, 0, std::nullopt};
  const Usage& usage = fold.state.usage.at({"", "ada"});
  EXPECT_NEAR(usage.cpu_s, 50 * 8, 1e-9);
  EXPECT_NEAR(decayed(usage, usage.at + 200.0, 100).gpu_s, 50 * 4 / 4.0, 1e-9);
}

TEST(Apply, RemembersTheNewestRequestKeys) {
  Fold fold;
  const std::int64_t jobs = static_cast<std::int64_t>(request_keys_max) + 1;
  for (std::int64_t id = 1; id <= jobs; ++id) {
    JobSubmitted event = submitted(id);
    event.request_key = "key" + std::to_string(id);
    event.request_jobs = 1;
    fold << event;
  }
  EXPECT_EQ(fold.state.request_keys.size(), request_keys_max);
  EXPECT_FALSE(fold.state.request_keys.contains("key1"));
  EXPECT_EQ(fold.state.request_keys.at("key2").first, JobId{2});
}

TEST(StateHash, DiffersBetweenStatesThatDiffer) {
  Fold fold;
  fold << node("n1");
  const std::uint64_t before = state_hash(fold.state);
  EXPECT_EQ(state_hash(fold.state), before);
  fold << submitted(1);
  const std::uint64_t after = state_hash(fold.state);
  EXPECT_NE(after, before);
  fold.state.jobs.at({1}).failures = 1;
  EXPECT_NE(state_hash(fold.state), after);
}

TEST(Apply, ACheckpointRequestStopsNothing) {
  Fold fold;
  fold << node("n1") << submitted(1) << AttemptStarted{{1}, 1, "n1", 4}
       << StopRequested{{1}, Request::checkpoint, "ada"};
  EXPECT_EQ(fold.job().stop_requested, std::nullopt);
  fold << StopRequested{{1}, Request::cancel, "ada"};
  EXPECT_EQ(fold.job().stop_requested, Request::cancel);
}

TEST(ApplyDeathTest, RefusesALogThatCannotBe) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Fold fold;
  fold << node("n1") << submitted(1);
  EXPECT_DEATH(apply(fold.state, {.seq = {4}, .body = NodeLeft{"n1", ""}}), "the log has no gaps");
  EXPECT_DEATH(fold << submitted(1), "job ids only grow");
  EXPECT_DEATH((fold << AttemptStarted{{7}, 1, "n1", 1}), "name jobs that were submitted");
  EXPECT_DEATH((fold << AttemptStarted{{1}, 2, "n1", 1}), "attempts count up by one");
  EXPECT_DEATH((fold << AttemptEnded{{1}, 1, Ending::done, 0, {}}),
               "only the running attempt ends");
}

TEST(Names, OfStatesRequestsAndEndingsReadBack) {
  for (int i = 0; i <= static_cast<int>(JobState::out_of_memory); ++i)
    EXPECT_EQ(state_of(state_name(static_cast<JobState>(i))), static_cast<JobState>(i));
  for (int i = 0; i <= static_cast<int>(Request::kill); ++i)
    EXPECT_EQ(request_of(request_name(static_cast<Request>(i))), static_cast<Request>(i));
  for (int i = 0; i <= static_cast<int>(Ending::lost); ++i)
    EXPECT_EQ(ending_of(ending_name(static_cast<Ending>(i))), static_cast<Ending>(i));
  EXPECT_EQ(state_of("running"), std::nullopt);
  EXPECT_EQ(state_name(JobState::out_of_memory), "OUT_OF_MEMORY");
}

TEST(JobState, IsFinalOnlyWhenNothingFollows) {
  for (const JobState state : {JobState::completed, JobState::failed, JobState::cancelled,
                               JobState::timeout, JobState::node_fail, JobState::out_of_memory})
    EXPECT_TRUE(is_final(state)) << state_name(state);
  for (const JobState state : {JobState::pending, JobState::running, JobState::suspended,
                               JobState::completing, JobState::preempted})
    EXPECT_FALSE(is_final(state)) << state_name(state);
}

}  // namespace
}  // namespace sovren
