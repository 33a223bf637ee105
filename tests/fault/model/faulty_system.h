// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tests/fault/model/recorder.h"

namespace sovren::storage {

/// One thing that goes wrong, at the n-th (from 1) of the calls to which it can happen.
struct Fault {
  enum class Kind {
    error,             ///< the call does nothing and fails; close fails, but closes
    sync_error,        ///< an fsync fails, and the next ones say that all is well
    close_error,       ///< the file is closed, and says that something went wrong
    interrupted,       ///< EINTR, once
    short_write,       ///< half is written
    short_then_error,  ///< half is written, then the next write fails
    lost,              ///< the call says that all is well, and has done nothing
  };
  Kind kind = Kind::error;
  int error_number = 0;
  int call = 1;
};

/// Records, and does one fault. After a failed fsync the pages of the file are clean for the
/// kernel, and the disk has nothing of them (Rebello et al., ATC 2020): no later fsync is noted.
class FaultySystem : public RecordingSystem {
 public:
  FaultySystem(std::string root, Trace& trace, Fault fault)
      : RecordingSystem(std::move(root), trace), fault_(fault) {}

  /// The call that it happened to; empty: it has not happened.
  const std::string& struck() const { return struck_; }

 protected:
  ssize_t on(const SystemCall& call) override;

 private:
  bool can_happen_to(const SystemCall& call) const;
  ssize_t strike(const SystemCall& call);

  Fault fault_;
  std::mutex fault_mutex_;
  int calls_ = 0;
  std::string struck_;
  int unwritable_fd_ = -1;  ///< short_then_error: the file whose next write fails
  int unsynced_fd_ = -1;    ///< sync_error: the file whose pages are gone
};

}  // namespace sovren::storage
