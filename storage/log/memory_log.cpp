// SPDX-License-Identifier: Apache-2.0
#include "storage/log/memory_log.h"

namespace sovren::storage {

Result<void> MemoryEventLog::append(std::span<Event> events) {
  for (Event& event : events) {
    event.seq = {static_cast<std::int64_t>(events_.size()) + 1};
    events_.push_back(event);
  }
  return {};
}

Result<void> MemoryEventLog::replay(const std::function<Result<void>(const Event&)>& visit) {
  for (const Event& event : events_) SOVREN_DO(visit(event));
  return {};
}

}  // namespace sovren::storage
