// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <random>

#include "slurm/script/agent_script.h"
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

// By which this state directory's allocations are told from those of others at the site.
Result<std::string> pool_nonce(const std::string& file) {
  if (storage::path_exists(file)) {
    SOVREN_TRY(text, storage::read_file(file, 100));
    return text.substr(0, text.find_first_of(" \r\n"));
  }
  std::random_device random;
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(random()));
  SOVREN_DO(storage::make_directories(file.substr(0, file.rfind('/'))));
  SOVREN_DO(storage::write_file_atomic(file, std::string(digits) + "\n"));
  return std::string(digits);
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
  SOVREN_DO(open_pools());
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
  if (pools_)  // refused only when the host stops
    pools_->start([this] { (void)host_->read([](const engine::Engine&) {}); });
  api_->attach(*host_);
  settings_.server.on_tick = [this] { api_->tick(); };
  SOVREN_TRY(server, api::HttpServer::start(
                         settings_.server, [this](api::Request request, api::Responder responder) {
                           api_->handle(std::move(request), std::move(responder));
                         }));
  server_ = std::move(server);
  return {};
}

// Also where the last pool has been taken out of the site file: what it has is given back.
Result<void> Daemon::open_pools() {
  constexpr double patience_s = 30;  // so long may a site hold up the daemon's end
  const std::string file = settings_.home + "/pools/nonce";
  if (settings_.engine.policy.site.pools.empty() && !storage::path_exists(file)) return {};
  SOVREN_TRY(nonce, pool_nonce(file));
  pools_ = std::make_unique<slurm::PoolDriver>(
      slurm::site_command(patience_s),
      slurm::PoolDriverSettings{.place = {.state_dir = settings_.home, .nonce = nonce},
                                .script = slurm::agent_script});
  settings_.engine.pools = pools_.get();
  return {};
}

Daemon::~Daemon() {
  if (host_) host_->stop();
  pools_.reset();
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
  else
    narrate_pools(event);
}

void Daemon::narrate_pools(const Event& event) {
  const auto id = [](AllocationId allocation) { return std::to_string(allocation.value); };
  if (const auto* asked = std::get_if<AllocationAsked>(&event.body))
    log_.info("allocation asked for",
              {{"pool", asked->pool}, {"allocation", id(asked->allocation)}});
  else if (const auto* queued = std::get_if<AllocationQueued>(&event.body))
    log_.info("allocation queued",
              {{"allocation", id(queued->allocation)}, {"site_job", queued->site_job}});
  else if (const auto* started = std::get_if<AllocationStarted>(&event.body))
    log_.info("allocation started", {{"allocation", id(started->allocation)}});
  else if (const auto* released = std::get_if<AllocationReleased>(&event.body))
    log_.info("allocation released",
              {{"allocation", id(released->allocation)}, {"why", released->why}});
  else if (const auto* ended = std::get_if<AllocationEnded>(&event.body))
    log_.info("allocation ended", {{"allocation", id(ended->allocation)}, {"why", ended->why}});
  else if (const auto* noted = std::get_if<PoolNoted>(&event.body); noted && !noted->note.empty())
    log_.info("pool does not grow", {{"pool", noted->pool}, {"why", noted->note}});
}

}  // namespace sovren::cli
