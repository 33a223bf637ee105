// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/listener.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sovren::api {
namespace {

using Unix = asio::local::stream_protocol;
using Tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t socket_path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

Error listen_error(std::string what, const std::string& where, std::string hint = "") {
  return {
      .code = Code::storage_io, .what = std::move(what), .hint = std::move(hint), .where = where};
}

/// Makes way for a new socket: removes one that nobody listens on.
Result<void> clear_path(asio::io_context& io, const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode))
    return fail({.code = Code::usage,
                 .what = "this is no socket, and is left as it is",
                 .hint = "let the socket have another path",
                 .where = path});
  Unix::socket probe(io);
  error_code error;
  probe.connect(Unix::endpoint(path), error);
  if (!error)
    return fail({.code = Code::storage_busy,
                 .what = "another scheduler serves this socket",
                 .hint = "stop it first, or give this one another state directory",
                 .where = path});
  if (error != asio::error::connection_refused)
    return fail(listen_error("who serves this socket cannot be told: " + error.message(), path));
  if (::unlink(path.c_str()) != 0)
    return fail(listen_error(
        std::string("an old socket cannot be removed: ") + std::strerror(errno), path));
  return {};
}

Error tls_error(std::string what, const std::string& path) {
  char text[256] = "";
  const unsigned long number = ::ERR_peek_last_error();
  if (number != 0) ::ERR_error_string_n(number, text, sizeof(text));
  ::ERR_clear_error();
  return {.code = Code::spec_invalid,
          .what = std::move(what) + (*text != 0 ? std::string(": ") + text : ""),
          .hint =
              "TLS needs a PEM certificate and its PEM key: openssl req -x509 -newkey "
              "ec -pkeyopt ec_paramgen_curve:P-256 -nodes ...",
          .where = path};
}

Result<void> check_readable(const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return {};
  return fail({.code = Code::input_missing,
               .what = "cannot be read: " + std::string(std::strerror(errno)),
               .hint = "",
               .where = path});
}

}  // namespace

Result<Unix::acceptor> listen_unix(asio::io_context& io, const UnixListener& listener) {
  const std::string& path = listener.path;
  if (path.empty() || path.size() > socket_path_bytes_max)
    return fail({.code = Code::usage,
                 .what = "the path of a socket has 1 to 107 bytes, this one has " +
                         std::to_string(path.size()),
                 .hint = "let SOVREN_HOME or the socket option name a shorter path",
                 .where = path});
  if (auto cleared = clear_path(io, path); !cleared) return fail(std::move(cleared).error());
  Unix::acceptor acceptor(io);
  error_code error;
  acceptor.open(Unix(), error);
  // Linux gives the socket's own mode to its name: nobody gets in before the mode is set below.
  if (!error) ::fchmod(acceptor.native_handle(), 0600);
  if (!error) acceptor.bind(Unix::endpoint(path), error);
  if (error)
    return fail(listen_error("cannot make the socket: " + error.message(), path,
                             "its folder must be there and writable"));
  if (::chmod(path.c_str(), listener.mode) != 0)
    return fail(
        listen_error(std::string("cannot set the socket's mode: ") + std::strerror(errno), path));
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(listen_error("cannot listen: " + error.message(), path));
  return acceptor;
}

Result<Tcp::acceptor> listen_tcp(asio::io_context& io, const TlsListener& listener) {
  const std::string where = listener.address + " port " + std::to_string(listener.port);
  error_code error;
  const auto address = asio::ip::make_address(listener.address, error);
  if (error)
    return fail({.code = Code::usage,
                 .what = "'" + listener.address + "' is no IP address",
                 .hint = "0.0.0.0 stands for all of this machine's, 127.0.0.1 for itself",
                 .where = where});
  const Tcp::endpoint endpoint(address, listener.port);
  Tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error == asio::error::address_in_use)
    return fail({.code = Code::storage_busy,
                 .what = "the port is in use",
                 .hint = "choose another, or find who has it: ss -ltnp",
                 .where = where});
  if (error) return fail(listen_error("cannot listen: " + error.message(), where));
  return acceptor;
}

Result<asio::ssl::context> server_tls(const TlsListener& listener) {
  for (const std::string& path : {listener.certificate_file, listener.key_file})
    if (auto readable = check_readable(path); !readable) return fail(std::move(readable).error());
  asio::ssl::context context(asio::ssl::context::tls_server);
  SSL_CTX* const native = context.native_handle();
  ::SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
  ::SSL_CTX_set_num_tickets(native, 0);  // connections are kept, sessions are not resumed
  if (::SSL_CTX_use_certificate_chain_file(native, listener.certificate_file.c_str()) != 1)
    return fail(tls_error("this is no certificate", listener.certificate_file));
  if (::SSL_CTX_use_PrivateKey_file(native, listener.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_check_private_key(native) != 1)
    return fail(tls_error("this is not the key of the certificate", listener.key_file));
  return context;
}

}  // namespace sovren::api
