// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "scheduler/engine/host.h"
#include "tests/unit/engine/sim_agent.h"
#include "tests/unit/engine/world.h"

namespace sovren::engine {

/// Wall clock that people set, and one that nobody can.
class SimClock : public Clock {
 public:
  Instant wall{1'000'000'000};
  Instant since_start{};
  Instant now() override { return wall; }
  Instant steady() override { return since_start; }
  void advance(std::int64_t ms) {
    wall.ms += ms;
    since_start.ms += ms;
  }
};

/// A daemon, agents on several nodes, a network between them and clients, all in one thread under
/// one seed: what happens when, what is delayed, lost or told twice, and who crashes, is drawn.
///
/// After each event: nothing is given out twice, no attempt number begins twice, no acknowledged
/// job is missing, the index equals one built anew. In the end: every job has ended, and the log
/// leads to the state that was lived, from its beginning and from a snapshot.
class SimCluster {
 public:
  explicit SimCluster(std::uint64_t seed);
  /// Nothing breaks but one append of the log, the fault_at-th, and an agent dies once.
  SimCluster(std::uint64_t seed, FaultyLog::Fault fault, int fault_at);
  /// How often each state was reached.
  std::map<JobState, int> run();
  int appends() const { return log_.appends; }

 private:
  static constexpr int nodes_total = 3;
  static constexpr int jobs_total = 8;

  /// How an agent is connected: one call of each kind at a time; an answer to an older one is not
  /// listened to.
  struct Link {
    bool is_greeted = false;
    bool is_cut = false;
    bool is_frozen = false;
    std::uint64_t calls[3] = {0, 0, 0};       ///< newest of each kind
    std::int64_t waits_since[3] = {0, 0, 0};  ///< 0: none is on its way
  };
  enum Call { greeting, taking, telling };
  struct Wish {  ///< a client's submission
    std::string key;
    JobSpec spec;
    std::int64_t tried_at = -1;
    bool is_answered = false;
  };

  void at(std::int64_t delay_ms, std::function<void()> what);
  void send(std::size_t from, std::function<void()> what);

  // The scheduler's process.
  void start_scheduler();
  void crash_scheduler();
  void pump();
  void safely(const std::function<void()>& what);

  // Agents.
  void tick_agent(std::size_t i);
  std::uint64_t begin_call(std::size_t i, Call call);
  bool is_current(std::size_t i, Call call, std::uint64_t number) const;
  void call_hello(std::size_t i);
  void call_orders(std::size_t i);
  void call_news(std::size_t i);
  void kill_agent(std::size_t i);
  void answered(std::size_t i, Call call, const Error* error);

  // Clients and mischief.
  void tick();
  void tick_client();
  void submit(Wish& wish);
  void meddle();
  void disturb();

  void check();
  void check_replay();
  bool is_over() const;
  void trace(const std::string& text) const;
  std::string agents_text() const;
  const State& state() const { return host_->engine().state(); }

  Dice dice_;
  SimClock clock_;
  FaultyLog log_;
  Disk disk_;
  std::unique_ptr<EngineHost> host_;
  int life_ = 0;  ///< of the scheduler
  bool is_calm_ = false;
  std::vector<std::unique_ptr<SimAgent>> agents_;
  std::vector<Link> links_;
  std::multimap<std::int64_t, std::function<void()>> events_;  ///< by steady time
  std::vector<Wish> wishes_;
  std::set<JobId> acknowledged_;
  std::set<AttemptKey> begun_;
  std::uint64_t next_call_ = 0;
  bool is_scripted_ = false;
  const bool is_traced_ = std::getenv("SOVREN_SIM_TRACE") != nullptr;
  int checks_ = 0;
};

}  // namespace sovren::engine
