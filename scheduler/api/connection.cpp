// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/connection.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "scheduler/api/problem.h"

namespace sovren::api {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t read_bytes = 64U << 10;
// A client whose request is refused half-way may still be sending, and reads the answer only once
// it is done or fails: what it sends is thrown away for a while.
constexpr double linger_s = 2;
constexpr std::size_t linger_bytes_max = 16U << 20;

std::string peer_name(const Identity& identity) {
  return identity.peer ? "uid " + std::to_string(identity.peer->uid) : identity.address;
}

std::string lower_case(boost::beast::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

bool has_line_break(std::string_view text) {
  return text.find_first_of("\r\n") != std::string_view::npos;
}

std::string chunk_head(std::size_t size) {
  char text[32];
  std::snprintf(text, sizeof(text), "%zx\r\n", size);
  return text;
}

Response limit_problem(int status, std::string what, std::string hint) {
  return problem_of({.code = Code::refused, .what = std::move(what), .hint = std::move(hint)},
                    status);
}

}  // namespace

double steady_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Connection::Connection(Network& network, std::unique_ptr<Wire> wire, Identity identity)
    : network_(network),
      wire_(std::move(wire)),
      identity_(std::move(identity)),
      peer_(peer_name(identity_)) {}

void Connection::start() {
  set_deadline(network_.limits.head_s);
  wire_->handshake([self = shared_from_this()](error_code error, std::size_t) {
    if (self->phase_ != Phase::handshake) return;
    if (error) return self->close();
    self->next_request();
  });
}

void Connection::next_request() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(network_.limits.header_bytes_max));
  parser_->body_limit(network_.limits.body_bytes_max);
  phase_ = Phase::head;
  has_begun_ = false;
  is_whole_ = false;
  set_deadline(network_.limits.idle_s);
  parse();
}

void Connection::read_more() {
  if (std::exchange(is_reading_, true)) return;
  wire_->read_some(buffer_.prepare(read_bytes),
                   [self = shared_from_this()](error_code error, std::size_t bytes) {
                     self->is_reading_ = false;
                     if (self->phase_ != Phase::closed) self->on_read(error, bytes);
                   });
}

void Connection::on_read(error_code error, std::size_t bytes) {
  if (error) {
    // A request that came whole is answered, also to a client that sends no more.
    if (phase_ != Phase::writing) close();
    return;
  }
  buffer_.commit(bytes);
  if (phase_ == Phase::head || phase_ == Phase::body) return parse();
  if (phase_ == Phase::streaming || phase_ == Phase::finishing) {
    buffer_.clear();
    discarded_bytes_ += bytes;
    if (discarded_bytes_ > linger_bytes_max) return close();
    read_more();
  }
}

void Connection::parse() {
  while (buffer_.size() > 0) {
    if (!std::exchange(has_begun_, true)) set_deadline(network_.limits.head_s);
    error_code error;
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (error == http::error::need_more) break;
    if (error) return refuse(error);
    if (phase_ == Phase::head && parser_->is_header_done() && !is_head_fine()) return;
    if (parser_->is_done()) return dispatch();
  }
  read_more();
}

/// False: the request is being answered or confirmed, and parsing rests.
bool Connection::is_head_fine() {
  const auto& head = parser_->get();
  phase_ = Phase::body;
  set_deadline(network_.limits.body_s);
  is_head_ = head.method() == http::verb::head;
  is_chunked_ = head.version() >= 11;
  const Keep keep = parser_->keep_alive() ? Keep::open : Keep::close;
  if (is_chunked_ && head.count(http::field::host) != 1) {
    write_answer(problem_of({.code = Code::usage, .what = "the request has not one Host"}),
                 Keep::close);
    return false;
  }
  const Limits& limits = network_.limits;
  const double per_s = identity_.peer ? limits.local_requests_per_s : limits.remote_requests_per_s;
  if (const double wait_s = network_.rates.take(peer_, per_s, steady_s()); wait_s > 0) {
    Response response = limit_problem(429, "more requests than a client may send", "send fewer");
    response.headers.emplace_back("Retry-After",
                                  std::to_string(static_cast<long>(std::ceil(wait_s))));
    write_answer(std::move(response), parser_->is_done() ? keep : Keep::close);
    return false;
  }
  if (!parser_->is_done() && boost::beast::iequals(head[http::field::expect], "100-continue")) {
    head_out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    body_out_.clear();
    write(Phase::confirming);
    return false;
  }
  return true;
}

Request Connection::make_request(Target target) {
  Request request;
  auto message = parser_->release();
  request.method = is_head_ ? "GET" : std::string(message.method_string());
  request.target = std::move(target);
  request.identity = identity_;
  for (const auto& field : message) {
    if (field.name() != http::field::authorization) {
      request.headers.emplace_back(lower_case(field.name_string()), std::string(field.value()));
    } else if (const auto value = field.value();
               value.size() > 7 && boost::beast::iequals(value.substr(0, 7), "Bearer ")) {
      request.identity.bearer = std::string(value.substr(7));
    }
  }
  request.body = std::move(message.body());
  return request;
}

void Connection::dispatch() {
  const auto& head = parser_->get();
  if (!parser_->keep_alive()) keep_ = Keep::close;
  auto target = parse_target(std::string(head.target()));
  if (!target) return write_answer(problem_of(target.error()), Keep::open);
  phase_ = Phase::answering;
  is_whole_ = true;
  deadline_s_ = never;
  network_.handler(make_request(*std::move(target)),
                   Responder(std::make_shared<Responder::Answer>(shared_from_this(), network_)));
}

void Connection::refuse(error_code error) {
  const Limits& limits = network_.limits;
  if (error == http::error::body_limit) {
    return write_answer(
        limit_problem(413,
                      "the body is larger than " + std::to_string(limits.body_bytes_max) + " bytes",
                      "send less at a time"),
        Keep::close);
  }
  if (error == http::error::header_limit) {
    return write_answer(limit_problem(431,
                                      "the headers are larger than " +
                                          std::to_string(limits.header_bytes_max) + " bytes",
                                      ""),
                        Keep::close);
  }
  write_answer(
      problem_of({.code = Code::usage, .what = "this is no HTTP/1.1 request: " + error.message()}),
      Keep::close);
}

void Connection::answer(Response response) {
  if (phase_ == Phase::answering) write_answer(std::move(response), Keep::open);
}

void Connection::write_answer(Response response, Keep keep) {
  if (keep == Keep::close) keep_ = Keep::close;
  head_out_ = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head_out_.append(reason_phrase(response.status)).append("\r\n");
  if (!response.content_type.empty())
    head_out_ += "Content-Type: " + response.content_type + "\r\n";
  head_out_ += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  head_out_ += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  for (const auto& [name, value] : response.headers)
    if (!has_line_break(value)) head_out_ += name + ": " + value + "\r\n";
  head_out_ += keep_ == Keep::close ? "Connection: close\r\n\r\n" : "\r\n";
  body_out_ = is_head_ ? std::string() : std::move(response.body);
  write(Phase::writing);
}

void Connection::answer(std::shared_ptr<EventStream> stream) {
  if (phase_ != Phase::answering || is_head_) {
    stream->abandon();
    return answer(Response{.content_type = "text/event-stream"});
  }
  stream_ = std::move(stream);
  keep_ = Keep::close;
  head_out_ =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nConnection: close\r\n";
  head_out_ += is_chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  body_out_.clear();
  write(Phase::streaming);
  buffer_.clear();
  read_more();  // a watcher that goes away is seen at once
}

void Connection::pump() {
  if (phase_ != Phase::streaming || is_writing_) return;
  EventStream::Batch batch = stream_->take();
  if (batch.bytes.empty() && !batch.is_last) return;
  head_out_ = is_chunked_ && !batch.bytes.empty() ? chunk_head(batch.bytes.size()) : "";
  body_out_ = std::move(batch.bytes);
  if (is_chunked_ && !body_out_.empty()) body_out_ += "\r\n";
  if (is_chunked_ && batch.is_last) body_out_ += "0\r\n\r\n";
  write(batch.is_last ? Phase::writing : Phase::streaming);
}

void Connection::write(Phase phase) {
  phase_ = phase;
  is_writing_ = true;
  set_deadline(network_.limits.write_s);
  wire_->write({asio::buffer(head_out_), asio::buffer(body_out_)},
               [self = shared_from_this()](error_code error, std::size_t) {
                 self->is_writing_ = false;
                 if (self->phase_ != Phase::closed) self->on_written(error);
               });
}

void Connection::on_written(error_code error) {
  if (error) return close();
  if (phase_ == Phase::confirming) {
    phase_ = Phase::body;
    set_deadline(network_.limits.body_s);
    return parse();
  }
  if (phase_ == Phase::streaming) {
    deadline_s_ = never;
    written_s_ = steady_s();
    return pump();
  }
  keep_ == Keep::open ? next_request() : finish();
}

void Connection::finish() {
  wire_->shut_write();
  if (is_whole_) return close();
  phase_ = Phase::finishing;
  set_deadline(linger_s);
  buffer_.clear();
  read_more();
}

void Connection::tick(double now_s) {
  if (now_s >= deadline_s_) {
    const bool is_slow_request = (phase_ == Phase::head && has_begun_) || phase_ == Phase::body;
    if (!is_slow_request) return close();
    return write_answer(
        problem_of({.code = Code::timed_out, .what = "the request did not come in time"}, 408),
        Keep::close);
  }
  if (phase_ != Phase::streaming || is_writing_) return;
  if (now_s - written_s_ < network_.limits.heartbeat_s) return;
  constexpr std::string_view comment = ": still here\n\n";
  head_out_ = is_chunked_ ? chunk_head(comment.size()) : "";
  body_out_ = std::string(comment) + (is_chunked_ ? "\r\n" : "");
  write(Phase::streaming);
}

void Connection::wind_down() {
  keep_ = Keep::close;
  if (phase_ == Phase::handshake || (phase_ == Phase::head && !has_begun_)) return close();
  if (stream_) stream_->close();
}

void Connection::close() {
  if (std::exchange(phase_, Phase::closed) == Phase::closed) return;
  wire_->close();
  if (stream_) stream_->abandon();
  const auto self = shared_from_this();  // until the end of this function
  if (const auto at = network_.connections_of_peer.find(peer_);
      at != network_.connections_of_peer.end() && --at->second == 0)
    network_.connections_of_peer.erase(at);
  network_.connections.erase(self);
  network_.on_gone();
}

}  // namespace sovren::api
