// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "scheduler/api/event_stream.h"
#include "scheduler/api/http_types.h"

namespace sovren::api {

/// Where the answer to one request goes. The first answer counts, later ones are dropped, as is an
/// answer to a client that has gone. When the last copy is destroyed unused, the client is told of
/// a bug.
///
/// Threads  any, also after the server has stopped.
class Responder {
 public:
  class Answer;
  explicit Responder(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}

  void send(Response response) const;
  /// Answers with an event stream; what is sent into it goes out from now on.
  std::shared_ptr<EventStream> open_stream() const;

 private:
  std::shared_ptr<Answer> answer_;
};

/// Called on the network thread: must not wait.
using Handler = std::function<void(Request, Responder)>;

/// What one client may take. Times are in seconds.
struct Limits {
  std::size_t header_bytes_max = 16U << 10;
  std::uint64_t body_bytes_max = 16U << 20;
  std::size_t connections_max = 4096;
  std::size_t connections_per_peer_max = 2048;
  std::size_t stream_bytes_max = 1U << 20;  ///< events that wait for one watcher
  double head_s = 10;       ///< from the first byte of a request to the end of its headers; TLS too
  double body_s = 60;       ///< for a whole body
  double idle_s = 75;       ///< between requests
  double write_s = 30;      ///< for one answer, or one batch of events, to be taken
  double heartbeat_s = 15;  ///< a comment in a stream that is quiet for so long
  double local_requests_per_s = 50'000;  ///< per user of the Unix socket
  double remote_requests_per_s = 1'000;  ///< per address
  double burst_s = 2;                    ///< so many seconds' worth may come at once
};

struct UnixListener {
  std::string path;
  unsigned mode = 0600;  ///< 0666: every local user may connect
};

struct TlsListener {
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6, without brackets
  std::uint16_t port = 0;             ///< 0: any free one
  std::string certificate_file;       ///< PEM, with its chain
  std::string key_file;               ///< PEM
};

struct ServerOptions {
  std::function<void()> on_tick = {};  ///< called a few times a second on the network thread
  std::optional<UnixListener> unix_socket;
  std::optional<TlsListener> tls;
  Limits limits;
};

/// HTTP/1.1 over a Unix socket (peer credentials) and over TCP with TLS 1.3.
///
/// Model    One network thread; each connection answers its requests in order (pipelining is safe).
///          Requests beyond a limit get a problem answer and never reach the handler.
/// Threads  start, stop and the destructor: one thread, not the network thread.
/// Errors   usage: a path longer than 107 bytes, no address; input_missing, spec_invalid: the
///          certificate or its key; storage_busy: a living process serves the socket, the port is
///          in use; storage_io: the system's refusal.
class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(const ServerOptions& options, Handler handler);
  ~HttpServer();

  /// The TLS listener's port.
  std::uint16_t port() const;

  /// Accepts nothing more, ends event streams, lets pending answers go out for up to grace_s, and
  /// ends the network thread.
  void stop(double grace_s = 2);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sovren::api
