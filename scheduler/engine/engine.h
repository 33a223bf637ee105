// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/model/state.h"
#include "core/port/clock.h"
#include "core/port/event_log.h"
#include "core/port/launcher.h"
#include "scheduler/engine/draft.h"
#include "scheduler/engine/live.h"
#include "scheduler/engine/verdict.h"
#include "scheduler/policy/policy.h"

namespace sovren::engine {

struct Config {
  policy::PolicyConfig policy;
  OnTimeLimit on_time_limit = OnTimeLimit::requeue;
  /// New jobs get ids above this: where a log was lost, checkpoint sets still bear its ids.
  JobId last_job_before;
};

/// A job as it is handed in. oldest_set_job: 0 stands for the job itself, so that no checkpoint of
/// an earlier job in the same folder is restored.
struct Submission {
  std::string user;
  std::string dir;  ///< absolute
  JobSpec spec;
  std::string spec_digest;
  JobId oldest_set_job;
};

/// The scheduler's loop: input -> events -> state -> decide -> durable log -> effects.
///
/// Model    Nothing is acknowledged, started or published before it is durable. Effects are
///          idempotent for (job, attempt) and repeated until they succeed. Opening replays the
///          log; attempts that ran end as lost, and their jobs are PENDING again.
/// Errors   storage_*: the log took nothing, and the state is as before. After a failed turn() the
///          news it was to record are kept: call turn() again. refused, not_found, spec_invalid:
///          nothing changed.
/// Threads  one.
/// Owner    the caller owns log, launcher and clock, and keeps them longer than the engine.
class Engine {
 public:
  static Result<Engine> open(EventLog& log, Launcher& launcher, Clock& clock, Config config);

  Result<JobId> submit(Submission submission);
  /// All or none, with one fsync: the elements of an array.
  Result<std::vector<JobId>> submit(std::vector<Submission> submissions);

  /// checkpoint, stop, preempt, cancel or kill. A stop of a PENDING job holds it; a cancel ends it.
  Result<void> request(JobId job, Request request, const std::string& by);

  /// Lets a held job go, or cuts its back-off or begin time short.
  Result<void> release(JobId job, const std::string& by);

  /// A node that is known already with the same resources is left as it is.
  Result<void> join_node(const std::string& name, const NodeResources& resources);

  /// One turn of the loop. Waits for news up to timeout_s, less if something is due earlier.
  Result<void> turn(double timeout_s);

  const State& state() const { return state_; }
  const std::map<JobId, Live>& live() const { return live_; }
  /// Of the last turn: why jobs wait, and when something is due.
  const policy::Plan& plan() const { return plan_; }

  /// Called for each event once it is durable and in state(); must not call the engine.
  std::function<void(const Event&)> on_event;

 private:
  struct StartEffect {};
  struct AcknowledgeEffect {
    std::int64_t step = 0;
  };
  struct Effect {
    JobId job;
    int attempt = 0;
    std::variant<StartEffect, AcknowledgeEffect, Request> what;
  };

  Engine(EventLog& log, Launcher& launcher, Clock& clock, Config config)
      : log_(&log), launcher_(&launcher), clock_(&clock), config_(config) {}

  Result<void> recover();
  double wait_s(double timeout_s) const;
  void take(AttemptNews news);
  void record(const AttemptNews& news, Draft& draft) const;
  void act(const policy::Action& action, Draft& draft) const;
  Result<void> commit(Draft& draft);
  void publish(const Event& event);
  void run_effects();
  Result<void> run_effect(const Effect& effect);
  Result<void> start(const Job& job);
  const Job* running(JobId job, int attempt) const;
  void warn(JobId job, const std::string& text);

  EventLog* log_;
  Launcher* launcher_;
  Clock* clock_;
  Config config_;

  State state_;
  std::map<JobId, Live> live_;
  policy::Plan plan_;
  bool is_decided_ = false;         ///< plan_ stands for state_
  bool has_append_failed_ = false;  ///< in the last turn
  std::vector<AttemptNews> inbox_;  ///< not in the log yet
  std::deque<Effect> effects_;      ///< durable, not carried out yet
};

}  // namespace sovren::engine
