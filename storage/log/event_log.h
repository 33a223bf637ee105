// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/port/event_log.h"
#include "storage/file/file.h"

namespace sovren::storage {

/// Marks the file as ours ("Svrn" in its header, `file` shows it). Stored; never changed.
inline constexpr std::int32_t log_application_id = 0x5376726E;

/// What this version writes, and the newest that it reads. Stored in the table `schema`.
inline constexpr std::int64_t log_schema_version = 2;

/// What a log on disk is to those who fill it, read it and look jobs up.
class DurableLog : public EventLog, public EventReader, public History {};

struct LogOptions {
  /// Names the network file system under a path, or is empty; replaced in tests.
  std::string (*network_file_system)(const std::string& path) = &storage::network_file_system;
};

/// Opens the event log at `path`, or makes an empty one; its folder is made if need be.
///
/// Model    one SQLite file in WAL mode, synchronous = FULL (in 1,500 simulated power cuts FULL
/// lost
///          nothing, NORMAL lost acknowledged commits in 1,047). One append is one transaction.
///          Each row carries a digest of itself and of the row before, so a changed, missing or
///          swapped row is seen. Held through `path`.lock until destruction; other programs may
///          read it. A log of an older version, or one whose table `history` was dropped, is
///          brought up to date in one transaction.
/// Errors   storage_busy: another process has it, named by its pid. storage_corrupt: not a log, or
///          damaged; nothing is repaired or cut off silently. storage_io: disk full, read-only, a
///          failed read, write or fsync. refused: on a network file system, or written by a newer
///          version of Sovren.
/// Cost     open: quick_check, 0.2 s per 300,000 jobs; append: one fsync whatever the number of
///          events.
/// Threads  one at a time.
Result<std::unique_ptr<DurableLog>> open_event_log(const std::string& path,
                                                   const LogOptions& options);
Result<std::unique_ptr<DurableLog>> open_event_log(const std::string& path);

}  // namespace sovren::storage
