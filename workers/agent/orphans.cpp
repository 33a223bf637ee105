// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/orphans.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workers/launch/process.h"
#include "workers/launch/process_tree.h"

namespace sovren::workers {
namespace {

constexpr int kill_wait_ms = 2000;

/// Kills a child and reaps it. One that does not die hangs in the kernel (a dead file server):
/// nothing more can be done about it.
void kill_and_reap(pid_t pid) {
  const Handle end = watch_end(pid);
  ::kill(pid, SIGKILL);
  pollfd ended{end.get(), POLLIN, 0};
  if (end.is_open()) ::poll(&ended, 1, kill_wait_ms);
  ::waitpid(pid, nullptr, WNOHANG);
}

}  // namespace

void kill_orphans(const std::string& cookie, const std::vector<pid_t>& leaders) {
  constexpr int turns_max = 1000;  // of a millisecond, for what hangs or cannot be told
  for (int turn = 0; turn < turns_max; ++turn) {
    bool is_clean = true;
    for (const Child& child : own_children(leaders)) {
      if (child.is_zombie) {
        // Its own children have become ours as it died, maybe after the list of ours was made.
        ::waitpid(child.pid, nullptr, WNOHANG);
        is_clean = false;
        continue;
      }
      const Ownership ownership = cookie_ownership(child.pid, cookie);
      if (ownership == Ownership::other) continue;
      is_clean = false;
      if (ownership == Ownership::own) kill_and_reap(child.pid);
    }
    if (is_clean) return;
    if (turn > 0) ::usleep(1000);
  }
}

}  // namespace sovren::workers
