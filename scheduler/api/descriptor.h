// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

namespace sovren::api {

/// A file descriptor that is closed when it goes out of sight.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace sovren::api
