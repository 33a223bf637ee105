// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sovren::workers {
namespace {

Error socket_error(const char* activity, const std::string& path) {
  return Error{.code = Code::storage_io,
               .what = std::string(activity) + ": " + std::strerror(errno),
               .hint = "let TMPDIR name a folder on a local file system",
               .where = path};
}

bool is_of(uid_t user, const Handle& socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == user || peer.uid == 0);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<void> check_length(const std::string& path) {
  if (path.size() <= socket_path_bytes_max) return {};
  return fail({.code = Code::storage_io,
               .what = "the path of a socket is longer than 107 bytes",
               .hint = "let TMPDIR name a folder with a shorter path",
               .where = path});
}

}  // namespace

Result<Handle> listen_on(const std::string& path, const std::optional<Identity>& owner) {
  SOVREN_DO(check_length(path));
  const sockaddr_un address = address_of(path);
  Handle listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.is_open()) return fail(socket_error("cannot make a socket", path));
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return fail(socket_error("cannot bind a socket", path));
  if (owner && ::chown(path.c_str(), owner->uid, owner->gid) != 0)
    return fail(socket_error("cannot hand a socket over", path));
  if (::listen(listener.get(), 128) != 0)
    return fail(socket_error("cannot listen on a socket", path));
  return listener;
}

Handle accept_from(const Handle& listener, uid_t user) {
  for (;;) {
    Handle socket(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open() && errno == EINTR) continue;
    if (!socket.is_open() || is_of(user, socket)) return socket;
  }
}

Result<Handle> connect_to(const std::string& path) {
  SOVREN_DO(check_length(path));
  const sockaddr_un address = address_of(path);
  Handle socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.is_open() &&
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
    return socket;
  return fail({.code = Code::unreachable,
               .what = std::string("the agent cannot be reached: ") + std::strerror(errno),
               .where = path});
}

}  // namespace sovren::workers
