// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cli/daemon_log.h"
#include "cli/serve_settings.h"
#include "cli/system_clock.h"
#include "core/base/result.h"
#include "scheduler/api/api.h"
#include "scheduler/api/http_server.h"
#include "scheduler/engine/host.h"
#include "slurm/bridge/pool_driver.h"
#include "storage/log/event_log.h"

namespace sovren::cli {

/// A scheduler for many: the event log of the state directory, the engine on it, and the HTTP API
/// before it.
///
/// Errors   of start, in which nothing has been changed: storage_busy (another one has the state
///          directory, the socket or the port), storage_corrupt and refused (the log is damaged, or
///          of a newer version), usage (the socket's path is too long), storage_io.
/// Threads  start and the destructor: one.
class Daemon {
 public:
  static Result<std::unique_ptr<Daemon>> start(ServeSettings settings, DaemonLog& log);
  ~Daemon();

  /// Where it answers: the socket's path, and the URL if there is one.
  const std::string& socket() const { return settings_.server.unix_socket->path; }
  std::string url() const;

 private:
  Daemon(ServeSettings settings, DaemonLog& log) : settings_(std::move(settings)), log_(log) {}
  Result<void> open();
  Result<void> open_pools();
  void narrate(const Event& event);
  void narrate_pools(const Event& event);

  ServeSettings settings_;
  DaemonLog& log_;
  SystemClock clock_;
  std::unique_ptr<storage::DurableLog> events_;
  std::unique_ptr<slurm::PoolDriver> pools_;  ///< null: there are none, and were none
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<engine::EngineHost> host_;
  std::unique_ptr<api::HttpServer> server_;
};

}  // namespace sovren::cli
