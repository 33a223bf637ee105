// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "workers/agent/line_reader.h"
#include "workers/launch/identity.h"
#include "workers/launch/process.h"

namespace sovren::workers {

inline constexpr std::size_t report_line_bytes_max = std::size_t{1} << 20;

/// The agent's end of one attempt's Unix socket: lines from its ranks come in, requests go out.
///
/// Model    Every rank connects, says {"rank":N} and stays: that the connection breaks is how it
///          learns that the agent is gone. Requests go to rank 0, and wait until it is there. Never
///          blocks.
/// Errors   Processes of another user are turned away; lines over the limit are dropped and
/// counted.
class ReportChannel {
 public:
  /// path: of the socket, at most 107 bytes (sockaddr_un). user: whose ranks connect; none: of this
  /// process's user.
  static Result<ReportChannel> listen(const std::string& path,
                                      const std::optional<Identity>& user = {});
  ReportChannel(ReportChannel&&) = default;
  ReportChannel& operator=(ReportChannel&&) = delete;
  ~ReportChannel();

  /// What to wait for.
  void add_to(std::vector<pollfd>& wanted) const;
  /// Accepts, reads and writes what can be done at once; returns the complete lines.
  std::vector<std::string> serve();
  /// Queues one line, without its end.
  void send(const std::string& line);
  std::int64_t dropped_lines() const;

 private:
  struct Connection {
    Handle socket;
    LineReader reader{report_line_bytes_max};
    std::string to_send;
    int rank = -1;  ///< not said yet
  };
  ReportChannel(std::string path, Handle listener, uid_t user)
      : path_(std::move(path)), listener_(std::move(listener)), user_(user) {}
  void accept_all();
  /// False when the peer is gone.
  bool receive(Connection& connection, std::vector<std::string>& lines);
  void greet(Connection& connection, const std::string& line);
  static bool flush(Connection& connection);

  std::string path_;
  Handle listener_;
  uid_t user_;  ///< whose processes may connect, beside root's
  std::list<Connection> connections_;
  std::string before_rank_0_;  ///< requests that wait for rank 0
  std::int64_t dropped_of_closed_ = 0;
};

}  // namespace sovren::workers
