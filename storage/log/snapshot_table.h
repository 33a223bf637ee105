// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/port/event_log.h"
#include "storage/log/database.h"

namespace sovren::storage {

/// The tables `snapshots` and `snapshot_parts` of an event log: the newest states that were saved.
///
/// Model    One is used when its digest and its state_hash() match, and when the log still has the
///          very event that it was made after. Else the one before is, and at last all events.
class SnapshotTable {
 public:
  static constexpr int kept = 2;
  static constexpr const char* create_sql = R"sql(
    CREATE TABLE snapshots(seq INTEGER PRIMARY KEY, chain TEXT NOT NULL, hash TEXT NOT NULL,
                           parts INTEGER NOT NULL, digest TEXT NOT NULL) STRICT;
    CREATE TABLE snapshot_parts(id INTEGER PRIMARY KEY, seq INTEGER NOT NULL,
                                part INTEGER NOT NULL, text TEXT NOT NULL) STRICT;)sql";

  explicit SnapshotTable(Database& database) : database_(database) {}

  /// Within the caller's transaction. chain: digest of the newest event.
  Result<void> save(const State& state, const std::string& chain);
  Result<Snapshot> load();

 private:
  struct Row {
    std::int64_t seq = 0;
    std::string chain, hash, digest;
    std::int64_t parts = 0;
  };
  Result<State> read(const Row& row);

  Database& database_;
};

}  // namespace sovren::storage
