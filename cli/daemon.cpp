// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "storage/file/file.h"

namespace sovren::cli {
namespace {

// Whoever may connect must get through to the socket; nobody else needs to see what is there.
Result<void> make_home(const std::string& home, bool is_open) {
  if (storage::path_exists(home)) return {};
  SOVREN_DO(storage::make_directories(home));
  if (::chmod(home.c_str(), is_open ? 0711 : 0700) == 0) return {};
  return fail({.code = Code::storage_io,
               .what = std::string("its mode cannot be set: ") + std::strerror(errno),
               .where = home});
}

// Where the log was lost, the folders of its jobs are still there: their ids are not used again.
Result<JobId> latest_job_folder(const std::string& jobs_dir) {
  JobId latest;
  SOVREN_TRY(names, storage::list_directory(jobs_dir));
  for (const std::string& name : names) {
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error == std::errc() && end == name.data() + name.size())
      latest = std::max(latest, JobId{id});
  }
  return latest;
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::start(ServeSettings settings, DaemonLog& log) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(settings), log));
  SOVREN_DO(daemon->open());
  return daemon;
}

Result<void> Daemon::open() {
  SOVREN_DO(make_home(settings_.home, (settings_.server.unix_socket->mode & 077U) != 0));
  const std::string log_file = settings_.home + "/events.db";
  if (!storage::path_exists(log_file)) {
    SOVREN_TRY(latest, latest_job_folder(settings_.engine.jobs_dir));
    settings_.engine.last_job_before = latest;
  }
  auto events = storage::open_event_log(log_file);
  if (!events && events.error().code == Code::storage_busy)
    events.error().hint = "stop that daemon first, or let SOVREN_HOME name another folder";
  if (!events) return fail(std::move(events).error());
  events_ = *std::move(events);
  settings_.engine.history = events_.get();
  api_ = std::make_unique<api::Api>(
      api::ApiOptions{.operators = settings_.operators, .token_file = settings_.token_file}, clock_,
      *events_, *events_);
  SOVREN_TRY(host, engine::EngineHost::start(
                       *events_, clock_,
                       {.engine = settings_.engine,
                        .on_event =
                            [this](const Event& event) {
                              api_->on_event(event);
                              narrate(event);
                            },
                        .on_report = [this](const AttemptNews& news) { api_->on_report(news); }}));
  host_ = std::move(host);
  api_->attach(*host_);
  settings_.server.on_tick = [this] { api_->tick(); };
  SOVREN_TRY(server, api::HttpServer::start(
                         settings_.server, [this](api::Request request, api::Responder responder) {
                           api_->handle(std::move(request), std::move(responder));
                         }));
  server_ = std::move(server);
  return {};
}

Daemon::~Daemon() {
  if (host_) host_->stop();
  server_.reset();
}

std::string Daemon::url() const {
  if (!settings_.server.tls) return "";
  const std::string& host = settings_.server.tls->address;
  return "https://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
         std::to_string(server_->port());
}

// What an operator wants to know of; what users want to know of their jobs is in the event stream.
void Daemon::narrate(const Event& event) {
  if (const auto* joined = std::get_if<NodeJoined>(&event.body))
    log_.info("node joined", {{"node", joined->node}});
  else if (const auto* left = std::get_if<NodeLeft>(&event.body))
    log_.warn("node is down", {{"node", left->node}, {"why", left->why}});
  else if (const auto* drained = std::get_if<NodeDrained>(&event.body))
    log_.warn("node drained",
              {{"node", drained->node}, {"why", drained->why}, {"by", drained->by}});
  else if (const auto* resumed = std::get_if<NodeResumed>(&event.body))
    log_.info("node resumed", {{"node", resumed->node}, {"by", resumed->by}});
}

}  // namespace sovren::cli
