// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/event.h"
#include "core/model/state.h"
#include "core/port/history.h"

namespace sovren {

/// A state that was saved, or the empty one. warnings: newer ones that could not be read.
struct Snapshot {
  State state;
  std::vector<std::string> warnings;
};

/// The durable, append-only list of all that happened. One writer.
///
/// Errors   storage_io (disk full: nothing was appended), storage_corrupt, storage_busy (another
/// writer).
class EventLog {
 public:
  using Visit = std::function<Result<void>(const Event&)>;

  virtual ~EventLog() = default;

  /// Gives the events their seq and makes them durable together with the records of the jobs that
  /// they end, all or none; on return they survive power loss.
  virtual Result<void> append(std::span<Event> events, std::span<const JobRecord> ended) = 0;
  Result<void> append(std::span<Event> events) { return append(events, {}); }

  /// Calls visit for every event behind `after`, in order. A visit that fails ends the walk with
  /// its error.
  virtual Result<void> replay(EventSeq after, const Visit& visit) = 0;
  Result<void> replay(const Visit& visit) { return replay({}, visit); }

  /// The newest state that was saved and is whole: what comes to it is replay(state.applied).
  virtual Result<Snapshot> load_snapshot() = 0;

  /// Saves a state to start the next replay from. state.applied must be the newest event.
  virtual Result<void> save_snapshot(const State& state) = 0;
};

/// Looks events up that were appended before, in pieces: for who has missed some.
class EventReader {
 public:
  virtual ~EventReader() = default;
  /// At most `limit` events behind `after`, in order; fewer only at the end of the log.
  virtual Result<std::vector<Event>> read_events(EventSeq after, std::size_t limit) = 0;
};

}  // namespace sovren
