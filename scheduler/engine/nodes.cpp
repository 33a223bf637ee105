// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "scheduler/engine/engine.h"

namespace sovren::engine {
namespace {

constexpr double silence_check_s = 0.5;

bool has_slot_on(const Job& job, const std::string& node) {
  return std::any_of(job.slots.begin(), job.slots.end(),
                     [&](const Slot& slot) { return slot.node == node; });
}

}  // namespace

Result<void> Engine::join_node(const std::string& name, const NodeResources& resources) {
  look_at_clock();
  const auto found = state_.nodes.find(name);
  if (found == state_.nodes.end() || !found->second.is_up ||
      !(found->second.resources == resources))
    add(NodeJoined{name, resources, {}});
  return {};
}

void Engine::heard(const std::string& node) {
  if (const auto known = heard_.find(node); known != heard_.end()) known->second = clock_->steady();
}

Result<void> Engine::hello(const AgentHello& h) {
  look_at_clock();
  SOVREN_DO(check_allocation(h.resources));
  const auto found = state_.nodes.find(h.node);
  const Node* known = found == state_.nodes.end() ? nullptr : &found->second;
  if (known != nullptr && known->is_up && known->instance != h.instance)
    SOVREN_DO(lose_node(h.node, "its agent started anew"));
  heard(h.node);
  Joining joining = strays_of(h);
  for (const auto& [job, attempt] : joining.strays)
    drafted_.push_back({job, attempt, EndEffect{h.node}});
  const bool is_up = known != nullptr && known->is_up && known->resources == h.resources;
  if (!is_up && joining.strays.empty())
    add(NodeJoined{h.node, h.resources, h.instance});
  else if (!is_up)
    joining_[h.node] = std::move(joining);
  resync(h);
  return {};
}

// What the agent runs and should not: attempts that were given up while it was not heard.
Engine::Joining Engine::strays_of(const AgentHello& h) const {
  Joining joining{.hello = h, .strays = {}};
  for (const HeldAttempt& held : h.attempts) {
    const Job* job = running(held.job, held.attempt);
    if (held.is_running && (job == nullptr || !has_slot_on(*job, h.node)))
      joining.strays.insert({held.job, held.attempt});
  }
  return joining;
}

// Tells the agent again what it may have missed: starts, requests, seals, ends. All are idempotent.
void Engine::resync(const AgentHello& h) {
  const std::set<JobId> candidates = running_;
  for (const JobId id : candidates) {
    const Job& job = state_.jobs.at(id);
    if (!has_slot_on(job, h.node)) continue;
    const auto draft = [&](auto what) { drafted_.push_back({id, job.attempts, std::move(what)}); };
    if (const auto closing = closing_.find(id); closing != closing_.end()) {
      if (!closing->second.gone.contains(h.node)) draft(EndEffect{h.node});
      continue;
    }
    if (job.node() != h.node) continue;
    const bool is_known = std::any_of(
        h.attempts.begin(), h.attempts.end(),
        [&](const HeldAttempt& held) { return held.job == id && held.attempt == job.attempts; });
    if (!is_known && job.kill_requested_at) {  // it need not begin
      close(id);
      continue;
    }
    if (!is_known) draft(StartEffect{});
    if (job.kill_requested_at)
      draft(Request::kill);
    else if (job.stop_requested)
      draft(*job.stop_requested);
    if (job.sealed_step > job.step_at_start) draft(AcknowledgeEffect{job.sealed_step});
  }
}

Result<void> Engine::lose_node(const std::string& name, const std::string& why) {
  look_at_clock();
  const auto found = state_.nodes.find(name);
  if (found == state_.nodes.end())
    return fail({.code = Code::not_found, .what = "there is no node " + name});
  if (!found->second.is_up) return {};
  add(NodeLeft{name, why});
  joining_.erase(name);
  const std::set<JobId> candidates = running_;
  for (const JobId id : candidates)
    if (has_slot_on(state_.jobs.at(id), name)) give_up(id);
  return {};
}

void Engine::check_silence() {
  const Instant steady = clock_->steady();
  if (config_.on_restart != OnRestart::readopt || steady < next_silence_check_) return;
  next_silence_check_ = steady + silence_check_s;
  std::vector<std::string> silent;
  for (const auto& [name, at] : heard_)
    if (steady - at > config_.node_timeout_s) silent.push_back(name);
  for (const std::string& name : silent)
    (void)lose_node(name, "not heard for " + format_duration(config_.node_timeout_s));
}

Result<void> Engine::drain(const std::string& node, const std::string& why, const std::string& by) {
  look_at_clock();
  if (!state_.nodes.contains(node))
    return fail({.code = Code::not_found, .what = "there is no node " + node});
  add(NodeDrained{node, why, by});
  return {};
}

Result<void> Engine::resume(const std::string& node, const std::string& by) {
  look_at_clock();
  const auto found = state_.nodes.find(node);
  if (found == state_.nodes.end())
    return fail({.code = Code::not_found, .what = "there is no node " + node});
  if (found->second.is_drained()) add(NodeResumed{node, by});
  return {};
}

// A node of it has gone away. What is left of it elsewhere is ended; the mark makes sure that no
// restart takes it up again.
void Engine::give_up(JobId id) {
  const int attempt = state_.jobs.at(id).attempts;
  close(id);
  const Job* job = running(id, attempt);
  if (job != nullptr && !job->kill_requested_at)
    add(StopRequested{id, Request::kill, std::string(by_node_loss)});
}

// The attempt is over, or to be over: all its nodes are asked, and it ends when all have answered.
void Engine::close(JobId id) {
  const Job& job = state_.jobs.at(id);
  Closing& closing = closing_[id];
  closing.attempt = job.attempts;
  for (const Slot& slot : job.slots)
    if (!closing.is_asked && state_.nodes.at(slot.node).is_up && !closing.gone.contains(slot.node))
      drafted_.push_back({id, job.attempts, EndEffect{slot.node}});
  closing.is_asked = true;
  settle(id);
}

void Engine::settle(JobId id) {
  const Job& job = state_.jobs.at(id);
  const Closing& closing = closing_.at(id);
  bool is_lost = !closing.exited || is_given_up(job);
  for (const Slot& slot : job.slots) {
    const bool is_up = state_.nodes.at(slot.node).is_up;
    if (is_up && !closing.gone.contains(slot.node)) return;
    is_lost = is_lost || !is_up;
  }
  const bool has_result = closing.exited && (closing.exited->exit_code == exit_done ||
                                             closing.exited->exit_code == exit_checkpointed);
  add_verdict(has_result || !is_lost
                  ? judge_exit(job, *closing.exited, live_[id], now_, config_.on_time_limit)
                  : judge_loss(job, now_, config_.on_time_limit));
}

void Engine::note_stray_gone(const AttemptNews& news) {
  const auto joining = joining_.find(news.node);
  if (joining == joining_.end()) return;
  joining->second.strays.erase({news.job, news.attempt});
  const AgentHello& h = joining->second.hello;
  if (joining->second.strays.empty()) add(NodeJoined{h.node, h.resources, h.instance});
}

void Engine::note_gone(const AttemptNews& news) {
  const Job* job = running(news.job, news.attempt);
  if (job == nullptr || !has_slot_on(*job, news.node)) return;
  Closing& closing = closing_[news.job];
  closing.attempt = news.attempt;
  closing.gone.insert(news.node);
  close(news.job);
}

void Engine::add_verdict(Verdict verdict) {
  add(std::move(verdict.ended));
  std::visit([&](auto& next) { add(std::move(next)); }, verdict.next);
}

}  // namespace sovren::engine
