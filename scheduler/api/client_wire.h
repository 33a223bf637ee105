// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // Boost 1.74's asio forgets it

#include "scheduler/api/http_client.h"
#include "scheduler/api/wire.h"

namespace sovren::api {

/// Seconds of the clock that deadlines are measured by.
double client_now_s();

/// Where the scheduler is and how it is known, read from ClientOptions.
struct ClientEndpoint {
  static Result<ClientEndpoint> of(const ClientOptions& options);

  std::string address;                  ///< as given
  std::string authority = "localhost";  ///< as given: "[::1]:8443"
  std::string host;
  std::string port;  ///< empty: a Unix socket
  std::shared_ptr<asio::ssl::context> tls;
  std::string certificate_pem;  ///< the only one that is believed; empty: any that is signed
};

/// One connection of the client: what is sent and received has a deadline.
class ClientWire {
 public:
  static Result<std::unique_ptr<ClientWire>> connect(const ClientEndpoint& endpoint,
                                                     double timeout_s);

  /// How many bytes the other side took: fewer when it closed, which leaves its answer to be read.
  Result<std::size_t> send(const std::string& bytes, double deadline_s);
  /// Waits for more bytes; false when there are no more.
  Result<bool> receive(double deadline_s);
  std::string_view received() const { return std::string_view(buffer_).substr(used_); }
  void consume(std::size_t bytes);

  /// The other side has closed, or has said something unasked.
  bool is_stale() const;
  const std::string& address() const { return address_; }

 private:
  explicit ClientWire(std::string address) : address_(std::move(address)) {}
  Result<void> connect_unix(double deadline_s);
  Result<void> connect_tls(const ClientEndpoint& endpoint, double deadline_s);
  struct Outcome {
    error_code error;
    std::size_t bytes = 0;
  };
  template <class Begin>
  Result<Outcome> run(Begin begin, double deadline_s);

  const std::string address_;
  asio::io_context io_{1};
  std::unique_ptr<Wire> wire_;
  std::string buffer_;
  std::size_t used_ = 0;  ///< of buffer_
};

}  // namespace sovren::api
