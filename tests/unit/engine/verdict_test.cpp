// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sovren::engine {
namespace {

using testing::HasSubstr;

constexpr Instant now{1'000'000};

JobSpec spec_with_retries(int limit) {
  JobSpec spec;
  spec.resources.time_limit_s = 3600;
  spec.retry.limit = limit;
  return spec;
}

Job running_job(int retries = 3) {
  Job job;
  job.id = {7};
  job.state = JobState::running;
  job.attempts = 2;
  job.sealed_step = 40;
  job.furthest_step = 40;
  job.step_at_start = 20;
  job.spec = spec_with_retries(retries);
  return job;
}

Job asked(Request request, std::string by = "ada") {
  Job job = running_job();
  job.stop_requested = request;
  job.stop_by = std::move(by);
  return job;
}

Job asked_by_limit() {
  return asked(Request::stop, std::string(by_time_limit));
}

Job killed_by_us(Job job) {
  job.kill_requested_at = now;
  return job;
}

// "requeued", "requeued counted after 10s", "held"..: what follows, in brief.
std::string brief(const Job& job, const Verdict& verdict) {
  if (const auto* ended = std::get_if<JobEnded>(&verdict.next))
    return std::string(state_name(ended->state));
  const auto& requeued = std::get<JobRequeued>(verdict.next);
  EXPECT_EQ(requeued.job, job.id);
  std::string text = requeued.counted ? "counted" : "requeued";
  if (requeued.not_before != now) text += " after " + format_duration(requeued.not_before - now);
  return text;
}

struct Row {
  const char* claim;
  Job job;
  int exit_code;
  Ending ending;
  const char* queue;     ///< what follows in a queue
  const char* embedded;  ///< and in an embedded run
};

TEST(Verdict, FollowsTheTableOfExitCodes) {
  Job fresh = running_job();
  fresh.sealed_step = fresh.step_at_start = fresh.furthest_step = -1;
  Job stuck = running_job();
  stuck.step_at_start = 40;
  const Row rows[] = {
      {"bad data", running_job(), 65, Ending::failed, "FAILED", "FAILED"},
      {"missing input", running_job(), 66, Ending::failed, "FAILED", "FAILED"},
      {"bug", running_job(), 70, Ending::failed, "FAILED", "FAILED"},
      {"mismatch", running_job(), 78, Ending::failed, "FAILED", "FAILED"},
      {"storage", running_job(), 74, Ending::retry, "counted after 10s", "counted after 10s"},
      {"lost peer", running_job(), 75, Ending::retry, "counted after 10s", "counted after 10s"},
      {"unknown", running_job(), 3, Ending::retry, "counted after 10s", "counted after 10s"},
      {"out of range", running_job(), 255, Ending::retry, "counted after 10s", "counted after 10s"},
      {"time limit", running_job(), 124, Ending::retry, "counted after 10s", "TIMEOUT"},
      {"killed", running_job(), 137, Ending::killed, "counted after 10s", "counted after 10s"},
      {"crashed", running_job(), 139, Ending::killed, "counted after 10s", "counted after 10s"},
      {"outsider's stop", running_job(), 85, Ending::checkpointed, "requeued", "requeued"},
      {"outsider's stop, no progress", stuck, 85, Ending::checkpointed, "requeued after 10s",
       "requeued after 10s"},
      {"user's stop", asked(Request::stop), 85, Ending::checkpointed, "requeued", "requeued"},
      {"user's stop, crash", asked(Request::stop), 139, Ending::killed, "counted after 10s",
       "counted after 10s"},
      {"user's stop, then kill", killed_by_us(asked(Request::stop)), 137, Ending::killed,
       "requeued", "requeued"},
      {"user's stop, no seal", asked(Request::stop), 124, Ending::retry, "counted after 10s",
       "counted after 10s"},
      {"user's stop, bad data", asked(Request::stop), 65, Ending::failed, "FAILED", "FAILED"},
      {"preempted", asked(Request::preempt), 85, Ending::checkpointed, "requeued", "requeued"},
      {"preempted, killed", killed_by_us(asked(Request::preempt)), 137, Ending::killed, "requeued",
       "requeued"},
      {"preempted, crash", asked(Request::preempt), 139, Ending::killed, "counted after 10s",
       "counted after 10s"},
      {"cancelled", asked(Request::cancel), 85, Ending::checkpointed, "CANCELLED", "CANCELLED"},
      {"cancelled, killed", killed_by_us(asked(Request::cancel)), 137, Ending::killed, "CANCELLED",
       "CANCELLED"},
      {"cancelled, failed", asked(Request::cancel), 65, Ending::failed, "CANCELLED", "CANCELLED"},
      {"limit, sealed", asked_by_limit(), 85, Ending::checkpointed, "requeued", "TIMEOUT"},
      {"limit, no seal", asked_by_limit(), 124, Ending::retry, "counted after 10s", "TIMEOUT"},
      {"limit, killed", killed_by_us(asked_by_limit()), 137, Ending::retry, "counted after 10s",
       "TIMEOUT"},
      {"no result", running_job(), 0, Ending::failed, "FAILED", "FAILED"},
  };
  for (const Row& row : rows) {
    for (const auto mode : {OnTimeLimit::requeue, OnTimeLimit::end}) {
      const Verdict verdict = judge_exit(row.job, {row.exit_code, std::nullopt}, {}, now, mode);
      EXPECT_EQ(verdict.ended.ending, row.ending) << row.claim;
      EXPECT_EQ(verdict.ended.exit_code, row.exit_code) << row.claim;
      EXPECT_EQ(verdict.ended.attempt, 2) << row.claim;
      EXPECT_EQ(verdict.ended.error.has_value(), row.ending != Ending::checkpointed) << row.claim;
      EXPECT_EQ(brief(row.job, verdict), mode == OnTimeLimit::end ? row.embedded : row.queue)
          << row.claim;
    }
  }
}

TEST(Verdict, CompletesOnlyWithAResult) {
  Live live;
  live.finished = ReportFinished{100, "d1gest", {}};
  for (const Job& job : {running_job(), asked(Request::cancel), asked(Request::stop)}) {
    const Verdict verdict = judge_exit(job, {0, std::nullopt}, live, now, OnTimeLimit::requeue);
    EXPECT_EQ(verdict.ended.ending, Ending::done);
    EXPECT_EQ(brief(job, verdict), "COMPLETED") << "done is done, whatever was asked meanwhile";
    EXPECT_EQ(std::get<JobEnded>(verdict.next).digest, "d1gest");
  }
  const Verdict bare = judge_exit(running_job(), {0, std::nullopt}, {}, now, OnTimeLimit::requeue);
  EXPECT_EQ(bare.ended.error->code, Code::bug);
}

TEST(Verdict, RequeuesALostAttemptAtOnceAndUncounted) {
  EXPECT_EQ(brief(running_job(), judge_loss(running_job(), now, OnTimeLimit::requeue)), "requeued");
  const Job cancelled = asked(Request::cancel);
  EXPECT_EQ(brief(cancelled, judge_loss(cancelled, now, OnTimeLimit::requeue)), "CANCELLED");
}

// As Slurm's --no-requeue: it may not bear to be run twice.
TEST(Verdict, EndsALostJobThatMayNotBeginAnew) {
  Job job = running_job();
  JobSpec spec = *job.spec;
  spec.retry.requeue = false;
  job.spec = spec;
  const Verdict verdict = judge_loss(job, now, OnTimeLimit::requeue);
  EXPECT_EQ(brief(job, verdict), "NODE_FAIL");
  EXPECT_THAT(std::get<JobEnded>(verdict.next).why, HasSubstr("retry.requeue = false"));
}

TEST(Verdict, FailsAJobKilledTwiceAtTheSameStep) {
  Job job = running_job();
  job.killed_at_step = 40;
  job.kills_at_step = 1;
  const Verdict verdict = judge_exit(job, {137, std::nullopt}, {}, now, OnTimeLimit::requeue);
  EXPECT_EQ(brief(job, verdict), "FAILED");
  EXPECT_EQ(std::get<JobEnded>(verdict.next).why,
            "a rank was killed by signal 9 (SIGKILL), twice from step 40");
  EXPECT_THAT(verdict.ended.error->hint, HasSubstr("out of memory?"));
  job.killed_at_step = 20;  // it got on since
  EXPECT_EQ(brief(job, judge_exit(job, {137, std::nullopt}, {}, now, OnTimeLimit::requeue)),
            "counted after 10s");
}

// Killed as it ran, and in two restores of its newest set: the next attempt takes an older one.
TEST(Verdict, LetsAJobGoBackToAnOlderSetBeforeItFails) {
  Job job = running_job();
  job.seals = 2;
  job.killed_at_step = 40;
  const auto verdict = [&] {
    return judge_exit(job, {137, std::nullopt}, {}, now, OnTimeLimit::requeue);
  };
  for (job.kills_at_step = 1; job.kills_at_step < 3; ++job.kills_at_step)
    EXPECT_EQ(brief(job, verdict()), "counted after 10s");
  EXPECT_EQ(brief(job, verdict()), "FAILED");
  EXPECT_EQ(std::get<JobEnded>(verdict().next).why,
            "a rank was killed by signal 9 (SIGKILL), 4 times from step 40");
  job.kills_at_step = 1;
  JobSpec spec = *job.spec;
  spec.checkpoint.keep = 1;
  job.spec = spec;
  EXPECT_EQ(brief(job, verdict()), "FAILED") << "it keeps one set";
}

TEST(Verdict, GivesUpAfterTheRetryLimit) {
  Job job = running_job(2);
  job.failures = 1;
  EXPECT_EQ(brief(job, judge_exit(job, {75, std::nullopt}, {}, now, OnTimeLimit::requeue)),
            "counted after 20s");
  job.failures = 2;
  const Verdict verdict = judge_exit(job, {75, std::nullopt}, {}, now, OnTimeLimit::requeue);
  EXPECT_EQ(brief(job, verdict), "FAILED");
  EXPECT_THAT(std::get<JobEnded>(verdict.next).why,
              HasSubstr("gave up after 3 failures without progress (retry.limit = 2)"));
  job.spec = spec_with_retries(0);
  job.failures = 0;
  EXPECT_EQ(brief(job, judge_exit(job, {75, std::nullopt}, {}, now, OnTimeLimit::requeue)),
            "FAILED");
}

TEST(Verdict, OfAJobThatMayNotBeRepeatedAfterItsTimeIsTimeout) {
  Job job = asked_by_limit();
  job.spec = spec_with_retries(0);
  for (const int code : {143, 124}) {
    const Verdict verdict = judge_exit(job, {code, std::nullopt}, {}, now, OnTimeLimit::requeue);
    EXPECT_EQ(brief(job, verdict), "TIMEOUT") << code;
    EXPECT_EQ(std::get<JobEnded>(verdict.next).why, "reached the time limit of 1h") << code;
  }
  job.spec = spec_with_retries(1);
  job.failures = 1;
  EXPECT_EQ(
      std::get<JobEnded>(judge_exit(job, {124, std::nullopt}, {}, now, OnTimeLimit::requeue).next)
          .why,
      "reached the time limit of 1h, 2 failures without progress");
}

TEST(Verdict, DoublesTheBackoffUpToAnHour) {
  const RetryPolicy retry{.limit = 100, .backoff_s = 10};
  EXPECT_EQ(backoff_after_s(retry, 1), 10);
  EXPECT_EQ(backoff_after_s(retry, 2), 20);
  EXPECT_EQ(backoff_after_s(retry, 9), 2560);
  EXPECT_EQ(backoff_after_s(retry, 10), 3600);
  EXPECT_EQ(backoff_after_s(retry, 2'000'000'000), 3600);
  EXPECT_EQ(backoff_after_s({.backoff_s = 0}, 5), 0);
}

TEST(Verdict, PrefersWhatTheRankSaidOfItsEnd) {
  Live live;
  live.failed = Error{.code = Code::data_invalid, .what = "line 3 has 4 columns"};
  const Error launch{.code = Code::data_invalid, .what = "rank 0 exited with code 65"};
  const auto what = [&](int code, std::optional<Error> exited, const Live& said) {
    return judge_exit(running_job(), {code, std::move(exited)}, said, now, OnTimeLimit::requeue)
        .ended.error->what;
  };
  EXPECT_EQ(what(65, launch, live), "line 3 has 4 columns");
  EXPECT_EQ(what(65, launch, {}), "rank 0 exited with code 65");
  EXPECT_EQ(what(65, std::nullopt, {}), "the rank program ended with exit code 65 (data_invalid)");
  EXPECT_EQ(what(137, Error{.what = "rank 3 was killed"}, live), "rank 3 was killed")
      << "what rank 0 said of a peer's death is the consequence, not the cause";
}

}  // namespace
}  // namespace sovren::engine
