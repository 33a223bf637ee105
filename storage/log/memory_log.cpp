// SPDX-License-Identifier: Apache-2.0
#include "storage/log/memory_log.h"

#include <algorithm>

namespace sovren::storage {

Result<void> MemoryEventLog::append(std::span<Event> events, std::span<const JobRecord> ended) {
  for (Event& event : events) {
    event.seq = {static_cast<std::int64_t>(events_.size()) + 1};
    events_.push_back(event);
  }
  for (const JobRecord& record : ended) records_[record.id] = record;
  return {};
}

Result<void> MemoryEventLog::replay(EventSeq after, const Visit& visit) {
  for (auto i = static_cast<std::size_t>(after.value); i < events_.size(); ++i)
    SOVREN_DO(visit(events_[i]));
  return {};
}

Result<void> MemoryEventLog::save_snapshot(const State& state) {
  snapshot_ = {.state = state, .warnings = {}};
  return {};
}

Result<std::vector<Event>> MemoryEventLog::read_events(EventSeq after, std::size_t limit) {
  const std::size_t begin = std::min(static_cast<std::size_t>(after.value), events_.size());
  const std::size_t end = begin + std::min(limit, events_.size() - begin);
  return std::vector<Event>(events_.begin() + static_cast<std::ptrdiff_t>(begin),
                            events_.begin() + static_cast<std::ptrdiff_t>(end));
}

Result<std::optional<JobRecord>> MemoryEventLog::find(JobId job) {
  const auto found = records_.find(job);
  if (found == records_.end()) return std::nullopt;
  return found->second;
}

Result<std::vector<JobRecord>> MemoryEventLog::query(const HistoryQuery& query) {
  const auto place = [](const JobRecord& r) { return std::pair(r.ended_at, r.id); };
  const auto after = records_.find(query.after);
  std::vector<JobRecord> found;
  for (const auto& [id, record] : records_) {
    const bool is_wanted = (!query.since || record.ended_at >= *query.since) &&
                           (!query.until || record.ended_at < *query.until) &&
                           (query.user.empty() || record.user == query.user) &&
                           (!query.state || record.state == *query.state);
    const bool is_behind =
        query.after.value == 0 || (after != records_.end() && place(record) < place(after->second));
    if (is_wanted && is_behind) found.push_back(record);
  }
  std::sort(found.begin(), found.end(),
            [&](const JobRecord& a, const JobRecord& b) { return place(b) < place(a); });
  if (found.size() > query.limit) found.resize(query.limit);
  return found;
}

}  // namespace sovren::storage
