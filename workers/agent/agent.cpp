// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/agent.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "workers/launch/machine.h"
#include "workers/launch/process_tree.h"

namespace sovren::workers {
namespace {

constexpr int kill_wait_ms = 2000;

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  return variables;
}

}  // namespace

Agent::Agent(AttemptHost host, PrivateFolder folder)
    : host_(std::move(host)), folder_(std::move(folder)) {}

Result<std::unique_ptr<Agent>> Agent::start(AgentConfig config) {
  SOVREN_TRY(programs, find_programs({config.rank_program, config.mpirun}));
  SOVREN_DO(adopt_orphans());
  SOVREN_TRY(folder, PrivateFolder::make(config.temporary_dir));
  if (config.environment.empty()) config.environment = own_environment();
  AttemptHost host{.programs = std::move(programs),
                   .private_dir = folder.path(),
                   .environment = std::move(config.environment),
                   .resources = discover_machine(),
                   .log_bytes_max = config.log_bytes_max};
  return std::unique_ptr<Agent>(new Agent(std::move(host), std::move(folder)));
}

Agent::~Agent() {
  for (auto& [key, attempt] : running_) attempt.kill();
  std::vector<AttemptNews> unheard;
  for (auto& [key, attempt] : running_) {
    std::vector<pollfd> ended;
    attempt.add_to(ended);
    ::poll(ended.data(), 1, kill_wait_ms);  // the first is the end of its first process
    attempt.finish(leaders_but(attempt), unheard);
  }
}

Result<void> Agent::start(const AttemptOrder& order) {
  if (const auto last = last_attempt_.find(order.job);
      last != last_attempt_.end() && last->second >= order.attempt)
    return {};
  SOVREN_TRY(attempt, Attempt::start(order, host_));
  remember(order);
  running_.emplace(Key{order.job, order.attempt}, std::move(attempt));
  return {};
}

void Agent::remember(const AttemptOrder& order) {
  const auto [entry, is_new] = last_attempt_.insert_or_assign(order.job, order.attempt);
  if (is_new) remembered_.push_back(order.job);
  if (remembered_.size() <= remembered_max) return;
  last_attempt_.erase(remembered_.front());
  remembered_.pop_front();
}

Result<void> Agent::request(JobId job, int attempt, Request request) {
  if (const auto found = running_.find({job, attempt}); found != running_.end())
    found->second.request(request);
  return {};
}

Result<void> Agent::acknowledge_seal(JobId job, int attempt, std::int64_t step) {
  if (const auto found = running_.find({job, attempt}); found != running_.end())
    found->second.acknowledge_seal(step);
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
      Attempt& attempt = here->second;
      if (!attempt.has_ended()) {
        attempt.listen(news);
        continue;
      }
      AttemptExited exited = attempt.finish(leaders_but(attempt), news);
      news.push_back({attempt.order().job, attempt.order().attempt, std::move(exited)});
      running_.erase(here);
    }
    if (!news.empty() || is_woken || left_s <= 0) return news;
  }
}

bool Agent::wait(double timeout_s) const {
  std::vector<pollfd> wanted;
  for (const int fd : wake_fds_) wanted.push_back({fd, POLLIN, 0});
  for (const auto& [key, attempt] : running_) attempt.add_to(wanted);
  constexpr double ms_max = 3'600'000;
  const double ms = std::clamp(std::ceil(timeout_s * 1000), 0.0, ms_max);
  if (::poll(wanted.data(), wanted.size(), static_cast<int>(ms)) < 0) return true;  // a signal
  return std::any_of(wanted.begin(), wanted.begin() + std::ssize(wake_fds_),
                     [](const pollfd& one) { return one.revents != 0; });
}

std::vector<pid_t> Agent::leaders_but(const Attempt& attempt) const {
  std::vector<pid_t> leaders;
  for (const auto& [key, other] : running_)
    if (&other != &attempt) leaders.push_back(other.pid());
  return leaders;
}

}  // namespace sovren::workers
