// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/http_server.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <thread>
#include <vector>

#include "scheduler/api/connection.h"
#include "scheduler/api/listener.h"

namespace sovren::api {
namespace {

using Unix = asio::local::stream_protocol;
using Tcp = asio::ip::tcp;
using TlsStream = asio::ssl::stream<Tcp::socket>;

constexpr auto tick_every = std::chrono::milliseconds(250);
// Without descriptors or memory, accepting again at once would only burn the processor.
constexpr auto accept_pause = std::chrono::milliseconds(100);

Identity identity_of(const Unix::socket& socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(const_cast<Unix::socket&>(socket).native_handle(), SOL_SOCKET, SO_PEERCRED,
                   &peer, &size) != 0)
    return {};
  return {.peer = Peer{peer.uid, peer.gid, peer.pid}};
}

Identity identity_of(const Tcp::socket& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return {.address = error ? "unknown" : endpoint.address().to_string()};
}

/// A machine that vanished is noticed within a minute, also when nothing is written to it.
void watch_peer(Tcp::socket& socket) {
  error_code ignored;
  socket.set_option(Tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int idle_s = 30;
  const int user_timeout_ms = 60'000;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
               sizeof(user_timeout_ms));
}

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

FileId file_id(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? FileId{status.st_dev, status.st_ino} : FileId{};
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const ServerOptions& options, Handler handler)
      : network_{.gate = std::make_shared<Gate>(io_),
                 .limits = options.limits,
                 .handler = std::move(handler),
                 .rates = RateLimiter(options.limits.burst_s),
                 .on_gone = [this] { on_gone(); }},
        on_tick_(options.on_tick),
        ticker_(io_),
        pause_(io_) {}

  Result<void> listen(const ServerOptions& options) {
    if (options.unix_socket) {
      SOVREN_TRY(acceptor, listen_unix(io_, *options.unix_socket));
      unix_.emplace(std::move(acceptor));
      unix_path_ = options.unix_socket->path;
      unix_id_ = file_id(unix_path_);
    }
    if (options.tls) {
      SOVREN_TRY(context, server_tls(*options.tls));
      tls_.emplace(std::move(context));
      SOVREN_TRY(acceptor, listen_tcp(io_, *options.tls));
      tcp_.emplace(std::move(acceptor));
      port_ = tcp_->local_endpoint().port();
    }
    return {};
  }

  void run() {
    if (unix_) accept(*unix_);
    if (tcp_) accept(*tcp_);
    tick();
    // Signals are for the thread that started this one.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { io_.run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void stop(double grace_s) {
    if (thread_.joinable()) {
      asio::post(io_, [this, grace_s] { wind_down(grace_s); });
      thread_.join();
      network_.gate->shut();
    }
    for_each_connection([](Connection& connection) { connection.close(); });
    if (unix_ && unix_id_ == file_id(unix_path_)) ::unlink(unix_path_.c_str());
    unix_.reset();
  }

  std::uint16_t port() const { return port_; }

 private:
  std::unique_ptr<Wire> wire_of(Unix::socket socket) { return make_wire(std::move(socket)); }
  std::unique_ptr<Wire> wire_of(Tcp::socket socket) {
    watch_peer(socket);
    return make_wire(TlsStream(std::move(socket), *tls_), asio::ssl::stream_base::server);
  }

  template <class Acceptor>
  void accept(Acceptor& acceptor) {
    if (network_.connections.size() >= network_.limits.connections_max) {
      waiting_.push_back([this, &acceptor] { accept(acceptor); });
      return;
    }
    acceptor.async_accept([this, &acceptor](error_code error, auto socket) {
      if (is_stopping_ || error == asio::error::operation_aborted) return;
      if (!error) {
        welcome(std::move(socket));
        return accept(acceptor);
      }
      pause_.expires_after(accept_pause);
      pause_.async_wait([this, &acceptor](error_code) {
        if (!is_stopping_) accept(acceptor);
      });
    });
  }

  template <class Socket>
  void welcome(Socket socket) {
    Identity identity = identity_of(socket);
    auto connection =
        std::make_shared<Connection>(network_, wire_of(std::move(socket)), std::move(identity));
    std::size_t& count = network_.connections_of_peer[connection->peer()];
    if (count >= network_.limits.connections_per_peer_max) return;  // closes it
    ++count;
    network_.connections.insert(connection);
    connection->start();
  }

  void on_gone() {
    if (is_stopping_) {
      if (network_.connections.empty()) io_.stop();
      return;
    }
    for (const auto& again : std::exchange(waiting_, {})) again();
  }

  void for_each_connection(const std::function<void(Connection&)>& visit) {
    const std::vector<std::shared_ptr<Connection>> now(network_.connections.begin(),
                                                       network_.connections.end());
    for (const auto& connection : now) visit(*connection);
  }

  void tick() {
    ticker_.expires_after(tick_every);
    ticker_.async_wait([this](error_code error) {
      if (error) return;
      const double now_s = steady_s();
      for_each_connection([&](Connection& connection) { connection.tick(now_s); });
      if (on_tick_) on_tick_();
      if (is_stopping_ && now_s >= stop_at_s_) return io_.stop();
      tick();
    });
  }

  void wind_down(double grace_s) {
    is_stopping_ = true;
    stop_at_s_ = steady_s() + grace_s;
    error_code ignored;
    if (unix_) unix_->close(ignored);
    if (tcp_) tcp_->close(ignored);
    for_each_connection([](Connection& connection) { connection.wind_down(); });
    if (network_.connections.empty()) io_.stop();
  }

  asio::io_context io_{1};
  Network network_;
  std::optional<Unix::acceptor> unix_;
  std::optional<Tcp::acceptor> tcp_;
  std::optional<asio::ssl::context> tls_;
  const std::function<void()> on_tick_;
  asio::steady_timer ticker_;
  asio::steady_timer pause_;
  std::string unix_path_;
  FileId unix_id_;
  std::uint16_t port_ = 0;
  std::vector<std::function<void()>> waiting_;  ///< for a connection to go
  bool is_stopping_ = false;
  double stop_at_s_ = 0;
  std::thread thread_;
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(const ServerOptions& options,
                                                      Handler handler) {
  if (!options.unix_socket && !options.tls)
    return fail({.code = Code::usage, .what = "the server has nothing to listen on"});
  auto impl = std::make_unique<Impl>(options, std::move(handler));
  if (auto listening = impl->listen(options); !listening) {
    impl->stop(0);
    return fail(std::move(listening).error());
  }
  impl->run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  stop(0);
}

std::uint16_t HttpServer::port() const {
  return impl_->port();
}

void HttpServer::stop(double grace_s) {
  impl_->stop(grace_s);
}

}  // namespace sovren::api
