// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/http_client.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>  // Boost 1.74's asio forgets it

#include "scheduler/api/client_wire.h"
#include "scheduler/api/problem.h"
#include "scheduler/api/sse_parser.h"

namespace sovren::api {
namespace {

namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;

constexpr std::uint64_t reply_bytes_max = 256U << 20;

bool may_repeat(const std::string& method, const HttpHeaders& headers) {
  if (method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE") return true;
  for (const auto& [name, value] : headers)
    if (name == "Idempotency-Key") return true;
  return false;
}

Error http_error(const std::string& where, const std::string& why) {
  return {.code = Code::unreachable,
          .what = "what answers there does not speak the scheduler's HTTP: " + why,
          .hint = "is the address right?",
          .where = where};
}

/// Reads until the parser has the head, or all of the reply.
enum class Until { head, end };
Result<void> read_reply(ClientWire& wire, Parser& parser, Until until, double deadline_s) {
  parser.body_limit(reply_bytes_max);
  while (until == Until::head ? !parser.is_header_done() : !parser.is_done()) {
    error_code error;
    if (const auto bytes = wire.received(); !bytes.empty()) {
      wire.consume(parser.put(asio::buffer(bytes.data(), bytes.size()), error));
      if (!error) continue;
      if (error != http::error::need_more) return fail(http_error(wire.address(), error.message()));
    }
    SOVREN_TRY(more, wire.receive(deadline_s));
    if (more) continue;
    if (parser.is_header_done()) parser.put_eof(error);
    if (error || !parser.is_header_done())
      return fail({.code = Code::unreachable,
                   .what = "the scheduler closed the connection before it answered",
                   .hint = "try again; is it being restarted?",
                   .where = wire.address()});
  }
  return {};
}

}  // namespace

class HttpClient::Impl {
 public:
  Impl(ClientOptions options, ClientEndpoint endpoint)
      : options_(std::move(options)), endpoint_(std::move(endpoint)) {}

  Result<std::unique_ptr<ClientWire>> connect() {
    return ClientWire::connect(endpoint_, options_.connect_timeout_s);
  }

  std::string head(const std::string& method, const std::string& target,
                   const HttpHeaders& headers) const {
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: " + endpoint_.authority + "\r\n";
    if (!options_.token.empty()) text += "Authorization: Bearer " + options_.token + "\r\n";
    for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
    return text;
  }

  Result<HttpReply> call_once(const std::string& request, bool is_head, double deadline_s) {
    // Broken for the next call unless this one comes to its end.
    const auto wire = std::exchange(wire_, nullptr);
    SOVREN_TRY(sent, wire->send(request, deadline_s));
    Parser parser;
    parser.skip(is_head);
    // A server that refuses a body answers before it has read it: the answer counts.
    auto read = read_reply(*wire, parser, Until::end, deadline_s);
    if (!read) return fail(std::move(read).error());
    const bool is_kept = parser.keep_alive() && sent == request.size();
    auto message = parser.release();
    if (is_kept) wire_ = wire;
    return HttpReply{static_cast<int>(message.result_int()), std::move(message.body())};
  }

  Result<HttpReply> call(const std::string& method, const std::string& target,
                         const std::string& body, double timeout_s, const HttpHeaders& headers) {
    const double deadline_s = client_now_s() + timeout_s;
    std::string request = head(method, target, headers);
    if (!body.empty() || method == "POST" || method == "PUT")
      request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    request += "\r\n" + body;
    const bool is_head = method == "HEAD";
    if (wire_ && !wire_->is_stale()) {
      auto reply = call_once(request, is_head, deadline_s);
      if (reply || !may_repeat(method, headers) || client_now_s() >= deadline_s) return reply;
    }
    SOVREN_TRY(wire, connect());
    wire_ = std::move(wire);
    return call_once(request, is_head, deadline_s);
  }

 private:
  const ClientOptions options_;
  const ClientEndpoint endpoint_;
  std::shared_ptr<ClientWire> wire_;  ///< kept; nullptr: none
};

Result<std::unique_ptr<HttpClient>> HttpClient::create(ClientOptions options) {
  SOVREN_TRY(endpoint, ClientEndpoint::of(options));
  return std::unique_ptr<HttpClient>(
      new HttpClient(std::make_unique<Impl>(std::move(options), std::move(endpoint))));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<HttpReply> HttpClient::call(const std::string& method, const std::string& target,
                                   const std::string& body, double timeout_s,
                                   const HttpHeaders& headers) {
  return impl_->call(method, target, body, timeout_s, headers);
}

class EventReader::Impl {
 public:
  explicit Impl(std::unique_ptr<ClientWire> wire) : wire_(std::move(wire)) {
    parser_.body_limit(boost::none);
  }

  /// The head of the answer; what is no stream is an error.
  Result<void> begin(const std::string& request, double timeout_s) {
    const double deadline_s = client_now_s() + timeout_s;
    SOVREN_DO(wire_->send(request, deadline_s));
    SOVREN_DO(read_reply(*wire_, parser_, Until::head, deadline_s));
    parser_.body_limit(boost::none);
    if (parser_.get().result_int() == 200) return {};
    SOVREN_DO(read_reply(*wire_, parser_, Until::end, deadline_s));
    auto message = parser_.release();
    return fail(error_of({static_cast<int>(message.result_int()), std::move(message.body())}));
  }

  Result<std::optional<ServerEvent>> next(double silence_s) {
    for (;;) {
      if (auto event = events_.next()) return event;
      if (parser_.is_done()) return std::nullopt;
      SOVREN_DO(read_some(client_now_s() + silence_s));
    }
  }

 private:
  Result<void> read_some(double deadline_s) {
    error_code error;
    if (const auto bytes = wire_->received(); !bytes.empty()) {
      wire_->consume(parser_.put(asio::buffer(bytes.data(), bytes.size()), error));
      events_.feed(std::exchange(parser_.get().body(), {}));
      if (!error) return {};
      if (error != http::error::need_more)
        return fail(http_error(wire_->address(), error.message()));
    }
    SOVREN_TRY(more, wire_->receive(deadline_s));
    if (more) return {};
    parser_.put_eof(error);
    if (!error) return {};
    return fail({.code = Code::unreachable,
                 .what = "the event stream broke off",
                 .hint = "open it again after the last event",
                 .where = wire_->address()});
  }

  std::unique_ptr<ClientWire> wire_;
  Parser parser_;
  SseParser events_;
};

EventReader::EventReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventReader::EventReader(EventReader&&) noexcept = default;
EventReader& EventReader::operator=(EventReader&&) noexcept = default;
EventReader::~EventReader() = default;

Result<std::optional<ServerEvent>> EventReader::next(double silence_s) {
  return impl_->next(silence_s);
}

Result<EventReader> HttpClient::events(const std::string& target, const HttpHeaders& headers) {
  constexpr double answer_timeout_s = 30;
  SOVREN_TRY(wire, impl_->connect());
  auto reader = std::make_unique<EventReader::Impl>(std::move(wire));
  const std::string request =
      impl_->head("GET", target, headers) + "Accept: text/event-stream\r\n\r\n";
  SOVREN_DO(reader->begin(request, answer_timeout_s));
  return EventReader(std::move(reader));
}

}  // namespace sovren::api
