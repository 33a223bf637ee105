// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace sovren::storage {

/// The system calls that change a disk, with their return values and errno. Everything durable goes
/// through here, so that tests can fail, cut short, record or kill at each of them.
class System {
 public:
  virtual ~System() = default;
  virtual int open(const char* path, int flags, mode_t mode);
  virtual ssize_t write(int fd, const void* data, std::size_t size);
  virtual int fallocate(int fd, off_t size);
  /// From now on writes go through the page cache: ends what O_DIRECT began.
  virtual int leave_direct(int fd);
  virtual int start_writeback(int fd, off_t offset, off_t size);
  virtual int fsync(int fd);
  virtual int close(int fd);
  virtual int rename(const char* from, const char* to);
  virtual int link(const char* from, const char* to);
  virtual int mkdir(const char* path, mode_t mode);
  virtual int unlink(const char* path);
  virtual int rmdir(const char* path);
};

System& system_calls();

/// For tests: from now on these calls are made instead, in the whole process. nullptr: the real
/// ones again.
void replace_system_calls(System* system);

/// storage_io: "cannot write 'a/b': No space left on device (ENOSPC)", with a hint where one is
/// known.
Error io_error(std::string_view activity, const std::string& path, int error_number);

}  // namespace sovren::storage
