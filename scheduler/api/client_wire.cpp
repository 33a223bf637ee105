// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/client_wire.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

namespace sovren::api {
namespace {

using Unix = asio::local::stream_protocol;
using Tcp = asio::ip::tcp;
using TlsStream = asio::ssl::stream<Tcp::socket>;

constexpr std::string_view https = "https://";
constexpr const char* default_port = "8443";
constexpr std::size_t receive_bytes = 64U << 10;

Error unreachable(std::string what, const std::string& address, std::string hint = "") {
  return {.code = Code::unreachable,
          .what = std::move(what),
          .hint = std::move(hint),
          .where = address};
}

Error address_error(const std::string& address) {
  return {.code = Code::usage,
          .what = "this is neither the path of a socket nor https://host[:port]",
          .hint = "for example https://head.example.org:8443, or the state directory's sovren.sock",
          .where = address};
}

Error no_answer(const std::string& address) {
  return unreachable("the scheduler did not answer in time", address,
                     "is it running, or busy? sovren doctor");
}

Result<std::string> read_pem(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()))
    return fail({.code = Code::input_missing,
                 .what = "the certificate cannot be read",
                 .hint = "",
                 .where = path});
  return text.str();
}

/// Splits host[:port], where an IPv6 address stands in brackets.
bool split_host(std::string_view text, ClientEndpoint& endpoint) {
  if (!text.empty() && text.back() == '/') text.remove_suffix(1);
  endpoint.authority = text;
  const std::size_t bracket = text.find(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  endpoint.host = text.substr(0, colon);
  endpoint.port = colon == std::string_view::npos ? default_port : text.substr(colon + 1);
  if (endpoint.host.size() > 2 && endpoint.host.front() == '[')
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  const bool has_digits_only =
      endpoint.port.find_first_not_of("0123456789") == std::string::npos && !endpoint.port.empty();
  return !endpoint.host.empty() && has_digits_only &&
         endpoint.host.find_first_of(" /?#@[]\r\n") == std::string::npos;
}

Result<std::shared_ptr<asio::ssl::context>> client_tls(const ClientOptions& options) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_3_VERSION);
  if (!options.certificate_file.empty()) return context;  // compared after the handshake
  context->set_verify_mode(asio::ssl::verify_peer);
  error_code error;
  if (options.ca_file.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(options.ca_file, error);
  if (error)
    return fail({.code = Code::spec_invalid,
                 .what = "these are no certificates: " + error.message(),
                 .hint = "",
                 .where = options.ca_file});
  return context;
}

struct FreeX509 {
  void operator()(X509* certificate) const { ::X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, FreeX509>;

Certificate certificate_of(const std::string& pem) {
  BIO* const bio = ::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Certificate certificate(::PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
  ::BIO_free(bio);
  return certificate;
}

bool is_server_certificate(SSL* session, const std::string& pem) {
  const Certificate sent(::SSL_get1_peer_certificate(session));
  const Certificate wanted = certificate_of(pem);
  return sent && wanted && ::X509_cmp(sent.get(), wanted.get()) == 0;
}

}  // namespace

double client_now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Result<ClientEndpoint> ClientEndpoint::of(const ClientOptions& options) {
  ClientEndpoint endpoint{.address = options.address};
  const std::string_view address = options.address;
  if (address.substr(0, https.size()) != https) {
    if (address.empty() || address.find("://") != std::string_view::npos)
      return fail(address_error(options.address));
    return endpoint;
  }
  if (!split_host(address.substr(https.size()), endpoint))
    return fail(address_error(options.address));
  if (!options.certificate_file.empty()) {
    SOVREN_TRY(pem, read_pem(options.certificate_file));
    if (!certificate_of(pem))
      return fail({.code = Code::spec_invalid,
                   .what = "this is no PEM certificate",
                   .hint = "",
                   .where = options.certificate_file});
    endpoint.certificate_pem = std::move(pem);
  }
  SOVREN_TRY(tls, client_tls(options));
  endpoint.tls = std::move(tls);
  return endpoint;
}

/// Begins one operation and waits for it. Past the deadline the connection is closed.
template <class Begin>
Result<ClientWire::Outcome> ClientWire::run(Begin begin, double deadline_s) {
  std::optional<Outcome> outcome;
  begin([&](error_code error, std::size_t bytes) { outcome = Outcome{error, bytes}; });
  io_.restart();
  while (!outcome) {
    const double left_s = deadline_s - client_now_s();
    if (left_s <= 0) break;
    io_.run_one_for(std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(std::min(left_s, 3600.0))));
  }
  if (outcome) return *outcome;
  if (wire_) wire_->close();
  io_.restart();
  io_.poll();  // the aborted operation's handler refers to this call
  return fail(no_answer(address_));
}

Result<std::unique_ptr<ClientWire>> ClientWire::connect(const ClientEndpoint& endpoint,
                                                        double timeout_s) {
  std::unique_ptr<ClientWire> wire(new ClientWire(endpoint.address));
  const double deadline_s = client_now_s() + timeout_s;
  if (endpoint.port.empty())
    SOVREN_DO(wire->connect_unix(deadline_s));
  else
    SOVREN_DO(wire->connect_tls(endpoint, deadline_s));
  return wire;
}

Result<void> ClientWire::connect_unix(double deadline_s) {
  constexpr std::size_t path_bytes_max = 107;
  if (address_.size() > path_bytes_max)
    return fail({.code = Code::usage,
                 .what = "the path of a socket has at most 107 bytes",
                 .hint = "let SOVREN_HOME name a shorter path",
                 .where = address_});
  Unix::socket socket(io_, Unix());
  // How long a server with a full queue of connections is waited for.
  const double left_s = std::max(0.001, deadline_s - client_now_s());
  const timeval timeout{static_cast<time_t>(left_s),
                        static_cast<suseconds_t>(std::fmod(left_s, 1.0) * 1e6)};
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  const Unix::endpoint endpoint(address_);
  if (::connect(socket.native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) !=
      0) {
    if (errno == EACCES)
      return fail({.code = Code::refused,
                   .what = "this user may not connect to the scheduler",
                   .hint = "its socket is open to all with: socket_access = \"all\" (site file)",
                   .where = address_});
    return fail(unreachable("no scheduler is reached: " + std::string(std::strerror(errno)),
                            address_, "start one: sovren serve"));
  }
  wire_ = make_wire(std::move(socket));
  return {};
}

Result<void> ClientWire::connect_tls(const ClientEndpoint& endpoint, double deadline_s) {
  error_code error;
  Tcp::resolver resolver(io_);
  const auto found = resolver.resolve(endpoint.host, endpoint.port, error);
  if (error) return fail(unreachable("the host is not known: " + error.message(), address_));
  Tcp::socket socket(io_);
  std::optional<error_code> connected;
  asio::async_connect(socket, found,
                      [&](error_code result, const Tcp::endpoint&) { connected = result; });
  io_.restart();
  io_.run_for(std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(std::max(0.0, deadline_s - client_now_s()))));
  if (!connected) {
    socket.close(error);
    io_.restart();
    io_.poll();
    return fail(no_answer(address_));
  }
  if (*connected)
    return fail(unreachable("no scheduler is reached: " + connected->message(), address_,
                            "is it running there, and does it listen on this port?"));
  socket.set_option(Tcp::no_delay(true), error);
  TlsStream stream(std::move(socket), *endpoint.tls);
  SSL* const session = stream.native_handle();
  ::SSL_set_tlsext_host_name(session, endpoint.host.c_str());
  const bool is_pinned = !endpoint.certificate_pem.empty();
  if (!is_pinned) stream.set_verify_callback(asio::ssl::host_name_verification(endpoint.host));
  wire_ = make_wire(std::move(stream), asio::ssl::stream_base::client);
  SOVREN_TRY(shaken, run([&](auto done) { wire_->handshake(std::move(done)); }, deadline_s));
  if (shaken.error)
    return fail(
        unreachable("no TLS connection: " + shaken.error.message(), address_,
                    "which certificate does the scheduler have? openssl s_client -connect"));
  if (is_pinned && !is_server_certificate(session, endpoint.certificate_pem))
    return fail(unreachable("the scheduler shows another certificate than the one expected",
                            address_, "was its certificate renewed?"));
  return {};
}

Result<std::size_t> ClientWire::send(const std::string& bytes, double deadline_s) {
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(bytes), asio::const_buffer()};
  SOVREN_TRY(sent, run([&](auto done) { wire_->write(buffers, std::move(done)); }, deadline_s));
  return sent.bytes;
}

Result<bool> ClientWire::receive(double deadline_s) {
  const std::size_t before = buffer_.size();
  buffer_.resize(before + receive_bytes);
  auto got = run(
      [&](auto done) {
        wire_->read_some(asio::buffer(buffer_.data() + before, receive_bytes), std::move(done));
      },
      deadline_s);
  buffer_.resize(before + (got ? got->bytes : 0));
  if (!got) return fail(std::move(got).error());
  if (!got->error) return true;
  if (got->error == asio::error::eof || got->error == asio::ssl::error::stream_truncated)
    return false;
  return fail(unreachable("the connection broke: " + got->error.message(), address_));
}

void ClientWire::consume(std::size_t bytes) {
  used_ += bytes;
  if (used_ < buffer_.size()) return;
  buffer_.clear();
  used_ = 0;
}

bool ClientWire::is_stale() const {
  if (!received().empty()) return true;
  pollfd wanted{wire_->descriptor(), POLLIN, 0};
  return ::poll(&wanted, 1, 0) != 0;
}

}  // namespace sovren::api
