// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "workers/launch/identity.h"
#include "workers/launch/process.h"

namespace sovren::workers {

/// The longest socket path that a sockaddr_un holds, without its end.
inline constexpr std::size_t socket_path_bytes_max = 107;

/// A listening Unix socket that does not block, handed over to `owner`. Errors: storage_io.
Result<Handle> listen_on(const std::string& path, const std::optional<Identity>& owner);

/// A connection from a process of `user` or root, that does not block; not open when none waits.
/// Those of others are turned away.
Handle accept_from(const Handle& listener, uid_t user);

/// Connects and waits for it. Errors: unreachable.
Result<Handle> connect_to(const std::string& path);

}  // namespace sovren::workers
