// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/wire.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace sovren::api {
namespace {

template <class Stream>
class StreamWire : public Wire {
 public:
  explicit StreamWire(Stream stream) : stream_(std::move(stream)) {}

  void handshake(Done done) override {
    asio::post(stream_.get_executor(), [done = std::move(done)] { done({}, 0); });
  }
  void read_some(asio::mutable_buffer buffer, Done done) override {
    stream_.async_read_some(asio::mutable_buffers_1(buffer), std::move(done));
  }
  void write(std::array<asio::const_buffer, 2> buffers, Done done) override {
    asio::async_write(stream_, buffers, std::move(done));
  }
  void shut_write() override {
    error_code ignored;
    stream_.lowest_layer().shutdown(asio::socket_base::shutdown_send, ignored);
  }
  void close() override {
    error_code ignored;
    stream_.lowest_layer().close(ignored);
  }
  int descriptor() override { return stream_.lowest_layer().native_handle(); }

 protected:
  Stream stream_;
};

using TlsStream = asio::ssl::stream<asio::ip::tcp::socket>;

class TlsWire : public StreamWire<TlsStream> {
 public:
  TlsWire(TlsStream stream, asio::ssl::stream_base::handshake_type side)
      : StreamWire(std::move(stream)), side_(side) {}

  void handshake(Done done) override {
    stream_.async_handshake(side_, [done = std::move(done)](error_code error) { done(error, 0); });
  }

 private:
  asio::ssl::stream_base::handshake_type side_;
};

}  // namespace

std::unique_ptr<Wire> make_wire(asio::local::stream_protocol::socket socket) {
  return std::make_unique<StreamWire<asio::local::stream_protocol::socket>>(std::move(socket));
}

std::unique_ptr<Wire> make_wire(TlsStream stream, asio::ssl::stream_base::handshake_type side) {
  return std::make_unique<TlsWire>(std::move(stream), side);
}

}  // namespace sovren::api
