// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/verdict.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <string>

namespace sovren::engine {
namespace {

constexpr int kills_max = 2;  ///< killed so often at one sealed step, a job has failed
/// The same where an older set is there: the newest may be what kills it. It is passed over once it
/// was restored twice, and the first kill may have come before any restore of it.
constexpr int kills_max_with_older = kills_max + 2;

std::string signal_text(int signal) {
  const std::string number = "signal " + std::to_string(signal);
  switch (signal) {
    case SIGKILL:
      return number + " (SIGKILL)";
    case SIGSEGV:
      return number + " (SIGSEGV)";
    case SIGABRT:
      return number + " (SIGABRT)";
    case SIGBUS:
      return number + " (SIGBUS)";
    case SIGFPE:
      return number + " (SIGFPE)";
    case SIGILL:
      return number + " (SIGILL)";
    case SIGTERM:
      return number + " (SIGTERM)";
    default:
      return number;
  }
}

bool is_killed(int exit_code) {
  return exit_code > 128 && exit_code <= 128 + 64;
}

std::string from_where(const Job& job) {
  return job.sealed_step < 0 ? "from the beginning"
                             : "from step " + std::to_string(job.sealed_step);
}

bool has_older_set(const Job& job) {
  return job.seals > 1 && job.spec->checkpoint.keep > 1;
}

std::string limit_text(const Job& job) {
  const auto limit_s = job.spec->resources.time_limit_s;
  return limit_s ? "the time limit of " + format_duration(*limit_s) : "the time limit";
}

Ending ending_of_exit(const Job& job, int exit_code, bool is_finished) {
  if (exit_code == exit_done) return is_finished ? Ending::done : Ending::failed;
  if (exit_code == exit_checkpointed) return Ending::checkpointed;
  if (is_killed(exit_code))
    return job.kill_requested_at && is_stopped_by_time_limit(job) ? Ending::retry : Ending::killed;
  // A command's own codes: only those by which programs ask to be started again are retried.
  if (std::holds_alternative<CommandSpec>(job.spec->kind))
    return exit_code == 74 || exit_code == 75 || exit_code == 124 ? Ending::retry : Ending::failed;
  switch (exit_code) {
    case 65:
    case 66:
    case 70:
    case 78:
      return Ending::failed;
    default:
      return Ending::retry;  // 74, 75, 124; and one that sovren-rank never gives is not ours to
                             // judge
  }
}

Error error_of_kill(const Job& job, int signal) {
  Error error{.code = Code::peer_lost, .what = "a rank was killed by " + signal_text(signal)};
  if (job.kill_requested_at) {
    if (is_stopped_by_time_limit(job))
      return {.code = Code::timed_out,
              .what = "killed: it did not stop within " + limit_text(job) + " and the grace",
              .hint = "raise resources.time_limit"};
    error.what = "killed at the request of the user or the scheduler";
    return error;
  }
  if (signal == SIGKILL)
    error.hint = "out of memory? raise resources.memory_per_rank, or use fewer ranks per node";
  else if (signal != SIGTERM)
    error.hint = "the ranks' logs in the job's folder logs/ may say why";
  return error;
}

// What is said of the end when neither the rank nor the launch said anything.
std::optional<Error> default_error(const Job& job, Ending ending, int exit_code) {
  if (ending == Ending::done || ending == Ending::checkpointed) return std::nullopt;
  if (is_killed(exit_code)) return error_of_kill(job, exit_code - 128);
  if (exit_code == exit_done)
    return Error{.code = Code::bug,
                 .what = "the rank program ended with exit code 0 without reporting a result",
                 .hint = "please report this, with the ranks' logs"};
  const Code code = code_of_rank_exit(exit_code);
  return Error{.code = code,
               .what = "the rank program ended with exit code " + std::to_string(exit_code) + " (" +
                       std::string(name(code)) + ")",
               .hint = "the ranks' logs in the job's folder logs/ may say why"};
}

JobRequeued requeue_now(const Job& job, Instant now, std::string why) {
  return {.job = job.id, .not_before = now, .counted = false, .why = std::move(why)};
}

JobEnded end_as(const Job& job, JobState state, std::string why) {
  return {.job = job.id, .state = state, .why = std::move(why)};
}

bool is_cancelled(const Job& job) {
  return job.stop_requested == Request::cancel;
}

bool is_stopped_by_user(const Job& job) {
  return job.stop_requested == Request::stop && !is_stopped_by_time_limit(job);
}

std::variant<JobRequeued, JobEnded> after_checkpoint(const Job& job, Instant now) {
  const std::string step = " at step " + std::to_string(std::max<std::int64_t>(job.sealed_step, 0));
  if (is_stopped_by_user(job)) return requeue_now(job, now, "stopped by " + job.stop_by + step);
  if (job.stop_requested == Request::preempt)
    return requeue_now(job, now, "preempted by " + job.stop_by + step);
  if (is_stopped_by_time_limit(job))
    return requeue_now(job, now, "reached " + limit_text(job) + step);
  // Nobody here asked. One that does so without getting on would otherwise be started in a spin.
  JobRequeued requeued = requeue_now(job, now, "stopped from outside" + step);
  if (job.sealed_step <= job.step_at_start)
    requeued.not_before = now + backoff_after_s(job.spec->retry, 1);
  return requeued;
}

std::variant<JobRequeued, JobEnded> after_failure(const Job& job, const std::string& what,
                                                  Instant now) {
  const int failures = job.failures + 1;
  const int limit = job.spec->retry.limit;
  if (failures > limit) {
    const std::string times = failures == 1 ? "1 failure" : std::to_string(failures) + " failures";
    if (is_stopped_by_time_limit(job))
      return end_as(
          job, JobState::timeout,
          "reached " + limit_text(job) + (failures == 1 ? "" : ", " + times + " without progress"));
    return end_as(job, JobState::failed,
                  "gave up after " + times +
                      " without progress (retry.limit = " + std::to_string(limit) + "): " + what);
  }
  const double wait_s = backoff_after_s(job.spec->retry, failures);
  return JobRequeued{.job = job.id,
                     .not_before = now + wait_s,
                     .counted = true,
                     .why = "retry " + std::to_string(failures) + " of " + std::to_string(limit) +
                            " after " + format_duration(wait_s) + ", " + from_where(job) + ": " +
                            what};
}

std::variant<JobRequeued, JobEnded> next_of(const Job& job, const AttemptEnded& ended,
                                            const Live* live, Instant now,
                                            OnTimeLimit on_time_limit) {
  const std::string what = ended.error ? ended.error->what : std::string(ending_name(ended.ending));
  if (ended.ending == Ending::done) {
    JobEnded done = end_as(job, JobState::completed, "");
    if (live != nullptr && live->finished) done.digest = live->finished->digest;
    return done;
  }
  if (is_cancelled(job)) return end_as(job, JobState::cancelled, "cancelled by " + job.stop_by);
  if (ended.ending == Ending::failed) return end_as(job, JobState::failed, what);
  // It would need as much again.
  if (ended.error && ended.error->code == Code::out_of_memory)
    return end_as(job, JobState::out_of_memory, what);
  const bool is_their_kill = ended.ending == Ending::killed && !job.kill_requested_at;
  const int kills = job.killed_at_step == job.sealed_step ? job.kills_at_step + 1 : 1;
  if (is_their_kill && kills >= (has_older_set(job) ? kills_max_with_older : kills_max))
    return end_as(job, JobState::failed,
                  what + (kills == 2 ? ", twice " : ", " + std::to_string(kills) + " times ") +
                      from_where(job));
  const bool is_time_limit = is_stopped_by_time_limit(job) || ended.exit_code == 124;
  if (is_time_limit && on_time_limit == OnTimeLimit::end && !is_stopped_by_user(job))
    return end_as(job, JobState::timeout,
                  "reached " + limit_text(job) + "; a next run goes on " + from_where(job));
  switch (ended.ending) {
    case Ending::checkpointed:
      return after_checkpoint(job, now);
    case Ending::lost:
      if (!job.spec->retry.requeue)
        return end_as(job, JobState::node_fail,
                      "the scheduler or the node went away under attempt " +
                          std::to_string(ended.attempt) +
                          ", and it may not begin anew (retry.requeue = false)");
      return requeue_now(job, now,
                         "the scheduler or the node went away under attempt " +
                             std::to_string(ended.attempt) + "; goes on " + from_where(job));
    case Ending::killed:
      if (!is_their_kill)
        return requeue_now(
            job, now, "killed at the request of " + job.stop_by + "; goes on " + from_where(job));
      return after_failure(job, what, now);
    default:
      return after_failure(job, what, now);
  }
}

}  // namespace

double backoff_after_s(const RetryPolicy& retry, int failures) {
  const double doubled = std::ldexp(retry.backoff_s, std::clamp(failures - 1, 0, 60));
  return std::clamp(doubled, 0.0, backoff_s_max);
}

Verdict judge_exit(const Job& job, const AttemptExited& exited, const Live& live, Instant now,
                   OnTimeLimit on_time_limit) {
  const Ending ending = ending_of_exit(job, exited.exit_code, live.finished.has_value());
  AttemptEnded ended{job.id, job.attempts, ending, exited.exit_code, std::nullopt};
  ended.error = default_error(job, ending, exited.exit_code);
  const bool is_kill = is_killed(exited.exit_code);
  if (ended.error && !(is_kill && job.kill_requested_at)) {
    const std::string hint = ended.error->hint;
    // What rank 0 said comes first, then the launch; of a kill, only the launch can tell.
    if (!is_kill && live.failed)
      ended.error = live.failed;
    else if (exited.error)
      ended.error = exited.error;
    if (ended.error->hint.empty()) ended.error->hint = hint;
  }
  return {ended, next_of(job, ended, &live, now, on_time_limit)};
}

Verdict judge_loss(const Job& job, Instant now, OnTimeLimit on_time_limit) {
  AttemptEnded ended{job.id, job.attempts, Ending::lost, 0, std::nullopt};
  return {ended, next_of(job, ended, nullptr, now, on_time_limit)};
}

}  // namespace sovren::engine
