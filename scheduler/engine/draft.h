// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/state.h"
#include "core/port/event_log.h"

namespace sovren::engine {

/// Events that are not durable yet, already folded into the state they lead to: so all that came in
/// since the last commit, and what is decided on it, pays for one fsync.
///
/// Model    empty -> open -> committed | rolled back, which is empty again.
/// Errors   commit() fails as EventLog::append does; the state is then as before the first event.
/// Cost     a copy of each job and node that its events touch.
class Draft {
 public:
  explicit Draft(State& state) : state_(state) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft();  ///< rolls back unless committed

  void add(Instant at, EventBody body);
  bool is_empty() const { return events_.empty(); }
  const Event& newest() const { return events_.back(); }
  const std::vector<Event>& events() const { return events_; }

  /// Makes the events durable, all or none, with the records of the jobs that they end, and hands
  /// them over.
  Result<std::vector<Event>> commit(EventLog& log, std::span<const JobRecord> ended = {});
  void roll_back();

  /// What the events of this draft, or of the last one until something is added, have touched.
  const std::map<JobId, std::unique_ptr<Job>>& touched_jobs() const { return jobs_; }
  const std::map<std::string, std::optional<Node>>& touched_nodes() const { return nodes_; }
  const std::map<AllocationId, std::optional<Allocation>>& touched_allocations() const {
    return allocations_;
  }

 private:
  void begin();
  void remember(const EventBody& body);
  void remember_job(JobId id);
  void remember_node(const std::string& name);
  void remember_spec(SpecId id);
  void remember_key(const std::string& key);

  State& state_;
  std::vector<Event> events_;

  // What was before, for roll_back(); nullopt: was not there.
  EventSeq applied_;
  std::int64_t last_job_ = 0;
  std::int64_t last_spec_ = 0;
  std::int64_t last_allocation_ = 0;
  Totals totals_;
  double half_life_s_ = 0;
  std::map<JobId, std::unique_ptr<Job>> jobs_;  ///< null, not nullopt: arrays are many
  std::map<std::string, std::optional<Node>> nodes_;
  std::map<SpecId, std::optional<SpecEntry>> specs_;
  std::map<Association, std::optional<Usage>> usage_;
  std::map<std::string, std::optional<KeyedRequest>> keys_;
  std::map<AllocationId, std::optional<Allocation>> allocations_;
  std::map<std::string, std::optional<std::string>> notes_;
};

}  // namespace sovren::engine
