// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/port/clock.h"
#include "core/port/event_log.h"
#include "core/port/history.h"
#include "scheduler/api/body_cache.h"
#include "scheduler/api/event_hub.h"
#include "scheduler/api/query.h"
#include "scheduler/api/router.h"
#include "scheduler/api/timers.h"
#include "scheduler/api/worker.h"
#include "scheduler/engine/host.h"

namespace sovren::api {

struct ApiOptions {
  std::vector<std::string> operators;  ///< users who may act on every job and node
  std::string token_file;              ///< empty: no bearer token is accepted
  std::size_t events_kept = 4096;      ///< for watchers who come back
};

/// The routes of docs/api.md over an engine.
///
/// Model    A request is read on the network thread, carried out on the engine's, and long answers
///          are put into words on a third, so that none of the three waits for another.
/// Threads  handle(), tick(): the network thread; on_event(), on_report(): the engine's.
/// Owner    Make it, give on_event and on_report to the host, attach the host, start the server;
///          stop the host before the server, and destroy the server first.
class Api {
 public:
  /// history, events: of the log that the engine writes; used on the engine's thread.
  Api(ApiOptions options, Clock& clock, History& history, EventReader& events);
  void attach(engine::EngineHost& host) { host_ = &host; }

  void handle(Request request, Responder responder);
  /// For ServerOptions::on_tick.
  void tick();
  void on_event(const Event& event);
  void on_report(const AttemptNews& news);

  const std::vector<Route>& routes() const { return router_.routes(); }

 private:
  using Engine = engine::Engine;
  /// Puts into words what was copied from the engine.
  using Words = std::function<Response()>;
  using Look = std::function<Result<Words>(const Engine&)>;
  using Intake = std::function<Result<void>(Engine&)>;
  using IsTime = std::function<bool(const Engine&)>;
  using Carry = Result<void> (Api::*)(Call&);
  enum class Verb { cancel, hold, release, requeue, checkpoint, preempt };

  std::vector<Route> table();
  Route get(std::string_view pattern, Scope scope, Carry carry);
  Route post(std::string_view pattern, Scope scope, Carry carry);
  Route act(std::string_view pattern, Verb verb);
  void after(double seconds, std::function<void()> work);
  void answer_later(const Responder& responder, Words words);

  /// Answers with what look finds; an error is answered as a problem.
  Result<void> look(const Responder& responder, Look look);
  /// Once what intake drafts is durable, answers with what look finds.
  Result<void> change(const Responder& responder, Intake intake, Look look);

  // routes_jobs.cpp
  Result<void> list_jobs(Call& call);
  Result<void> show_job(Call& call);
  Result<void> act_on_job(Call& call, Verb verb);
  static Result<void> act(Engine& engine, Verb verb, JobId job, const std::string& by);
  Look one_job(JobId id);
  // routes_submit.cpp
  Result<void> submit(Call& call);
  Result<void> queue(const Responder& responder, const std::string& user,
                     std::shared_ptr<const SubmitBody> body, std::string key,
                     const std::string& digest);
  // routes_files.cpp
  Result<void> show_logs(Call& call);
  Result<void> show_checkpoints(Call& call);
  // routes_events.cpp
  Result<void> watch_job(Call& call);
  Result<void> watch_all(Call& call);
  void catch_up(const Responder& responder, EventSeq seq);
  // routes_nodes.cpp
  Result<void> list_nodes(Call& call);
  Result<void> drain_node(Call& call);
  Result<void> resume_node(Call& call);
  Result<void> list_partitions(Call& call);
  Result<void> list_pools(Call& call);
  // routes_explain.cpp
  Result<void> explain(Call& call);
  Result<void> history(Call& call);
  // routes_agents.cpp
  Result<void> agent_hello(Call& call);
  Result<void> agent_orders(Call& call);
  Result<void> agent_news(Call& call);
  Result<void> agent_leave(Call& call);
  // routes_metrics.cpp
  Result<void> metrics(Call& call);
  Result<void> ready(Call& call);

  // waiting.cpp: long polls. Threads: the engine's, but for wait().
  struct Waiter {
    std::uint64_t id = 0;
    std::optional<JobId> job;  ///< none: any event will do
    Responder responder;
    IsTime is_time;
    Look look;
  };
  /// Answers with what look finds once is_time says so, which is asked now and after each event of
  /// the job; at the latest after wait_s.
  Result<void> wait(const Responder& responder, std::optional<JobId> job, double wait_s,
                    IsTime is_time, Look look);
  void give(const Engine& engine, const Responder& responder, const Look& look);
  void give_up(const Engine& engine, std::uint64_t waiter);
  void try_waiters(const Engine& engine);

  History& history_;
  EventReader& events_;
  engine::EngineHost* host_ = nullptr;
  Timers timers_;
  BodyCache bodies_;
  Worker worker_;

  // Engine's thread.
  EventHub hub_;
  std::vector<Waiter> waiters_;
  std::uint64_t last_waiter_ = 0;
  std::set<JobId> touched_;  ///< since the waiters were last asked
  bool is_any_touched_ = false;
  std::map<std::string, double> kind_metrics_;

  Router router_;
};

}  // namespace sovren::api
