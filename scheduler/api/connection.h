// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <utility>  // Boost 1.74's asio forgets it

#include "scheduler/api/http_server.h"
#include "scheduler/api/rate_limit.h"
#include "scheduler/api/wire.h"

namespace sovren::api {

class Connection;

/// Seconds of the steady clock.
double steady_s();

/// The way to the network thread for those that may outlive it. Threads: any.
class Gate {
 public:
  explicit Gate(asio::io_context& io) : io_(&io) {}
  /// Has work called there, unless the gate is shut.
  void post(std::function<void()> work);
  /// The network thread has ended.
  void shut();

 private:
  std::mutex mutex_;
  asio::io_context* io_;
};

/// What all connections share. Threads: the network thread.
struct Network {
  std::shared_ptr<Gate> gate;
  Limits limits;
  Handler handler;
  RateLimiter rates;
  std::function<void()> on_gone;  ///< a connection was closed
  std::set<std::shared_ptr<Connection>> connections;
  std::map<std::string, std::size_t> connections_of_peer;
};

/// One client: reads a request, has it answered, writes the answer, and again.
///
/// Threads  the network thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Network& network, std::unique_ptr<Wire> wire, Identity identity);
  void start();

  void answer(Response response);
  void answer(std::shared_ptr<EventStream> stream);
  /// Writes what the stream has.
  void pump();

  /// Closes what is overdue, keeps quiet streams warm.
  void tick(double now_s);
  /// Ends as soon as the answer under way is out.
  void wind_down();
  void close();

  const std::string& peer() const { return peer_; }

 private:
  enum class Phase {
    handshake,
    head,
    confirming,
    body,
    answering,
    writing,
    streaming,
    finishing,
    closed
  };
  enum class Keep { open, close };
  static constexpr double never = std::numeric_limits<double>::infinity();

  void next_request();
  void read_more();
  void on_read(error_code error, std::size_t bytes);
  void parse();
  bool is_head_fine();
  void dispatch();
  Request make_request(Target target);
  void refuse(error_code error);
  void write_answer(Response response, Keep keep);
  void write(Phase phase);
  void on_written(error_code error);
  void finish();
  void set_deadline(double seconds) { deadline_s_ = steady_s() + seconds; }

  Network& network_;
  const std::unique_ptr<Wire> wire_;
  const Identity identity_;
  const std::string peer_;  ///< "uid 1000" or an address: what limits are counted by

  Phase phase_ = Phase::handshake;
  double deadline_s_ = never;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool has_begun_ = false;   ///< the first byte of the request is there
  bool is_whole_ = false;    ///< and its last one too
  bool is_head_ = false;     ///< of method HEAD: the answer has no body
  bool is_chunked_ = false;  ///< the stream: as HTTP/1.1 does
  Keep keep_ = Keep::open;
  std::string head_out_;
  std::string body_out_;
  std::shared_ptr<EventStream> stream_;
  double written_s_ = 0;
  std::size_t discarded_bytes_ = 0;
};

/// The first answer to a request, on its way to the network thread.
class Responder::Answer {
 public:
  Answer(const std::shared_ptr<Connection>& connection, const Network& network)
      : connection_(connection),
        gate_(network.gate),
        stream_bytes_max_(network.limits.stream_bytes_max) {}
  ~Answer();
  void give(Response response);
  std::shared_ptr<EventStream> open_stream();

 private:
  std::weak_ptr<Connection> connection_;
  std::shared_ptr<Gate> gate_;
  std::size_t stream_bytes_max_;
  std::atomic<bool> is_given_ = false;
};

}  // namespace sovren::api
