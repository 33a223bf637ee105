// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "core/port/event_log.h"

namespace sovren::storage {

/// An event log that lives as long as the process: for tests and the simulator.
class MemoryEventLog : public EventLog, public EventReader, public History {
 public:
  using EventLog::append;
  using EventLog::replay;
  Result<void> append(std::span<Event> events, std::span<const JobRecord> ended) override;
  Result<void> replay(EventSeq after, const Visit& visit) override;
  Result<Snapshot> load_snapshot() override { return snapshot_; }
  Result<void> save_snapshot(const State& state) override;
  Result<std::vector<Event>> read_events(EventSeq after, std::size_t limit) override;
  Result<std::optional<JobRecord>> find(JobId job) override;
  Result<std::vector<JobRecord>> query(const HistoryQuery& query) override;

  const std::vector<Event>& events() const { return events_; }

 private:
  std::vector<Event> events_;
  std::map<JobId, JobRecord> records_;
  Snapshot snapshot_;
};

}  // namespace sovren::storage
