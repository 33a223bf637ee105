// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/state.h"
#include "core/port/event_log.h"

namespace sovren::engine {

/// Events that are not durable yet, already folded into the state they lead to: so one turn decides
/// on what it has just learnt and pays for one fsync, not two.
///
/// Model    open -> committed | rolled back. Nobody but the turn that made it sees the state
///          between.
/// Errors   commit() fails as EventLog::append does; the state is then as before the draft.
/// Cost     a copy of each job and node that its events touch.
class Draft {
 public:
  Draft(State& state, Instant at);
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft();  ///< rolls back unless committed

  void add(EventBody body);
  bool is_empty() const { return events_.empty(); }

  /// Makes the events durable, all or none, and hands them over.
  Result<std::vector<Event>> commit(EventLog& log);

 private:
  void remember(const EventBody& body);
  void remember_job(JobId id);
  void remember_node(const std::string& name);
  void remember_spec(SpecId id);
  void remember_key(const std::string& key);
  void roll_back();

  State& state_;
  Instant at_;
  std::vector<Event> events_;

  // What was before, for roll_back(); nullopt: was not there.
  EventSeq applied_;
  std::int64_t last_job_;
  std::int64_t last_spec_;
  Totals totals_;
  double half_life_s_;
  std::map<JobId, std::optional<Job>> jobs_;
  std::map<std::string, std::optional<Node>> nodes_;
  std::map<SpecId, std::optional<SpecEntry>> specs_;
  std::map<Association, std::optional<Usage>> usage_;
  std::map<std::string, std::optional<KeyedRequest>> keys_;
};

}  // namespace sovren::engine
