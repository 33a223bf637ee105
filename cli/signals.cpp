// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <initializer_list>

#include "core/base/check.h"

namespace sovren::cli {
namespace {

sigset_t listened() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

SignalInbox::SignalInbox() {
  const sigset_t set = listened();
  SOVREN_CHECK(sigprocmask(SIG_BLOCK, &set, nullptr) == 0, "a valid set can be blocked");
  fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  SOVREN_CHECK(fd_ >= 0, "a signalfd can be made");
}

SignalInbox::~SignalInbox() {
  close(fd_);
  const sigset_t set = listened();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

SignalInbox::Received SignalInbox::take() {
  Received received;
  signalfd_siginfo info{};
  while (read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    ++(info.ssi_signo == SIGUSR1 ? received.checkpoints : received.stops);
  return received;
}

}  // namespace sovren::cli
