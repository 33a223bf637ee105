// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "storage/file/system.h"

namespace sovren::storage {

/// One call at the port, with the arguments that its kind has.
struct SystemCall {
  enum class Kind {
    open,
    write,
    fallocate,
    leave_direct,
    start_writeback,
    fsync,
    close,
    rename,
    link,
    mkdir,
    unlink,
    rmdir,
  };
  Kind kind = Kind::open;
  int fd = -1;
  const char* path = "";
  const char* to = "";
  int flags = 0;
  mode_t mode = 0;
  const void* data = nullptr;
  std::size_t size = 0;
  off_t offset = 0;
};
std::string name_of(SystemCall::Kind kind);

/// Every call of the port goes through one function, for tests that record, fail, shorten, lose or
/// end the process at each of them. A test compares this list with the port's.
class HookedSystem : public System {
 public:
  int open(const char* path, int flags, mode_t mode) override;
  ssize_t write(int fd, const void* data, std::size_t size) override;
  int fallocate(int fd, off_t size) override;
  int leave_direct(int fd) override;
  int start_writeback(int fd, off_t offset, off_t size) override;
  int fsync(int fd) override;
  int close(int fd) override;
  int rename(const char* from, const char* to) override;
  int link(const char* from, const char* to) override;
  int mkdir(const char* path, mode_t mode) override;
  int unlink(const char* path) override;
  int rmdir(const char* path) override;

 protected:
  /// What happens instead of the call; returns what it returns, with errno.
  virtual ssize_t on(const SystemCall& call) = 0;
  /// The call itself; but fsync does nothing: a killed process leaves its pages behind, and a power
  /// cut is modelled.
  ssize_t make(const SystemCall& call);
};

/// Only that: fsync does nothing.
class UnsyncedSystem : public HookedSystem {
 protected:
  ssize_t on(const SystemCall& call) override { return make(call); }
};

/// As long as it lives, the process uses this system.
class Using {
 public:
  explicit Using(System& system) { replace_system_calls(&system); }
  Using(const Using&) = delete;
  Using& operator=(const Using&) = delete;
  ~Using() { replace_system_calls(nullptr); }
};

}  // namespace sovren::storage
