// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/port/event_log.h"

namespace sovren::storage {

/// An event log that lives as long as the process: for tests and the simulator.
class MemoryEventLog : public EventLog {
 public:
  Result<void> append(std::span<Event> events) override;
  Result<void> replay(const std::function<Result<void>(const Event&)>& visit) override;

  const std::vector<Event>& events() const { return events_; }

 private:
  std::vector<Event> events_;
};

}  // namespace sovren::storage
