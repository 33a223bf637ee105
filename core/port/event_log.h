// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>

#include "core/base/result.h"
#include "core/model/event.h"

namespace sovren {

/// The durable, append-only list of all that happened. One writer.
///
/// Errors   storage_io (disk full: nothing was appended), storage_corrupt, storage_busy (another
/// writer).
class EventLog {
 public:
  virtual ~EventLog() = default;

  /// Gives the events their seq and makes them durable, all or none; on return they survive power
  /// loss.
  virtual Result<void> append(std::span<Event> events) = 0;

  /// Calls visit for every event in order. A visit that fails ends the walk with its error.
  virtual Result<void> replay(const std::function<Result<void>(const Event&)>& visit) = 0;
};

}  // namespace sovren
