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
  /// failing_call: of the writes, truncations, syncs and deletions the one (from 1) that does
  /// nothing and fails; 0: none.
  RecordingVfs(std::string root, Trace& trace, int failing_call = 0);
  RecordingVfs(const RecordingVfs&) = delete;
  RecordingVfs& operator=(const RecordingVfs&) = delete;
  ~RecordingVfs();
  bool has_failed() const { return failing_call_ > 0 && calls_ >= failing_call_; }

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
  bool fails_now() { return ++calls_ == failing_call_; }
  void sync_folder();  ///< all files lie in the root

  std::string root_;
  Trace& trace_;
  int failing_call_;
  int calls_ = 0;
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
