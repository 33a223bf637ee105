// SPDX-License-Identifier: Apache-2.0
// Stands in for sovren-rank in the agent's tests: takes its arguments, and behaves as the file
// DIR/mode says.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "core/text/report_json.h"

namespace sovren {
namespace {

std::string argument(int argc, char** argv, const std::string& name) {
  for (int i = 1; i + 1 < argc; ++i)
    if (name == argv[i]) return argv[i + 1];
  return {};
}

void send_text(int socket, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t sent = ::send(socket, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (sent <= 0) ::_exit(98);
    done += static_cast<std::size_t>(sent);
  }
}

int connect_to(const std::string& path, int rank) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) ::_exit(99);
  send_text(socket, "{\"rank\":" + std::to_string(rank) + "}\n");
  return socket;
}

void report(int socket, const RankReport& report) {
  send_text(socket, text::report_to_json(report) + "\n");
}

/// A daemon as careless programs make them: two forks, a session of its own.
void leave_an_orphan() {
  if (::fork() != 0) return;
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  ::signal(SIGTERM, SIG_IGN);
  for (;;) ::pause();
}

[[noreturn]] void obey(int socket) {
  std::string part;
  for (char one = 0; ::read(socket, &one, 1) == 1;) {
    if (one != '\n') {
      part += one;
      continue;
    }
    if (part == R"({"request":"stop"})") ::_exit(85);
    if (part == R"({"request":"checkpoint"})")
      report(socket, ReportSealed{.step = 7, .size_bytes = 100, .seal_s = 0.5});
    if (part.rfind(R"({"sealed_recorded":)", 0) == 0) report(socket, ReportWarning{part});
    part.clear();
  }
  ::_exit(75);
}

/// Until the agent is gone.
[[noreturn]] void wait_for_the_end(int socket) {
  for (char one = 0; ::read(socket, &one, 1) == 1;) {
  }
  ::_exit(75);
}

/// Says of the job directory's checkpoints what the file DIR/scrub says, if there is one.
int scrub(const std::string& dir) {
  std::ostringstream text;
  text << std::ifstream(dir + "/scrub").rdbuf();
  std::fputs(text.str().c_str(), stdout);
  return text.str().empty() ? 0 : 74;
}

int run(int argc, char** argv) {
  if (const std::string dir = argument(argc, argv, "--scrub"); !dir.empty()) return scrub(dir);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::string mode;
  std::ifstream(argument(argc, argv, "--dir") + "/mode") >> mode;
  const char* rank_text = std::getenv("OMPI_COMM_WORLD_RANK");
  const int rank = rank_text == nullptr ? 0 : std::atoi(rank_text);
  if (mode == "silent") {
    std::fprintf(stderr, "cannot open libexample.so\n-----\n");
    return 70;
  }
  if (mode == "rank1_is_killed" && rank == 1) ::raise(SIGKILL);
  const int socket = connect_to(argument(argc, argv, "--report"), rank);
  if (mode == "rank1_fails" && rank == 1) {
    report(socket, ReportFailed{Error{.code = Code::storage_io, .what = "disk full"}});
    return 74;
  }
  if (rank != 0) {
    if (mode == "obey_all") return 85;
    wait_for_the_end(socket);
  }
  if (mode == "garbage") {
    send_text(socket, "this is no JSON\n\n" + std::string(3 << 20, 'x') + "\n{\"v\":1}\n");
    report(socket, ReportFinished{.steps = 9, .digest = "abc"});
    return 0;
  }
  report(socket, ReportStarted{.backend = "cpu", .ranks = rank + 1});
  if (mode == "orphan" || mode == "orphan_and_hang") leave_an_orphan();
  if (mode == "fail") {
    report(socket, ReportFailed{Error{.code = Code::data_invalid, .what = "row 3 is short"}});
    return 65;
  }
  if (mode == "lose_peer") {
    report(socket, ReportFailed{Error{.code = Code::peer_lost, .what = "rank 1 left"}});
    return 75;
  }
  if (mode == "obey" || mode == "obey_all") obey(socket);
  if (mode == "finish" || mode == "orphan" || mode == "finish_badly") {
    report(socket, ReportFinished{.steps = 9, .digest = "abc"});
    return mode == "finish_badly" ? 1 : 0;
  }
  wait_for_the_end(socket);
}

}  // namespace
}  // namespace sovren

int main(int argc, char** argv) {
  return sovren::run(argc, argv);
}
