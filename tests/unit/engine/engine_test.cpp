// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/world.h"

namespace sovren::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Engine, RunsAJobFromSubmissionToItsEnd) {
  World world;
  const JobId job = world.submit([](JobSpec& spec) { spec.resources.ranks = 2; });
  EXPECT_EQ(job, JobId{1});
  EXPECT_EQ(world.job().state, JobState::pending);
  world.turn();
  EXPECT_EQ(world.job().state, JobState::running);
  ASSERT_EQ(world.launcher.orders.size(), 1U);
  const AttemptOrder& order = world.launcher.orders[0];
  EXPECT_EQ(order.job, job);
  EXPECT_EQ(order.attempt, 1);
  EXPECT_EQ(order.ranks, 2);
  EXPECT_EQ(order.node, "here");
  EXPECT_EQ(order.dir, "/jobs/x");
  EXPECT_EQ(order.oldest_set_job, job) << "a submission that names none starts afresh";
  EXPECT_EQ(order.mtbf_s, 86'400);
  world.clock.advance(5);
  world.finish();
  EXPECT_EQ(world.job().state, JobState::completed);
  EXPECT_EQ(world.job().digest, "d1gest");
  EXPECT_EQ(world.job().run_s, 5);
  EXPECT_EQ(world.engine().state().nodes.at("here").cpus_used, 0);
}

TEST(Engine, ProjectsWhatTheAttemptTells) {
  World world;
  world.submit();
  world.turn();
  world.tell(ReportStarted{"cpu", {"2 x Epyc"}, 1});
  world.tell(ReportProgress{{.step = 3, .fraction = 0.5, .phase = "mci"}});
  world.tell(ReportWarning{"column 'a' is constant"});
  world.tell(ReportWarning{"column 'a' is constant"});
  world.tell(ReportRejected{"gen-000020", "shard 0: crc32c"});
  world.tell(ReportPreview{"preview/image.png"});
  const Live& live = world.engine().live().at({1});
  EXPECT_EQ(live.attempt, 1);
  EXPECT_EQ(live.backend, "cpu");
  EXPECT_THAT(live.devices, ElementsAre("2 x Epyc"));
  EXPECT_EQ(live.progress->step, 3);
  EXPECT_EQ(live.preview, "preview/image.png");
  EXPECT_THAT(live.warnings, ElementsAre("column 'a' is constant",
                                         "checkpoint gen-000020 is not used: shard 0: crc32c"));
  world.exit(75);
  world.clock.advance(10);
  world.turn();
  EXPECT_EQ(world.engine().live().at({1}).attempt, 2);
  EXPECT_TRUE(world.engine().live().at({1}).warnings.empty()) << "a new attempt starts empty";
}

TEST(Engine, KeepsOnlySoManyWarnings) {
  World world;
  world.submit();
  world.turn();
  for (int i = 0; i < 300; ++i) world.tell(ReportWarning{std::to_string(i)});
  EXPECT_EQ(world.engine().live().at({1}).warnings.size(), live_warnings_max);
}

TEST(Engine, AcknowledgesASealOnceItIsDurable) {
  World world;
  world.submit();
  world.turn();
  world.log.fault = FaultyLog::Fault::refuse;
  world.log.fault_at = 1;
  world.launcher.tell({1}, 1, ReportSealed{40, 1000, 0.5});
  EXPECT_FALSE(world.engine().turn(0));
  EXPECT_TRUE(world.launcher.asked.empty());
  EXPECT_EQ(world.job().sealed_step, -1);
  world.turn();
  EXPECT_THAT(world.launcher.asked, ElementsAre("seal 40 of 1.1"));
  EXPECT_EQ(world.job().sealed_step, 40);
  EXPECT_EQ(world.job().seals, 1) << "recorded once";
}

TEST(Engine, IgnoresNewsOfAttemptsThatAreOver) {
  World world;
  world.submit();
  world.turn();
  world.exit(75);
  world.clock.advance(10);
  world.turn();
  ASSERT_EQ(world.job().attempts, 2);
  world.launcher.tell({1}, 1, ReportSealed{99, 1, 1});
  world.launcher.tell({1}, 1, ReportFinished{});
  world.launcher.exit({1}, 1, 0);
  world.launcher.exit({1}, 3, 0);
  world.launcher.exit({9}, 1, 0);
  const int appends = world.log.appends;
  world.turn();
  EXPECT_EQ(world.log.appends, appends);
  EXPECT_EQ(world.job().state, JobState::running);
  EXPECT_FALSE(world.engine().live().at({1}).finished);
}

TEST(Engine, BacksOffAndRestartsTheBackoffAtProgress) {
  World world;
  world.submit([](JobSpec& spec) { spec.retry.limit = 3; });
  world.turn();
  const auto wait_s = [&] { return world.job().not_before - world.clock.time; };
  world.exit(75);
  EXPECT_EQ(wait_s(), 10);
  world.turn_for(1000);
  EXPECT_EQ(world.job().attempts, 2) << "woke when the back-off was over";
  world.exit(75);
  EXPECT_EQ(wait_s(), 20);
  world.turn_for(1000);
  world.seal(10);
  world.exit(75);
  EXPECT_EQ(wait_s(), 10);
  world.turn_for(1000);
  world.tell(ReportRestored{5, "gen-000005", 0.1});
  world.seal(9);
  world.exit(75);
  EXPECT_EQ(wait_s(), 20) << "step 9 is no progress: a set at 10 was sealed before";
  EXPECT_EQ(world.job().failures, 2);
}

TEST(Engine, GivesUpAfterTheRetryLimit) {
  World world;
  world.submit([](JobSpec& spec) { spec.retry.limit = 2; });
  world.turn();
  for (int i = 0; i < 3; ++i) {
    world.exit(74);
    if (i < 2) world.turn_for(1000);
  }
  EXPECT_EQ(world.job().state, JobState::failed);
  EXPECT_EQ(world.job().attempts, 3);
  EXPECT_THAT(world.job().why, HasSubstr("gave up after 3 failures"));
}

TEST(Engine, FailsAJobKilledAgainAtTheSameStepButNotAtTwoSteps) {
  World world;
  world.submit();
  world.turn();
  world.seal(10);
  world.exit(137);
  EXPECT_EQ(world.job().state, JobState::pending);
  world.turn_for(1000);
  world.seal(20);
  world.exit(137);
  EXPECT_EQ(world.job().state, JobState::pending) << "killed at step 10 and at step 20";
  for (int again = 0; again < 2; ++again) {
    world.turn_for(1000);
    world.exit(137);
    EXPECT_EQ(world.job().state, JobState::pending) << "there is an older set to go back to";
  }
  world.turn_for(1000);
  world.exit(137);
  EXPECT_EQ(world.job().state, JobState::failed);
  EXPECT_THAT(world.job().error->hint, HasSubstr("out of memory?"));
}

TEST(Engine, HoldsAJobThatItsUserStoppedUntilItIsReleased) {
  World world;
  world.submit();
  world.turn();
  ASSERT_TRUE(world.engine().request({1}, Request::stop, "ada"));
  world.turn();
  EXPECT_THAT(world.launcher.asked, ElementsAre("stop 1.1"));
  world.seal(10);
  world.exit(85);
  EXPECT_EQ(world.job().state, JobState::pending);
  EXPECT_TRUE(world.job().is_held);
  EXPECT_EQ(world.job().failures, 0);
  world.turn_for(1e6);
  EXPECT_EQ(world.launcher.orders.size(), 1U);
  EXPECT_EQ(world.engine().reason_of({1}).text, "stopped by ada at step 10; release it to go on");
  world.reopen();
  world.turn_for(1e6);
  EXPECT_EQ(world.launcher.orders.size(), 1U) << "still held after a restart";
  ASSERT_TRUE(world.engine().release({1}, "ada"));
  world.turn();
  EXPECT_EQ(world.launcher.orders.size(), 2U);
}

TEST(Engine, HoldsAndCancelsPendingJobs) {
  World world;
  world.submit();
  ASSERT_TRUE(world.engine().request({1}, Request::stop, "ada"));
  world.turn();
  EXPECT_TRUE(world.launcher.orders.empty());
  ASSERT_TRUE(world.engine().request({1}, Request::cancel, "bob"));
  EXPECT_EQ(world.job().state, JobState::cancelled);
  EXPECT_EQ(world.job().why, "cancelled by bob");
  EXPECT_EQ(world.engine().release({1}, "ada").error().code, Code::refused);
}

TEST(Engine, KillsWhatDoesNotHeedACancel) {
  World world;
  world.submit();
  world.turn();
  const Instant start = world.clock.time;
  ASSERT_TRUE(world.engine().request({1}, Request::cancel, "ada"));
  world.turn();
  world.turn_for(1000);
  EXPECT_EQ(world.clock.time, start + 30.0);
  EXPECT_THAT(world.launcher.asked, ElementsAre("cancel 1.1", "kill 1.1"));
  world.exit(137);
  EXPECT_EQ(world.job().state, JobState::cancelled);
  EXPECT_EQ(world.job().why, "cancelled by ada");
  EXPECT_EQ(world.job().kills_at_step, 0) << "a kill of ours says nothing about the job";
}

TEST(Engine, RequeuesAPreemptedJobAtOnce) {
  World world;
  world.submit();
  world.turn();
  ASSERT_TRUE(world.engine().request({1}, Request::preempt, "root"));
  world.turn();
  world.seal(10);
  world.exit(85);
  world.turn();
  EXPECT_EQ(world.job().state, JobState::running);
  EXPECT_EQ(world.job().attempts, 2);
  EXPECT_EQ(world.job().failures, 0);
}

TEST(Engine, PassesACheckpointRequestOn) {
  World world;
  world.submit();
  EXPECT_EQ(world.engine().request({1}, Request::checkpoint, "ada").error().code, Code::refused);
  world.turn();
  ASSERT_TRUE(world.engine().request({1}, Request::checkpoint, "ada"));
  world.turn();
  EXPECT_THAT(world.launcher.asked, ElementsAre("checkpoint 1.1"));
  EXPECT_FALSE(world.job().stop_requested);
  EXPECT_EQ(world.engine().request({2}, Request::checkpoint, "ada").error().code, Code::not_found);
}

TEST(Engine, LetsTheStrongestRequestStand) {
  World world;
  world.submit();
  world.turn();
  ASSERT_TRUE(world.engine().request({1}, Request::cancel, "ada"));
  ASSERT_TRUE(world.engine().request({1}, Request::stop, "bob"));
  world.turn();
  world.exit(85);
  EXPECT_EQ(world.job().state, JobState::cancelled);
}

TEST(Engine, TreatsASecondStopByKillAsAStop) {
  World world;  // Ctrl-C, then Ctrl-C again
  world.submit();
  world.turn();
  ASSERT_TRUE(world.engine().request({1}, Request::stop, "ada"));
  ASSERT_TRUE(world.engine().request({1}, Request::kill, "ada"));
  world.turn();
  EXPECT_THAT(world.launcher.asked, ElementsAre("stop 1.1", "kill 1.1"));
  world.exit(137);
  EXPECT_EQ(world.job().state, JobState::pending);
  EXPECT_TRUE(world.job().is_held);
  EXPECT_EQ(world.job().failures, 0);
}

TEST(Engine, CancelsAJobThatItsUserKills) {
  World world;
  world.submit();
  world.turn();
  ASSERT_TRUE(world.engine().request({1}, Request::kill, "ada"));
  world.turn();
  world.exit(137);
  EXPECT_EQ(world.job().state, JobState::cancelled);
}

TEST(Engine, StopsAtTheTimeLimitAndGoesOnInAQueue) {
  World world;
  world.submit([](JobSpec& spec) { spec.resources.time_limit_s = 100; });
  world.turn();
  const Instant start = world.clock.time;
  world.turn_for(1000);
  EXPECT_EQ(world.clock.time, start + 77.0);
  EXPECT_THAT(world.launcher.asked, ElementsAre("stop 1.1"));
  world.seal(10);
  world.exit(85);
  world.turn();
  EXPECT_EQ(world.job().attempts, 2);
  EXPECT_EQ(world.job().failures, 0);
  EXPECT_FALSE(world.job().is_held);
}

TEST(Engine, EndsAtTheTimeLimitInAnEmbeddedRun) {
  World world(Config{.on_time_limit = OnTimeLimit::end});
  world.submit([](JobSpec& spec) { spec.resources.time_limit_s = 100; });
  world.turn();
  world.turn_for(1000);
  world.seal(10);
  world.exit(85);
  EXPECT_EQ(world.job().state, JobState::timeout);
  EXPECT_EQ(world.job().sealed_step, 10);
  EXPECT_EQ(world.job().why, "reached the time limit of 1min40s; a next run goes on from step 10");
}

TEST(Engine, KillsWhatOutlivesItsTimeLimit) {
  World world;
  world.submit([](JobSpec& spec) { spec.resources.time_limit_s = 100; });
  world.turn();
  const Instant start = world.clock.time;
  world.turn_for(1000);
  world.turn_for(1000);
  EXPECT_EQ(world.clock.time, start + 130.0);
  EXPECT_THAT(world.launcher.asked, ElementsAre("stop 1.1", "kill 1.1"));
  world.exit(137);
  EXPECT_EQ(world.job().state, JobState::pending);
  EXPECT_EQ(world.job().failures, 1);
  EXPECT_EQ(world.job().error->code, Code::timed_out);
}

TEST(Engine, EndsAnAttemptThatCannotBeStarted) {
  World world;
  world.submit();
  world.launcher.start_error = Error{.code = Code::storage_io, .what = "no space for the logs"};
  world.turn();
  world.turn();
  EXPECT_EQ(world.job().state, JobState::pending);
  EXPECT_EQ(world.job().failures, 1);
  EXPECT_THAT(world.job().why, HasSubstr("no space for the logs"));
  world.launcher.start_error = Error{.code = Code::mismatch, .what = "mpirun is another version"};
  world.turn_for(1000);
  world.turn();
  EXPECT_EQ(world.job().state, JobState::failed);
}

TEST(Engine, RepeatsARequestUntilItIsPassedOn) {
  World world;
  world.submit();
  world.turn();
  world.launcher.request_error = Error{.code = Code::unreachable, .what = "the agent is away"};
  ASSERT_TRUE(world.engine().request({1}, Request::stop, "ada"));
  world.turn();
  world.turn();
  EXPECT_TRUE(world.launcher.asked.empty());
  EXPECT_THAT(world.engine().live().at({1}).warnings, ElementsAre("the agent is away"));
  world.launcher.request_error.reset();
  world.turn();
  EXPECT_THAT(world.launcher.asked, ElementsAre("stop 1.1"));
}

TEST(Engine, WarnsWhenRanksShareCores) {
  World world;
  world.submit([](JobSpec& spec) { spec.resources.ranks = 4; });
  world.turn();
  EXPECT_THAT(world.engine().live().at({1}).warnings,
              ElementsAre("4 ranks share the 2 cores of here"));
}

TEST(Engine, RefusesWhatItCannotRun) {
  World world;
  const auto code = [&](Submission s) { return world.engine().submit(std::move(s)).error().code; };
  Submission relative{.user = "ada", .dir = "x"};
  EXPECT_EQ(code(relative), Code::usage);
  Submission unclear{.user = "ada", .dir = "/x"};
  unclear.spec.begin = "tomorrow";
  EXPECT_EQ(code(unclear), Code::spec_invalid);
  Submission large{.user = "ada", .dir = "/x"};
  large.spec.resources.ranks = 64;
  EXPECT_EQ(code(large), Code::refused);
  EXPECT_TRUE(world.engine().state().jobs.empty());
}

TEST(Engine, ChangesNothingWhenASubmitCannotBeRecorded) {
  World world;
  world.log.fault = FaultyLog::Fault::refuse;
  world.log.fault_at = 1;
  EXPECT_TRUE(world.engine().submit(Submission{.user = "ada", .dir = "/x"}));
  const auto result = world.engine().commit();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::storage_io);
  EXPECT_TRUE(world.engine().state().jobs.empty());
  EXPECT_EQ(world.submit(), JobId{1}) << "the number was not used up";
}

TEST(Engine, NeitherLosesNorSpinsWhileTheLogRefuses) {
  World world;
  world.submit();
  world.turn();
  world.launcher.tell({1}, 1, ReportSealed{10, 1, 1});
  world.launcher.tell({1}, 1, ReportFinished{10, "d1gest", {}});
  world.launcher.exit({1}, 1, 0);
  const std::string was = state_text(world.engine().state());
  const Instant start = world.clock.time;
  for (int i = 0; i < 5; ++i) {
    world.log.fault = FaultyLog::Fault::refuse;
    world.log.fault_at = 1;
    EXPECT_FALSE(world.engine().turn(60));
    EXPECT_EQ(state_text(world.engine().state()), was);
  }
  EXPECT_EQ(world.clock.time, start + 4.0) << "the first finds news, then a second each";
  world.turn();
  EXPECT_EQ(world.job().state, JobState::completed);
  EXPECT_EQ(world.job().seals, 1);
}

TEST(Engine, PublishesEventsOnceTheyAreDurableAndInState) {
  World world;
  std::vector<std::string> seen;
  world.engine().on_event = [&](const Event& event) {
    EXPECT_LE(static_cast<std::size_t>(event.seq.value), world.log.events().size());
    seen.emplace_back(event_name(event.body));
  };
  world.submit();
  world.turn();
  world.finish();
  EXPECT_THAT(seen, ElementsAre("job_submitted", "attempt_started", "attempt_ended", "job_ended"));
}

TEST(Engine, RecordsOneTurnWithOneAppend) {
  World world;
  world.submit();
  world.submit();
  world.submit();
  world.turn();
  const int appends = world.log.appends;
  for (const int job : {1, 2}) {
    world.launcher.tell({job}, 1, ReportFinished{});
    world.launcher.exit({job}, 1, 0);
  }
  world.turn();
  EXPECT_EQ(world.log.appends, appends + 1) << "two ends and a start";
  EXPECT_EQ(world.job({3}).state, JobState::running);
}

TEST(Engine, EndsWhatItFindsRunningAsLostAndGoesOn) {
  World world;
  world.submit();
  world.turn();
  world.clock.advance(50);
  world.seal(10);
  world.clock.advance(86'400);  // the machine was off
  world.reopen();
  EXPECT_EQ(world.job().state, JobState::pending);
  EXPECT_EQ(world.job().failures, 0);
  EXPECT_EQ(world.job().run_s, 50) << "until its newest sign of life";
  EXPECT_EQ(world.engine().state().nodes.at("here").cpus_used, 0);
  world.turn();
  EXPECT_EQ(world.job().attempts, 2);
  EXPECT_EQ(world.launcher.orders.back().attempt, 2);
  EXPECT_EQ(world.launcher.orders.back().mtbf_s, (0.25 * 86'400 + 50) / 1.25);
}

TEST(Engine, StartsWithTheNodesOfItsEarlierLifeDown) {
  World world;
  ASSERT_TRUE(world.engine().join_node("elsewhere", {.cpus = 64}));
  ASSERT_TRUE(world.engine().commit());
  world.reopen();
  EXPECT_FALSE(world.engine().state().nodes.at("elsewhere").is_up);
  EXPECT_TRUE(world.engine().state().nodes.at("here").is_up);
  const int appends = world.log.appends;
  ASSERT_TRUE(world.engine().join_node("here", {.cpus = 2}));
  ASSERT_TRUE(world.engine().commit());
  EXPECT_EQ(world.log.appends, appends) << "known, and the same";
}

TEST(Engine, RecordsAHalfLifeThatHasChanged) {
  World world({.half_life_s = 3600});
  EXPECT_EQ(world.engine().state().half_life_s, 3600);
  const auto events = world.log.events().size();
  world.reopen();
  EXPECT_EQ(world.engine().state().half_life_s, 3600);
  for (std::size_t i = events; i < world.log.events().size(); ++i)
    EXPECT_FALSE(std::holds_alternative<HalfLifeSet>(world.log.events()[i].body));
}

TEST(Engine, ReplaysToTheStateItLived) {
  World world;
  world.submit([](JobSpec& spec) { spec.resources.time_limit_s = 100; });
  world.submit();
  world.turn();
  world.seal(10);
  world.exit(137);
  world.turn_for(1000);
  world.turn_for(1000);
  world.exit(85);
  ASSERT_TRUE(world.engine().request({2}, Request::cancel, "ada"));
  world.turn_for(1000);
  world.exit(143, {2});
  world.turn();
  EXPECT_EQ(state_text(world.engine().state()), state_text(replayed(world.log.events())));
}

}  // namespace
}  // namespace sovren::engine
