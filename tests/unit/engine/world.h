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
#include <vector>

#include "core/model/state.h"
#include "core/port/clock.h"
#include "core/port/launcher.h"
#include "scheduler/engine/engine.h"
#include "storage/log/memory_log.h"

namespace sovren::engine {

/// Stands until somebody moves it.
class VirtualClock : public Clock {
 public:
  Instant time{1'000'000};
  Instant now() override { return time; }
  void advance(double seconds) { time = time + seconds; }
};

/// Thrown out of append(): the process is gone.
struct Crash {};

/// A log whose k-th append fails or takes the process with it. What was appended stays.
class FaultyLog : public EventLog {
 public:
  enum class Fault { none, refuse, crash_before, crash_after };
  Fault fault = Fault::none;
  int fault_at = 0;  ///< counts down with each append; the one that finds 1 gets the fault
  int appends = 0;

  using EventLog::append;
  using EventLog::replay;
  Result<void> append(std::span<Event> events, std::span<const JobRecord> ended) override;
  Result<void> replay(EventSeq after, const Visit& visit) override {
    return log_.replay(after, visit);
  }
  Result<Snapshot> load_snapshot() override { return log_.load_snapshot(); }
  Result<void> save_snapshot(const State& state) override { return log_.save_snapshot(state); }
  const std::vector<Event>& events() const { return log_.events(); }
  Result<std::optional<JobRecord>> find(JobId job) { return log_.find(job); }
  History& history() { return log_; }

 private:
  storage::MemoryEventLog log_;
};

using Attempt = std::pair<JobId, int>;

/// Does what the test says, and remembers what it was asked. Waiting moves the clock.
class ScriptedLauncher : public Launcher {
 public:
  explicit ScriptedLauncher(VirtualClock& clock) : clock_(clock) {}

  Result<void> start(const AttemptOrder& order) override;
  Result<void> request(JobId job, int attempt, Request request) override;
  Result<void> acknowledge_seal(JobId job, int attempt, std::int64_t step) override;
  std::vector<AttemptNews> poll(double timeout_s) override;

  void tell(JobId job, int attempt, RankReport report) {
    news.push_back({job, attempt, std::move(report)});
  }
  void exit(JobId job, int attempt, int exit_code, std::optional<Error> error = std::nullopt) {
    news.push_back({job, attempt, AttemptExited{exit_code, std::move(error)}});
  }

  std::vector<AttemptOrder> orders;
  std::vector<std::string> asked;  ///< "stop 1.2", "seal 40 of 1.2"
  std::vector<AttemptNews> news;
  std::optional<Error> start_error;    ///< the next start fails with it
  std::optional<Error> request_error;  ///< requests fail with it while it is set

 private:
  VirtualClock& clock_;
};

/// All of a state as text, for comparing.
std::string state_text(const State& state);

/// The state that the events lead to.
State replayed(const std::vector<Event>& events);

/// An engine over fakes, with one node of two cores.
class World {
 public:
  explicit World(Config config = {});
  void reopen();
  Engine& engine() { return *engine_; }
  JobId submit(std::function<void(JobSpec&)> change = nullptr);
  void turn() { turn_for(0); }
  void turn_for(double timeout_s);
  const Job& job(JobId id = {1}) { return engine_->state().jobs.at(id); }
  /// The newest attempt says so; then one turn.
  void tell(RankReport report, JobId id = {1});
  void exit(int exit_code, JobId id = {1}, std::optional<Error> error = std::nullopt);
  void seal(std::int64_t step, JobId id = {1}) { tell(ReportSealed{step, 1000, 0.5}, id); }
  void finish(JobId id = {1});

  VirtualClock clock;
  FaultyLog log;
  ScriptedLauncher launcher{clock};

 private:
  Config config_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace sovren::engine
