// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <utility>  // Boost 1.74's asio forgets it

#include "scheduler/api/http_server.h"

namespace sovren::api {

namespace asio = boost::asio;

/// Binds and listens. A socket that a dead process left is replaced; one that answers is left alone
/// (storage_busy).
Result<asio::local::stream_protocol::acceptor> listen_unix(asio::io_context& io,
                                                           const UnixListener& listener);

Result<asio::ip::tcp::acceptor> listen_tcp(asio::io_context& io, const TlsListener& listener);

/// TLS 1.3 and nothing older, with the listener's certificate and key.
Result<asio::ssl::context> server_tls(const TlsListener& listener);

}  // namespace sovren::api
