// SPDX-License-Identifier: Apache-2.0
#include "tests/fault/model/faulty_system.h"

#include <cerrno>

namespace sovren::storage {

using Call = SystemCall::Kind;

bool FaultySystem::can_happen_to(const SystemCall& call) const {
  const bool is_promise = call.kind == Call::fallocate || call.kind == Call::start_writeback ||
                          call.kind == Call::leave_direct;
  switch (fault_.kind) {
    case Fault::Kind::error:
      return call.kind != Call::close && call.kind != Call::leave_direct;
    case Fault::Kind::sync_error:
      return call.kind == Call::fsync;
    case Fault::Kind::close_error:
      return call.kind == Call::close;
    case Fault::Kind::interrupted:
      return call.kind == Call::open || call.kind == Call::write || call.kind == Call::fsync ||
             call.kind == Call::close || call.kind == Call::fallocate;
    case Fault::Kind::short_write:
    case Fault::Kind::short_then_error:
      return call.kind == Call::write && call.size > 1;
    case Fault::Kind::lost:
      return call.kind != Call::open && call.kind != Call::close && !is_promise;
  }
  return false;
}

ssize_t FaultySystem::strike(const SystemCall& call) {
  struck_ = name_of(call.kind);
  SystemCall half = call;
  half.size = call.size / 2;
  switch (fault_.kind) {
    case Fault::Kind::sync_error:
      unsynced_fd_ = call.fd;
      [[fallthrough]];
    case Fault::Kind::error:
      errno = fault_.error_number;
      return -1;
    case Fault::Kind::interrupted:
    case Fault::Kind::close_error:
      if (call.kind == Call::close) RecordingSystem::on(call);
      errno = fault_.kind == Fault::Kind::interrupted ? EINTR : fault_.error_number;
      return -1;
    case Fault::Kind::short_then_error:
      unwritable_fd_ = call.fd;
      [[fallthrough]];
    case Fault::Kind::short_write:
      return RecordingSystem::on(half);
    case Fault::Kind::lost:
      return call.kind == Call::write ? static_cast<ssize_t>(call.size) : 0;
  }
  return -1;
}

ssize_t FaultySystem::on(const SystemCall& call) {
  const std::lock_guard lock(fault_mutex_);
  if (call.kind == Call::write && call.fd == unwritable_fd_) {
    unwritable_fd_ = -1;
    errno = fault_.error_number;
    return -1;
  }
  if (call.kind == Call::fsync && call.fd == unsynced_fd_) return 0;
  if (call.kind == Call::close && call.fd == unsynced_fd_) unsynced_fd_ = -1;
  if (can_happen_to(call) && ++calls_ == fault_.call) return strike(call);
  return RecordingSystem::on(call);
}

}  // namespace sovren::storage
