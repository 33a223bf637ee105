// SPDX-License-Identifier: Apache-2.0
// sovren serve: the scheduler of a queue, until it is told to stop.
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "cli/daemon.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/version.h"

namespace sovren::cli {
namespace {

// Tells systemd, where it waits for that ($NOTIFY_SOCKET; sd_notify(3)).
void notify(std::string_view what) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || std::strlen(path) >= sizeof address.sun_path) return;
  std::strcpy(address.sun_path, path);
  if (*path == '@') address.sun_path[0] = '\0';  // an abstract socket
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  ::sendto(fd, what.data(), what.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size);
  ::close(fd);
}

// As many connections as the system lets it have.
void raise_file_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

void wait_for_stop(SignalInbox& signals) {
  pollfd inbox{signals.wake_fd(), POLLIN, 0};
  while (signals.take().stops == 0) ::poll(&inbox, 1, -1);
}

}  // namespace

Result<int> serve(const Arguments& arguments) {
  SOVREN_TRY(settings, read_serve_settings(arguments));
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);  // a log that nobody reads is no reason to die
  raise_file_limit();
  SignalInbox signals;  // before there are threads, which inherit it
  DaemonLog log;
  SOVREN_TRY(daemon, Daemon::start(std::move(settings), log));
  std::string listening = "listening on " + daemon->socket() + "\n";
  if (const std::string url = daemon->url(); !url.empty())
    listening += "listening on " + url + "\n";
  (void)print_text(listening);
  log.info("ready", {{"version", std::string(version())},
                     {"pid", std::to_string(::getpid())},
                     {"socket", daemon->socket()},
                     {"url", daemon->url()}});
  notify("READY=1");
  wait_for_stop(signals);
  notify("STOPPING=1");
  log.info("stopping");
  daemon.reset();
  log.info("stopped");
  return exit_done;
}

}  // namespace sovren::cli
