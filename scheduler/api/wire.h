// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>  // Boost 1.74's asio forgets it

namespace sovren::api {

namespace asio = boost::asio;
using boost::system::error_code;

/// Bytes both ways over a Unix socket or TLS. One read and one write may be under way.
class Wire {
 public:
  using Done = std::function<void(error_code, std::size_t)>;

  virtual ~Wire() = default;
  virtual void handshake(Done done) = 0;
  virtual void read_some(asio::mutable_buffer buffer, Done done) = 0;
  /// All of both. The bytes stay where they are until done is called.
  virtual void write(std::array<asio::const_buffer, 2> buffers, Done done) = 0;
  /// Nothing more comes from here; what the other side sends can still be read.
  virtual void shut_write() = 0;
  /// What is under way is done with an error.
  virtual void close() = 0;
  virtual int descriptor() = 0;
};

std::unique_ptr<Wire> make_wire(asio::local::stream_protocol::socket socket);
std::unique_ptr<Wire> make_wire(asio::ssl::stream<asio::ip::tcp::socket> stream,
                                asio::ssl::stream_base::handshake_type side);

}  // namespace sovren::api
