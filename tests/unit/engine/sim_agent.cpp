// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/engine/sim_agent.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sovren::engine {
namespace {

constexpr std::int64_t steps_per_seal = 10;
constexpr int help_timeout_s = 20;  ///< mpirun gives up

}  // namespace

void SimAgent::die() {
  is_alive_ = false;
  processes_.clear();
}

void SimAgent::begin_anew() {
  is_alive_ = true;
  instance_ = name_ + "-" + std::to_string(++lives_);
  processes_.clear();
  last_attempt_.clear();
  ended_.clear();
  news_.clear();
  last_news_ = 0;
  acknowledged_ = 0;
  cursor = 0;
}

AgentHello SimAgent::hello() const {
  AgentHello hello{.node = name_,
                   .instance = instance_,
                   .version = "sim",
                   .resources = {.cpus = cpus_},
                   .acknowledged = acknowledged_,
                   .attempts = {}};
  for (const auto& [key, process] : processes_)
    hello.attempts.push_back({key.first, key.second, true});
  for (const NumberedNews& each : news_)
    if (std::holds_alternative<AttemptExited>(each.news.what))
      hello.attempts.push_back({each.news.job, each.news.attempt, false});
  return hello;
}

void SimAgent::acknowledge(std::int64_t number) {
  acknowledged_ = std::max(acknowledged_, number);
  std::erase_if(news_, [&](const NumberedNews& each) { return each.number <= acknowledged_; });
}

int SimAgent::cpus_in_use() const {
  int cpus = 0;
  for (const auto& [key, process] : processes_) cpus += process.cpus;
  return cpus;
}

void SimAgent::tell(AttemptKey attempt, decltype(AttemptNews::what) what) {
  news_.push_back({++last_news_, {attempt.first, attempt.second, std::move(what), name_}});
}

void SimAgent::end(AttemptKey attempt, int exit_code) {
  processes_.erase(attempt);
  tell(attempt, AttemptExited{exit_code, std::nullopt});
}

void SimAgent::obey(const Order& order) {
  std::visit([&](const auto& what) { obey(what); }, order.what);
}

void SimAgent::obey(const AttemptOrder& order) {
  const AttemptKey key{order.job, order.attempt};
  if (order.attempt <= last_attempt_[order.job] || ended_.contains(key)) {
    if (!processes_.contains(key)) tell(key, AttemptGone{});
    return;
  }
  last_attempt_[order.job] = order.attempt;
  neighbours_.on_begin(key);
  disk_.fence[order.job] = std::max(disk_.fence[order.job], order.attempt);
  if (dice_.one_in(40)) return end(key, 74);  // the launch failed
  SimProcess process{.is_head = true};
  for (const Slot& slot : order.slots) {
    if (slot.node == name_) {
      process.ranks = slot.ranks;
    } else {
      process.helpers.push_back(slot.node);
      tell(key, AssistAsked{slot.node, slot.node, "orted"});
    }
  }
  process.cpus = process.ranks * std::max(1, order.spec.resources.cpus_per_rank);
  if (const auto sealed = disk_.sealed.find(order.job); sealed != disk_.sealed.end()) {
    process.step = sealed->second;
    tell(key, ReportRestored{process.step, "set", 0.1});
  }
  tell(key, ReportStarted{"cpu", {}, order.ranks});
  processes_[key] = process;
}

void SimAgent::obey(const RequestOrder& order) {
  const AttemptKey key{order.job, order.attempt};
  const auto process = processes_.find(key);
  if (order.request == Request::kill) {
    ended_.insert(key);
    if (process == processes_.end()) return tell(key, AttemptGone{});
    if (process->second.dying_s == 0)
      process->second.dying_s = 1 + static_cast<int>(dice_.below(5));
    return;
  }
  if (process == processes_.end() || !process->second.is_head) return;
  if (order.request == Request::checkpoint)
    (void)seal(key, process->second);
  else if (!dice_.one_in(5))
    process->second.is_asked = true;
}

void SimAgent::obey(const SealOrder& order) {
  EXPECT_LE(order.step, disk_.sealed[order.job]) << "acknowledged what was never sealed";
}

void SimAgent::obey(const AssistOrder& order) {
  const AttemptKey key{order.job, order.attempt};
  if (ended_.contains(key) || processes_.contains(key)) return;
  if (dice_.one_in(20)) return tell(key, AssistEnded{order.launch, 1, "no orted"});
  processes_[key] = {.ranks = order.ranks,
                     .cpus = order.ranks * std::max(1, order.cpus_per_rank),
                     .is_leaking = dice_.one_in(4)};
}

bool SimAgent::seal(AttemptKey attempt, SimProcess& process) {
  if (disk_.fence[attempt.first] > attempt.second) {  // a later attempt has taken over
    end(attempt, 75);
    return false;
  }
  std::int64_t& sealed = disk_.sealed[attempt.first];
  if (process.step <= sealed) return true;
  sealed = process.step;
  tell(attempt, ReportSealed{process.step, 1000, 0.5, 0.1});
  return true;
}

void SimAgent::step() {
  if (!is_alive_) return;
  std::vector<AttemptKey> keys;
  for (const auto& [key, process] : processes_) keys.push_back(key);
  for (const AttemptKey& key : keys) {
    SimProcess& process = processes_.at(key);
    if (process.dying_s > 0)
      step_dying(key, process);
    else if (process.is_head)
      step_head(key, process);
    else
      step_helper(key, process);
  }
}

void SimAgent::step_dying(AttemptKey key, SimProcess& process) {
  if (--process.dying_s > 0) return;
  if (process.is_head) return end(key, 137);
  processes_.erase(key);
  tell(key, AttemptGone{});
}

void SimAgent::step_head(AttemptKey key, SimProcess& process) {
  const bool is_helped =
      std::all_of(process.helpers.begin(), process.helpers.end(),
                  [&](const std::string& node) { return neighbours_.is_helped_by(node, key); });
  if (!is_helped) {
    if (process.has_begun || ++process.waited > help_timeout_s) end(key, 75);
    return;
  }
  process.has_begun = true;
  process.step += 1;
  const bool is_done = process.step >= steps_total;
  if ((process.is_asked || is_done || process.step % steps_per_seal == 0) && !seal(key, process))
    return;
  if (is_done) {
    tell(key, ReportFinished{process.step, "d1gest", {}});
    return end(key, 0);
  }
  if (process.is_asked) return end(key, 85);
  constexpr int exits[] = {74, 75, 75, 137, 139, 1};
  if (dice_.one_in(150)) end(key, exits[dice_.below(std::size(exits))]);
}

void SimAgent::step_helper(AttemptKey key, SimProcess& process) {
  if (neighbours_.is_headed_by("", key)) {
    process.orphaned = 0;
    return;
  }
  if (!process.is_leaking && ++process.orphaned > 3) processes_.erase(key);
}

}  // namespace sovren::engine
