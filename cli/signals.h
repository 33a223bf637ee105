// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren::cli {

/// The signals that a running job listens to, taken out of their handlers: SIGINT, SIGTERM and
/// SIGHUP ask to stop, SIGUSR1 for a checkpoint. wake_fd() becomes readable when one came, so that
/// a poll() ends at once.
class SignalInbox {
 public:
  SignalInbox();
  ~SignalInbox();
  SignalInbox(const SignalInbox&) = delete;
  SignalInbox& operator=(const SignalInbox&) = delete;

  int wake_fd() const { return fd_; }

  struct Received {
    int stops = 0;  ///< how often a stop was asked for since the last take()
    int checkpoints = 0;
  };
  Received take();

 private:
  int fd_ = -1;  // signalfd: the signals are blocked and read like a file
};

}  // namespace sovren::cli
