// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/model/state.h"
#include "core/port/clock.h"
#include "core/port/event_log.h"
#include "core/port/launcher.h"
#include "core/port/orders.h"
#include "core/port/pool_host.h"
#include "scheduler/engine/config.h"
#include "scheduler/engine/draft.h"
#include "scheduler/engine/live.h"
#include "scheduler/engine/open_jobs.h"
#include "scheduler/engine/verdict.h"
#include "scheduler/policy/explain.h"
#include "scheduler/policy/index.h"
#include "scheduler/policy/policy.h"
#include "scheduler/policy/pool.h"

namespace sovren::engine {

/// The scheduler's loop: input -> events -> state -> decide -> durable log -> effects.
///
/// Model    Intake drafts: state() shows it at once, but it may be acknowledged only after the
///          commit() or turn() that makes all drafts durable, or none. Nothing is started or
///          published before. Effects are idempotent for (job, attempt), are repeated until they
///          succeed, and are derived anew from the state when an agent says hello. An attempt that
///          is over on its head ends once its other nodes have nothing left of it either, so that
///          nothing is given away twice.
/// Restart  Opening replays the log. OnRestart::lose: attempts that ran end as lost, and their jobs
///          are PENDING again. readopt: they go on when their agents say hello.
/// Errors   storage_*: the log took nothing, and the state is as before the drafts. After a failed
///          turn() the news it was to record are kept: call turn() again. refused, not_found,
///          spec_invalid: this call drafted nothing; others of the batch stand.
/// Threads  one.
/// Owner    the caller owns log, launcher and clock, and keeps them longer than the engine.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(EventLog& log, Launcher& launcher, Clock& clock,
                                              Config config);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Intake of jobs (intake.cpp).

  Result<JobId> submit(Submission submission);
  Result<Queued> queue(const QueueRequest& request);
  /// checkpoint, stop, preempt, cancel or kill. A stop of a PENDING job holds it; a cancel ends it.
  Result<void> request(JobId job, Request request, const std::string& by);
  /// PENDING: does not start until it is released; RUNNING: seals and stops before.
  Result<void> hold(JobId job, const std::string& by);
  /// Lets a held job go, or cuts its back-off or begin time short.
  Result<void> release(JobId job, const std::string& by);
  /// RUNNING: seals and begins its next attempt; ended: goes on from its newest checkpoint set.
  Result<void> requeue(JobId job, const std::string& by);

  // Intake of nodes (nodes.cpp).

  /// A node without an agent of its own. One that is known with the same resources is left as it
  /// is.
  Result<void> join_node(const std::string& name, const NodeResources& resources);
  /// An agent has (re)connected: the node is up; what its State says runs there goes on, is
  /// started, or is lost; what the agent has beyond that is ended, before the node gets anything
  /// new.
  Result<void> hello(const AgentHello& hello);
  /// An agent has been heard of: its node is there.
  void heard(const std::string& node);
  /// The node is gone, with all that ran there.
  Result<void> lose_node(const std::string& node, const std::string& why);
  /// No new attempts there until it is resumed.
  Result<void> drain(const std::string& node, const std::string& why, const std::string& by);
  Result<void> resume(const std::string& node, const std::string& by);

  /// Makes durable what was drafted.
  Result<void> commit();
  /// One turn of the loop: news, decisions, and all drafts, durable. Waits for news up to
  /// timeout_s, less if something is due earlier or drafted.
  Result<void> turn(double timeout_s);
  /// For how long a turn may wait now: until something is due; at most timeout_s.
  double wait_s(double timeout_s) const;

  const State& state() const { return state_; }
  const std::map<JobId, Live>& live() const { return live_; }
  /// Of the last turn.
  const policy::Plan& plan() const { return plan_; }
  const Config& config() const { return config_; }
  /// As of the last intake or turn. Never goes back.
  Instant now() const { return now_; }
  const policy::Index& index() const { return index_; }
  /// What was odd when the log was read.
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// So that the next start need not replay what has been. Drafts are committed before.
  Result<void> save_snapshot();

  // Why a job waits, after a turn. The job is in state().
  policy::Reason reason_of(JobId job) const;
  policy::Explanation explain(JobId job) const;
  /// What the pools would do now; nothing is done. After a turn.
  policy::PoolPlan plan_pools() const;

  /// Called for each event once it is durable and in state(); must not call the engine.
  std::function<void(const Event&)> on_event;
  /// Called for each report of a running attempt.
  std::function<void(const AttemptNews&)> on_report;

 private:
  struct StartEffect {};
  struct AcknowledgeEffect {
    std::int64_t step = 0;
  };
  struct EndEffect {
    std::string node;
  };
  struct AssistEffect {
    std::string node;
    AssistOrder order;
  };
  struct TellHeadEffect {
    AssistEndedOrder order;
  };
  struct Effect {
    JobId job;
    int attempt = 0;
    std::variant<StartEffect, AcknowledgeEffect, Request, EndEffect, AssistEffect, TellHeadEffect>
        what;
  };

  /// A running attempt that is over, or given up: what is known of its nodes. Not durable: asked
  /// for anew when agents say hello.
  struct Closing {
    int attempt = 0;
    std::optional<AttemptExited> exited;  ///< what its head said
    std::set<std::string> gone;           ///< nodes that have nothing left of it
    bool is_asked = false;                ///< its nodes have been told to end it
  };
  /// A node whose agent still has attempts that were given up: it is not up until they are gone.
  struct Joining {
    AgentHello hello;
    std::set<std::pair<JobId, int>> strays;
  };

  Engine(EventLog& log, Launcher& launcher, Clock& clock, Config config);

  // engine.cpp
  Instant time() const;
  void look_at_clock();
  Result<void> replay();
  Result<void> recover();
  Result<void> see(const Event& event);
  void add(EventBody body);
  void undo();
  void refresh_index();
  void decide();
  void act(const policy::Action& action);
  void publish(const Event& event);
  void run_effects();
  Result<void> run_effect(const Effect& effect);
  Result<void> start(const Job& job);
  const Job* running(JobId job, int attempt) const;
  void note_running(const Job& job);

  // pools.cpp
  enum class Wish { asked, given_back };
  void note_pools_changed();
  void note_allocation_changed(AllocationId id);
  Result<void> check_allocation(const NodeResources& resources) const;
  const Node* node_of(AllocationId id) const;
  void take_pool_news();
  void note_trouble(const PoolNews& news, const Allocation& allocation);
  void record(const PoolNews& news);
  bool decide_pools();
  void act(const policy::PoolAction& action);
  void tell_pools();

  // upkeep.cpp
  std::vector<JobRecord> records() const;
  void count_open(const EventBody& body);
  void forget_some();
  void mark_state();

  // intake.cpp
  Result<void> check_job(const JobSpec& spec, const std::string& user) const;
  Result<std::string> settle_after(const std::string& after) const;
  Result<std::optional<Queued>> earlier(const QueueRequest& request) const;
  SpecId intern(const SharedSpec& spec);
  JobId next_job() const;

  // news.cpp
  void take(AttemptNews news);
  bool take_report(const AttemptNews& news, const RankReport& report);
  void record(const AttemptNews& news);
  void record_report(const AttemptNews& news, const Job& job);
  void relay(const AttemptNews& news, const Job& job);
  void warn(JobId job, const std::string& text);

  // nodes.cpp
  void check_silence();
  Joining strays_of(const AgentHello& hello) const;
  void resync(const AgentHello& hello);
  void close(JobId job);
  void give_up(JobId job);
  void settle(JobId job);
  void note_stray_gone(const AttemptNews& news);
  void note_gone(const AttemptNews& news);
  void add_verdict(Verdict verdict);

  EventLog* log_;
  Launcher* launcher_;
  Clock* clock_;
  const Config config_;

  State state_;
  Draft draft_{state_};
  Instant now_;        ///< of what is being drafted
  Instant looked_at_;  ///< steady: when it was
  std::set<JobId> running_;
  std::map<JobId, Live> live_;
  policy::Index index_{config_.policy};
  std::set<JobId> changed_jobs_;  ///< since index_ was refreshed
  std::set<std::string> changed_nodes_;
  policy::Plan plan_;
  bool is_decided_ = false;         ///< plan_ stands for state_
  bool has_append_failed_ = false;  ///< in the last turn
  std::vector<AttemptNews> inbox_;  ///< not in the log yet
  std::deque<Effect> effects_;      ///< durable, not carried out yet
  std::vector<Effect> drafted_;     ///< effects of what is drafted

  std::map<JobId, Closing> closing_;
  std::map<std::string, Joining> joining_;
  std::map<std::string, Instant> heard_;  ///< steady; of nodes that are up
  Instant next_silence_check_;            ///< steady

  policy::PoolMemory pool_memory_;
  std::optional<Instant> pools_due_;  ///< when they are looked at next
  Instant pools_planned_at_;
  std::vector<PoolNews> pool_inbox_;       ///< not in the log yet
  std::map<AllocationId, Wish> wished_;    ///< of the pools' host, in this run
  std::int64_t replayed_allocations_ = 0;  ///< those up to here were asked for in earlier runs

  std::map<std::uint64_t, SpecId> interned_;              ///< by a hash of the spec's text
  std::set<JobId> ended_;                                 ///< in the state
  std::deque<std::pair<JobId, Instant>> ended_in_order_;  ///< oldest first; some began anew since
  std::int64_t marked_at_ = 0;  ///< newest event that the state's hash was taken at
  std::int64_t saved_at_ = 0;   ///< newest event of the newest snapshot
  std::vector<std::string> warnings_;

  OpenJobs open_jobs_;
  struct Count {
    policy::Owner owner;
    JobId array;
    int jobs = 0;
  };
  std::vector<Count> counted_;  ///< by what is drafted
};

}  // namespace sovren::engine
