// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sqlite3.h>

#include <map>
#include <string>

#include "tests/fault/model/recorder.h"

namespace sovren::storage {

/// Stands between SQLite and its files as long as it lives: what SQLite does to those below root is
/// done, but for fsync, and noted. Its shared memory is of running processes and is left alone.
/// One at a time, one thread.
class RecordingVfs {
 public:
  RecordingVfs(std::string root, Trace& trace);
  RecordingVfs(const RecordingVfs&) = delete;
  RecordingVfs& operator=(const RecordingVfs&) = delete;
  ~RecordingVfs();

 private:
  struct Calls;  ///< what SQLite calls
  struct File {
    int handle = -1;
    bool syncs_folder = false;  ///< the first sync of a new journal makes its name durable too
  };
  /// One per table of SQLite's own: databases and journals have different ones.
  struct Methods {
    sqlite3_io_methods own;
    const sqlite3_io_methods* real = nullptr;
  };

  std::string below(const char* path) const;
  void sync_folder();  ///< all files lie in the root

  std::string root_;
  Trace& trace_;
  sqlite3_vfs* real_ = nullptr;
  sqlite3_vfs own_{};
  std::map<const sqlite3_io_methods*, Methods> methods_;
  std::map<sqlite3_file*, File> files_;
};

/// As long as it lives, every connection that is opened has these settings, whatever it asks for.
/// synchronous: empty leaves it as it asks. A checkpoint is made by itself after so many pages.
class SessionSettings {
 public:
  SessionSettings(std::string synchronous, int checkpoint_pages);
  SessionSettings(const SessionSettings&) = delete;
  SessionSettings& operator=(const SessionSettings&) = delete;
  ~SessionSettings();
};

}  // namespace sovren::storage
