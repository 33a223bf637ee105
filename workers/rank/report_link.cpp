// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/report_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "core/text/report_json.h"

namespace sovren::workers {
namespace {

constexpr std::size_t waiting_bytes_max = std::size_t{1} << 20;
constexpr std::size_t request_bytes_max = std::size_t{1} << 16;
constexpr int close_wait_ms = 2000;

}  // namespace

Result<std::unique_ptr<ReportLink>> ReportLink::connect(const std::string& path, int rank,
                                                        Control& control,
                                                        std::function<void()> on_lost) {
  const auto unreachable = [&](const char* why) {
    return fail({.code = Code::unreachable,
                 .what = std::string("the agent cannot be reached: ") + why,
                 .where = path});
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return unreachable("the path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return unreachable(std::strerror(errno));
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    ::close(socket);
    return unreachable(std::strerror(error));
  }
  return std::unique_ptr<ReportLink>(new ReportLink(socket, rank, control, std::move(on_lost)));
}

ReportLink::ReportLink(int socket, int rank, Control& control, std::function<void()> on_lost)
    : socket_(socket),
      listener_([this, &control, lost = std::move(on_lost)] { listen(control, lost); }) {
  waiting_ = "{\"rank\":" + std::to_string(rank) + "}\n";
  send_waiting(0);
}

ReportLink::~ReportLink() {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(close_wait_ms);
  while (!waiting_.empty() && std::chrono::steady_clock::now() < until) send_waiting(100);
  is_closing_ = true;
  ::shutdown(socket_, SHUT_RDWR);  // wakes the listener
  listener_.join();
  ::close(socket_);
}

void ReportLink::report(const RankReport& report) {
  send_waiting(0);
  if (!waiting_.empty() && std::holds_alternative<ReportProgress>(report)) return;
  const std::string line = text::report_to_json(report) + "\n";
  if (waiting_.size() + line.size() > waiting_bytes_max) return;
  waiting_ += line;
  send_waiting(0);
}

void ReportLink::send_waiting(int wait_ms) {
  if (waiting_.empty()) return;
  pollfd writable{socket_, POLLOUT, 0};
  if (wait_ms > 0) ::poll(&writable, 1, wait_ms);
  while (!waiting_.empty()) {
    const ssize_t sent =
        ::send(socket_, waiting_.data(), waiting_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (sent < 0) return waiting_.clear();  // the agent is gone; the listener sees it too
    waiting_.erase(0, static_cast<std::size_t>(sent));
  }
}

void ReportLink::listen(Control& control, const std::function<void()>& on_lost) const {
  std::string part;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    part.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end; (end = part.find('\n')) != std::string::npos; part.erase(0, end + 1))
      if (const auto taken = control.take_line(std::string_view(part).substr(0, end)); !taken)
        std::fprintf(stderr, "sovren-rank: %s\n", to_text(taken.error()).c_str());
    if (part.size() > request_bytes_max) part.clear();
  }
  if (!is_closing_) on_lost();
}

}  // namespace sovren::workers
