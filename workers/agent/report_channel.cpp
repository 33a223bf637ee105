// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/report_channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "workers/agent/unix_socket.h"

namespace sovren::workers {
namespace {

// A rank that does not read its requests must not make the agent grow.
constexpr std::size_t unsent_bytes_max = std::size_t{1} << 16;
constexpr std::size_t connections_max = 4096;
constexpr std::string_view greeting = R"({"rank":)";

}  // namespace

Result<ReportChannel> ReportChannel::listen(const std::string& path,
                                            const std::optional<Identity>& user) {
  SOVREN_TRY(listener, listen_on(path, user));
  return ReportChannel(path, std::move(listener), user ? user->uid : ::geteuid());
}

ReportChannel::~ReportChannel() {
  if (listener_.is_open()) ::unlink(path_.c_str());
}

void ReportChannel::add_to(std::vector<pollfd>& wanted) const {
  wanted.push_back({listener_.get(), POLLIN, 0});
  for (const Connection& connection : connections_)
    wanted.push_back({connection.socket.get(),
                      static_cast<short>(connection.to_send.empty() ? POLLIN : POLLIN | POLLOUT),
                      0});
}

std::vector<std::string> ReportChannel::serve() {
  accept_all();
  std::vector<std::string> lines;
  for (auto connection = connections_.begin(); connection != connections_.end();) {
    if (receive(*connection, lines) && flush(*connection)) {
      ++connection;
    } else {
      dropped_of_closed_ += connection->reader.dropped();
      connection = connections_.erase(connection);
    }
  }
  return lines;
}

void ReportChannel::send(const std::string& line) {
  for (Connection& connection : connections_) {
    if (connection.rank != 0) continue;
    if (connection.to_send.size() < unsent_bytes_max) connection.to_send += line + "\n";
    flush(connection);  // that the peer is gone is seen by the next receive
    return;
  }
  if (before_rank_0_.size() < unsent_bytes_max) before_rank_0_ += line + "\n";
}

std::int64_t ReportChannel::dropped_lines() const {
  std::int64_t dropped = dropped_of_closed_;
  for (const Connection& connection : connections_) dropped += connection.reader.dropped();
  return dropped;
}

void ReportChannel::accept_all() {
  for (Handle socket = accept_from(listener_, user_); socket.is_open();
       socket = accept_from(listener_, user_))
    if (connections_.size() < connections_max)
      connections_.emplace_back().socket = std::move(socket);
}

bool ReportChannel::receive(Connection& connection, std::vector<std::string>& lines) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    if (got == 0) return false;
    std::vector<std::string> received;
    connection.reader.feed({buffer.data(), static_cast<std::size_t>(got)}, received);
    for (std::string& line : received) {
      if (line.rfind(greeting, 0) == 0)
        greet(connection, line);
      else
        lines.push_back(std::move(line));
    }
  }
}

void ReportChannel::greet(Connection& connection, const std::string& line) {
  connection.rank = std::atoi(line.c_str() + greeting.size());
  if (connection.rank == 0) connection.to_send += std::exchange(before_rank_0_, {});
}

bool ReportChannel::flush(Connection& connection) {
  while (!connection.to_send.empty()) {
    const ssize_t sent = ::send(connection.socket.get(), connection.to_send.data(),
                                connection.to_send.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    connection.to_send.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace sovren::workers
