// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "core/base/result.h"
#include "workers/launch/command.h"

namespace sovren::workers {

/// A file descriptor with one owner.
class Handle {
 public:
  Handle() = default;
  explicit Handle(int fd) : fd_(fd) {}
  Handle(Handle&& other) noexcept : fd_(other.release()) {}
  Handle& operator=(Handle&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~Handle() { reset(); }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// A descriptor that is readable once the process has ended (pidfd); not open when there is no such
/// process.
Handle watch_end(pid_t pid);

/// A child process in a process group of its own, that the kernel kills when the thread that
/// started it ends: so it must be a thread that lives as long as the program.
///
/// Model    running -> reaped, by exit_code() or the destructor, which kills.
/// Threads  one.
class Process {
 public:
  /// Starts the command with its standard output going to `output`, and its standard error to
  /// `error`; -1: there, too. vfork: a parent with a large memory starts children as fast as a
  /// small one.
  /// Errors   input_missing: the program, its folder or its input is not there; refused: the user
  ///          cannot be become, or there are too many processes.
  static Result<Process> start(const Command& command, int output, int error = -1);
  Process(Process&&) = default;
  Process& operator=(Process&&) = delete;
  ~Process();

  pid_t pid() const { return pid_; }
  /// Readable when the process has ended (pidfd).
  int end_fd() const { return end_.get(); }

  /// Exit code, 128 + signal when killed; nothing while it runs. Reaps.
  std::optional<int> exit_code();
  /// SIGKILL to the process and its group.
  void kill();
  /// A signal to the process and its group, as long as it runs.
  void signal(int number) const;
  /// To the process alone.
  void signal_first(int number) const;

 private:
  Process(pid_t pid, Handle end) : pid_(pid), end_(std::move(end)) {}
  pid_t pid_ = 0;
  Handle end_;
  std::optional<int> exit_code_;
};

}  // namespace sovren::workers
