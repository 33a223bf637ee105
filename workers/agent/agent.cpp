// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/agent.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "core/text/report_json.h"
#include "workers/agent/exit_error.h"
#include "workers/launch/machine.h"
#include "workers/launch/process_tree.h"

namespace sovren::workers {
namespace {

constexpr int warnings_max = 5;
constexpr int kill_wait_ms = 2000;

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  return variables;
}

Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST) return {};
  return fail({.code = Code::storage_io,
               .what = std::string("cannot make the folder: ") + std::strerror(errno),
               .where = path});
}

/// Kills a child and reaps it. One that does not die hangs in the kernel (a dead file server):
/// nothing more can be done about it.
void kill_and_reap(pid_t pid) {
  const Handle end = watch_end(pid);
  ::kill(pid, SIGKILL);
  pollfd ended{end.get(), POLLIN, 0};
  if (end.is_open()) ::poll(&ended, 1, kill_wait_ms);
  ::waitpid(pid, nullptr, WNOHANG);
}

/// Kills the children that carry the cookie, and theirs as they become ours, until none is left.
void kill_orphans(const std::string& cookie, const std::vector<pid_t>& leaders) {
  constexpr int turns_max = 1000;  // of a millisecond, for what hangs or cannot be told
  for (int turn = 0; turn < turns_max; ++turn) {
    bool is_clean = true;
    for (const Child& child : own_children()) {
      if (std::find(leaders.begin(), leaders.end(), child.pid) != leaders.end()) continue;
      if (child.is_zombie) {
        ::waitpid(child.pid, nullptr, WNOHANG);
        continue;
      }
      const Ownership ownership = cookie_ownership(child.pid, cookie);
      if (ownership == Ownership::other) continue;
      is_clean = false;
      if (ownership == Ownership::own) kill_and_reap(child.pid);
    }
    if (is_clean) return;
    if (turn > 0) ::usleep(1000);
  }
}

}  // namespace

Agent::Agent(Programs programs, PrivateFolder folder, std::vector<std::string> environment)
    : programs_(std::move(programs)),
      folder_(std::move(folder)),
      environment_(std::move(environment)),
      resources_(discover_machine()) {}

Result<std::unique_ptr<Agent>> Agent::start(AgentConfig config) {
  SOVREN_TRY(programs, find_programs({config.rank_program, config.mpirun}));
  SOVREN_DO(adopt_orphans());
  SOVREN_TRY(folder, PrivateFolder::make(config.temporary_dir));
  if (config.environment.empty()) config.environment = own_environment();
  return std::unique_ptr<Agent>(
      new Agent(std::move(programs), std::move(folder), std::move(config.environment)));
}

Agent::~Agent() {
  for (auto& [key, running] : running_) running.process.kill();
  std::vector<AttemptNews> unheard;
  for (auto& [key, running] : running_) {
    pollfd ended{running.process.end_fd(), POLLIN, 0};
    ::poll(&ended, 1, kill_wait_ms);
    finish(running, unheard);
  }
}

Result<void> Agent::start(const AttemptOrder& order) {
  if (const auto last = last_attempt_.find(order.job);
      last != last_attempt_.end() && last->second >= order.attempt)
    return {};
  const std::string name = std::to_string(order.job.value) + "-" + std::to_string(order.attempt);
  const std::string cookie = folder_.path() + "/" + name;
  SOVREN_TRY(command, make_command(order,
                                   {.programs = programs_,
                                    .report_socket = cookie + ".sock",
                                    .private_dir = folder_.path(),
                                    .cookie = cookie,
                                    .cpus = resources_.cpus,
                                    .is_root = ::geteuid() == 0},
                                   environment_));
  SOVREN_DO(make_folder(order.dir + "/logs"));
  SOVREN_TRY(channel, ReportChannel::listen(cookie + ".sock"));
  SOVREN_TRY(process, Process::start(command, order.dir + "/logs/launch.log"));
  last_attempt_[order.job] = order.attempt;
  running_.emplace(Key{order.job, order.attempt}, Running{.order = order,
                                                          .cookie = cookie,
                                                          .process = std::move(process),
                                                          .channel = std::move(channel)});
  return {};
}

Result<void> Agent::request(JobId job, int attempt, Request request) {
  const auto found = running_.find({job, attempt});
  if (found == running_.end()) return {};
  Running& running = found->second;
  switch (request) {
    case Request::checkpoint:
      running.channel.send(R"({"request":"checkpoint"})");
      break;
    case Request::stop:
    case Request::preempt:
    case Request::cancel:
      // A cancelled job seals too: that costs a moment, and running it again loses nothing.
      running.channel.send(R"({"request":"stop"})");
      break;
    case Request::kill:
      running.is_kill_requested = true;
      running.process.kill();
      break;
  }
  return {};
}

Result<void> Agent::acknowledge_seal(JobId job, int attempt, std::int64_t step) {
  if (const auto found = running_.find({job, attempt}); found != running_.end())
    found->second.channel.send("{\"sealed_recorded\":" + std::to_string(step) + "}");
  return {};
}

std::vector<AttemptNews> Agent::poll(double timeout_s) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::duration<double>(std::max(0.0, timeout_s));
  std::vector<AttemptNews> news;
  for (bool is_first = true;; is_first = false) {
    // The first look does not wait: what is there already needs no sleep.
    const double left_s = std::chrono::duration<double>(until - Clock::now()).count();
    const bool is_woken = wait(is_first ? 0 : left_s);
    for (auto next = running_.begin(); next != running_.end();) {
      const auto here = next++;
      Running& running = here->second;
      listen_to(running, news);
      pollfd ended{running.process.end_fd(), POLLIN, 0};
      if (::poll(&ended, 1, 0) <= 0) continue;
      AttemptExited exited = finish(running, news);
      news.push_back({running.order.job, running.order.attempt, std::move(exited)});
      running_.erase(here);
    }
    if (!news.empty() || is_woken || left_s <= 0) return news;
  }
}

bool Agent::wait(double timeout_s) const {
  std::vector<pollfd> wanted;
  for (const int fd : wake_fds_) wanted.push_back({fd, POLLIN, 0});
  for (const auto& [key, running] : running_) {
    wanted.push_back({running.process.end_fd(), POLLIN, 0});
    running.channel.add_to(wanted);
  }
  constexpr double ms_max = 3'600'000;
  const double ms = std::clamp(std::ceil(timeout_s * 1000), 0.0, ms_max);
  if (::poll(wanted.data(), wanted.size(), static_cast<int>(ms)) < 0) return true;  // a signal
  return std::any_of(wanted.begin(), wanted.begin() + std::ssize(wake_fds_),
                     [](const pollfd& one) { return one.revents != 0; });
}

void Agent::listen_to(Running& running, std::vector<AttemptNews>& news) {
  for (const std::string& line : running.channel.serve()) {
    auto report = text::report_from_json(line);
    if (!report) {
      warn(running, "a report could not be read: " + to_text(report.error()), news);
      continue;
    }
    if (std::holds_alternative<ReportStarted>(*report)) running.is_started = true;
    if (std::holds_alternative<ReportFinished>(*report)) running.is_finished = true;
    if (const auto* failed = std::get_if<ReportFailed>(&*report)) {
      // That a peer was lost is what the other ranks say; why it was lost says more.
      if (!running.failure || running.failure->code == Code::peer_lost)
        running.failure = failed->error;
    }
    news.push_back({running.order.job, running.order.attempt, std::move(*report)});
  }
  if (running.channel.dropped_lines() > running.dropped_lines) {
    running.dropped_lines = running.channel.dropped_lines();
    warn(running, "a report of more than 1 MiB was dropped", news);
  }
}

void Agent::warn(Running& running, std::string text, std::vector<AttemptNews>& news) {
  if (++running.warnings > warnings_max) return;
  if (running.warnings == warnings_max) text += " (more of these are not shown)";
  news.push_back(
      {running.order.job, running.order.attempt, RankReport(ReportWarning{std::move(text)})});
}

AttemptExited Agent::finish(Running& running, std::vector<AttemptNews>& news) {
  running.process.kill();  // what is left of its group; its number is ours until it is reaped
  const int exit_code = running.process.exit_code().value_or(128 + SIGKILL);
  std::vector<pid_t> leaders;
  for (const auto& [key, other] : running_)
    if (&other != &running) leaders.push_back(other.process.pid());
  kill_orphans(running.cookie, leaders);
  listen_to(running, news);  // nobody is left to write: this is all
  std::optional<Error> error = error_of_exit({.exit_code = exit_code,
                                              .dir = running.order.dir,
                                              .reported = running.failure,
                                              .is_started = running.is_started,
                                              .is_kill_requested = running.is_kill_requested});
  if (!running.is_finished || !error) return {.exit_code = exit_code, .error = std::move(error)};
  warn(running, "after the result was there: " + to_text(*error), news);
  return {.exit_code = exit_done, .error = {}};
}

}  // namespace sovren::workers
