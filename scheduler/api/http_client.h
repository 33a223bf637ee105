// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/port/transport.h"

namespace sovren::api {

struct ClientOptions {
  std::string address;           ///< path of a Unix socket, or https://host[:port] (port 8443)
  std::string ca_file;           ///< PEM; empty: the system's certificate authorities
  std::string certificate_file;  ///< PEM; set: exactly this certificate is believed, by any name
  std::string token;             ///< bearer token; may be empty
  double connect_timeout_s = 5;
};

struct ServerEvent {
  std::string id;  ///< of the last event that had one
  std::string event;
  std::string data;
};

/// The events of one stream, as they come.
///
/// Threads  one at a time; waits.
class EventReader {
 public:
  class Impl;
  explicit EventReader(std::unique_ptr<Impl> impl);
  EventReader(EventReader&&) noexcept;
  EventReader& operator=(EventReader&&) noexcept;
  ~EventReader();

  /// The next event; nothing when the stream has ended. Errors: unreachable when neither an event
  /// nor a heartbeat came for silence_s, or the connection broke: open again after the last id.
  Result<std::optional<ServerEvent>> next(double silence_s = 60);

 private:
  std::unique_ptr<Impl> impl_;
};

/// Calls the HTTP API, with one connection that is kept. A kept connection that the server has
/// closed is opened anew; a call that may be repeated (GET, HEAD, PUT, DELETE, or an
/// Idempotency-Key) is repeated once when the kept connection breaks under it.
class HttpClient : public Transport {
 public:
  /// Does not connect yet. Errors: usage (the address), input_missing, spec_invalid (the files).
  static Result<std::unique_ptr<HttpClient>> create(ClientOptions options);
  ~HttpClient() override;

  Result<HttpReply> call(const std::string& method, const std::string& target,
                         const std::string& body, double timeout_s,
                         const HttpHeaders& headers = {}) override;

  /// Opens an event stream on a connection of its own. Errors: also what the server answered.
  Result<EventReader> events(const std::string& target, const HttpHeaders& headers = {});

 private:
  class Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sovren::api
