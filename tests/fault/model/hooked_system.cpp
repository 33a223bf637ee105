// SPDX-License-Identifier: Apache-2.0
#include "tests/fault/model/hooked_system.h"

namespace sovren::storage {

using Kind = SystemCall::Kind;

std::string name_of(Kind kind) {
  switch (kind) {
    case Kind::open:
      return "open";
    case Kind::write:
      return "write";
    case Kind::fallocate:
      return "fallocate";
    case Kind::leave_direct:
      return "leave_direct";
    case Kind::start_writeback:
      return "start_writeback";
    case Kind::fsync:
      return "fsync";
    case Kind::close:
      return "close";
    case Kind::rename:
      return "rename";
    case Kind::link:
      return "link";
    case Kind::mkdir:
      return "mkdir";
    case Kind::unlink:
      return "unlink";
    case Kind::rmdir:
      return "rmdir";
  }
  return "?";
}

int HookedSystem::open(const char* path, int flags, mode_t mode) {
  return static_cast<int>(on({.kind = Kind::open, .path = path, .flags = flags, .mode = mode}));
}
ssize_t HookedSystem::write(int fd, const void* data, std::size_t size) {
  return on({.kind = Kind::write, .fd = fd, .data = data, .size = size});
}
int HookedSystem::fallocate(int fd, off_t size) {
  return static_cast<int>(on({.kind = Kind::fallocate, .fd = fd, .offset = size}));
}
int HookedSystem::leave_direct(int fd) {
  return static_cast<int>(on({.kind = Kind::leave_direct, .fd = fd}));
}
int HookedSystem::start_writeback(int fd, off_t offset, off_t size) {
  return static_cast<int>(on({.kind = Kind::start_writeback,
                              .fd = fd,
                              .size = static_cast<std::size_t>(size),
                              .offset = offset}));
}
int HookedSystem::fsync(int fd) {
  return static_cast<int>(on({.kind = Kind::fsync, .fd = fd}));
}
int HookedSystem::close(int fd) {
  return static_cast<int>(on({.kind = Kind::close, .fd = fd}));
}
int HookedSystem::rename(const char* from, const char* to) {
  return static_cast<int>(on({.kind = Kind::rename, .path = from, .to = to}));
}
int HookedSystem::link(const char* from, const char* to) {
  return static_cast<int>(on({.kind = Kind::link, .path = from, .to = to}));
}
int HookedSystem::mkdir(const char* path, mode_t mode) {
  return static_cast<int>(on({.kind = Kind::mkdir, .path = path, .mode = mode}));
}
int HookedSystem::unlink(const char* path) {
  return static_cast<int>(on({.kind = Kind::unlink, .path = path}));
}
int HookedSystem::rmdir(const char* path) {
  return static_cast<int>(on({.kind = Kind::rmdir, .path = path}));
}

ssize_t HookedSystem::make(const SystemCall& call) {
  switch (call.kind) {
    case Kind::open:
      return System::open(call.path, call.flags, call.mode);
    case Kind::write:
      return System::write(call.fd, call.data, call.size);
    case Kind::fallocate:
      return System::fallocate(call.fd, call.offset);
    case Kind::leave_direct:
      return System::leave_direct(call.fd);
    case Kind::start_writeback:
    case Kind::fsync:
      return 0;
    case Kind::close:
      return System::close(call.fd);
    case Kind::rename:
      return System::rename(call.path, call.to);
    case Kind::link:
      return System::link(call.path, call.to);
    case Kind::mkdir:
      return System::mkdir(call.path, call.mode);
    case Kind::unlink:
      return System::unlink(call.path);
    case Kind::rmdir:
      return System::rmdir(call.path);
  }
  return -1;
}

}  // namespace sovren::storage
