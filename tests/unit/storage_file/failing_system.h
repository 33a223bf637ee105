// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <functional>
#include <string>

#include "storage/file/system.h"

namespace sovren::storage {

/// The real system calls, but each may be made to fail: fail_with is asked with the call's name and
/// its number (from 1) among the calls of that name, and returns an errno or 0.
class FailingSystem : public System {
 public:
  explicit FailingSystem(std::function<int(const std::string&, int)> fail_with)
      : fail_with_(std::move(fail_with)) {
    replace_system_calls(this);
  }
  FailingSystem(const FailingSystem&) = delete;
  FailingSystem& operator=(const FailingSystem&) = delete;
  ~FailingSystem() override { replace_system_calls(nullptr); }

  int writes = 0;
  int fsyncs = 0;

  int open(const char* path, int flags, mode_t mode) override {
    return fails("open", ++opens_) ? -1 : System::open(path, flags, mode);
  }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    if (fails("write", ++writes)) return -1;
    return System::write(fd, data, short_writes ? (size + 1) / 2 : size);
  }
  int fsync(int fd) override { return fails("fsync", ++fsyncs) ? -1 : System::fsync(fd); }
  int rename(const char* from, const char* to) override {
    return fails("rename", ++renames_) ? -1 : System::rename(from, to);
  }

  bool short_writes = false;

 private:
  bool fails(const char* call, int number) {
    const int error_number = fail_with_(call, number);
    if (error_number != 0) errno = error_number;
    return error_number != 0;
  }
  std::function<int(const std::string&, int)> fail_with_;
  int opens_ = 0;
  int renames_ = 0;
};

}  // namespace sovren::storage
