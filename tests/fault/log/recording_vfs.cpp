// SPDX-License-Identifier: Apache-2.0
#include "tests/fault/log/recording_vfs.h"

#include <filesystem>
#include <utility>

#include "core/base/check.h"

namespace sovren::storage {
namespace {

RecordingVfs* current = nullptr;

std::string wanted_synchronous;
int wanted_checkpoint_pages = 0;

/// Lets pass all but the two settings.
int authorize(void*, int action, const char* name, const char* value, const char*, const char*) {
  if (action != SQLITE_PRAGMA || value == nullptr) return SQLITE_OK;
  const std::string pragma = name;
  const bool is_ours =
      pragma == "wal_autocheckpoint" || (pragma == "synchronous" && !wanted_synchronous.empty());
  return is_ours ? SQLITE_IGNORE : SQLITE_OK;
}

int set_up(sqlite3* connection, char**, const sqlite3_api_routines*) {
  const std::string sql =
      wanted_synchronous.empty() ? "" : "PRAGMA synchronous = " + wanted_synchronous;
  const int code = sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return code;
  sqlite3_wal_autocheckpoint(connection, wanted_checkpoint_pages);
  return sqlite3_set_authorizer(connection, &authorize, nullptr);
}

void (*set_up_entry())() {
  return reinterpret_cast<void (*)()>(&set_up);
}

}  // namespace

struct RecordingVfs::Calls {
  static const sqlite3_io_methods& real_of(sqlite3_file* file) {
    return *reinterpret_cast<const Methods*>(file->pMethods)->real;
  }

  static int open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags,
                  int* out_flags) {
    RecordingVfs& self = *current;
    const std::string path = name == nullptr ? "" : self.below(name);
    const bool is_new = name != nullptr && !std::filesystem::exists(name);
    const int code = self.real_->xOpen(self.real_, name, file, flags, out_flags);
    if (code != SQLITE_OK || file->pMethods == nullptr || path.empty()) return code;
    constexpr int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    const bool syncs_folder = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & journals) != 0;
    const int handle = self.trace_.next_handle();
    self.files_[file] = {handle, syncs_folder};
    self.trace_.add(
        {.kind = Operation::Kind::open, .path = path, .handle = handle, .creates = is_new});
    Methods& methods = self.methods_[file->pMethods];
    methods.real = file->pMethods;
    methods.own = *file->pMethods;
    methods.own.xWrite = &write;
    methods.own.xTruncate = &truncate;
    methods.own.xSync = &sync;
    methods.own.xClose = &close;
    methods.own.xFetch = nullptr;  // no memory maps, which would pass by
    methods.own.iVersion = 2;
    file->pMethods = &methods.own;
    return code;
  }

  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    if (current->fails_now()) return SQLITE_IOERR_WRITE;
    const int code = real_of(file).xWrite(file, data, size, offset);
    if (code == SQLITE_OK)
      current->trace_.add(
          {.kind = Operation::Kind::write,
           .handle = current->files_.at(file).handle,
           .offset = offset,
           .bytes = std::string(static_cast<const char*>(data), static_cast<std::size_t>(size))});
    return code;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (current->fails_now()) return SQLITE_IOERR_TRUNCATE;
    const int code = real_of(file).xTruncate(file, size);
    if (code == SQLITE_OK)
      current->trace_.add({.kind = Operation::Kind::truncate,
                           .handle = current->files_.at(file).handle,
                           .offset = size});
    return code;
  }

  static int sync(sqlite3_file* file, int) {
    if (current->fails_now()) return SQLITE_IOERR_FSYNC;
    File& known = current->files_.at(file);
    current->trace_.add({.kind = Operation::Kind::sync, .handle = known.handle});
    if (std::exchange(known.syncs_folder, false)) current->sync_folder();
    return SQLITE_OK;
  }

  static int close(sqlite3_file* file) {
    const auto& real = real_of(file);
    current->files_.erase(file);
    file->pMethods = &real;
    return real.xClose(file);
  }

  static int remove(sqlite3_vfs*, const char* name, int syncs_folder) {
    if (current->fails_now()) return SQLITE_IOERR_DELETE;
    const int code = current->real_->xDelete(current->real_, name, 0);
    if (code != SQLITE_OK) return code;
    current->trace_.add({.kind = Operation::Kind::remove, .path = current->below(name)});
    if (syncs_folder != 0) current->sync_folder();
    return code;
  }
};

RecordingVfs::RecordingVfs(std::string root, Trace& trace, int failing_call)
    : root_(std::move(root)),
      trace_(trace),
      failing_call_(failing_call),
      real_(sqlite3_vfs_find(nullptr)) {
  SOVREN_CHECK(current == nullptr, "one at a time");
  current = this;
  own_ = *real_;
  own_.zName = "recording";
  own_.xOpen = &Calls::open;
  own_.xDelete = &Calls::remove;
  sqlite3_vfs_register(&own_, 1);
}

RecordingVfs::~RecordingVfs() {
  sqlite3_vfs_unregister(&own_);
  sqlite3_vfs_register(real_, 1);
  current = nullptr;
}

std::string RecordingVfs::below(const char* path) const {
  const std::string name = std::filesystem::path(path).lexically_relative(root_).string();
  return name.starts_with("..") ? std::string() : name;
}

void RecordingVfs::sync_folder() {
  const int handle = trace_.next_handle();
  trace_.add({.kind = Operation::Kind::open, .path = ".", .handle = handle});
  trace_.add({.kind = Operation::Kind::sync, .handle = handle});
}

SessionSettings::SessionSettings(std::string synchronous, int checkpoint_pages) {
  wanted_synchronous = std::move(synchronous);
  wanted_checkpoint_pages = checkpoint_pages;
  sqlite3_auto_extension(set_up_entry());
}

SessionSettings::~SessionSettings() {
  sqlite3_cancel_auto_extension(set_up_entry());
}

}  // namespace sovren::storage
