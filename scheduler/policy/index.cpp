// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/index.h"

#include <algorithm>

#include "scheduler/policy/limits.h"

namespace sovren::policy {
namespace {

std::vector<ViewNode> nodes_of(const State& state) {
  std::vector<ViewNode> nodes;
  for (const auto& [name, node] : state.nodes) {
    const NodeResources& has = node.resources;
    nodes.push_back({.name = name,
                     .resources = has,
                     .is_usable = node.is_up && !node.is_drained(),
                     .room = idle_room(has.cpus, has.gpus, has.memory_bytes)});
  }
  return nodes;
}

bool is_same(const ViewNode& a, const Node& b) {
  const NodeResources& other = b.resources;
  return a.resources.cpus == other.cpus && a.resources.gpus == other.gpus &&
         a.resources.memory_bytes == other.memory_bytes && a.resources.labels == other.labels;
}

std::string job_text(JobId job) {
  return "job " + std::to_string(job.value);
}

bool may_begin_anew(const JobSpec& spec, const Site& site) {
  return std::any_of(site.qos.begin(), site.qos.end(),
                     [&](const Qos& qos) { return qos.name == spec.qos && qos.requeues; });
}

double preemption_cost_s(const Job& job, const PolicyConfig& config) {
  if (job.seals == 0 && job.restores == 0) return config.preemption.cost_prior_s;
  return (job.seals > 0 ? job.seal_s / job.seals : 0) +
         (job.restores > 0 ? job.restore_s / job.restores : 0);
}

}  // namespace

std::string partition_of(const JobSpec& spec, const Site& site) {
  if (!spec.partition.empty()) return spec.partition;
  for (const Partition& partition : site.partitions)
    if (partition.is_default) return partition.name;
  return site.partitions.empty() ? "" : site.partitions.front().name;
}

Index::Index(const PolicyConfig& config)
    : config_(config), view_(std::make_unique<View>(config.site, config.order)) {}

void Index::rebuild(const State& state) {
  view_ = std::make_unique<View>(config_.site, config_.order);
  view_->set_nodes(nodes_of(state));
  awaiting_.clear();
  dependents_.clear();
  singletons_.clear();
  active_.clear();
  begins_.clear();
  begin_of_.clear();
  impossible_.clear();
  checks_.clear();
  check_of_.clear();
  for (const auto& [id, job] : state.jobs) {
    if (job.state == JobState::running) put_running(state, job);
    if (job.state == JobState::pending) {
      await(state, job);
      put_pending(state, job);
    }
  }
}

void Index::update_node(const State& state, const std::string& name) {
  const auto found = state.nodes.find(name);
  const int number = view_->node_of(name);
  if ((found == state.nodes.end()) != (number < 0) ||
      (number >= 0 && !is_same(view_->nodes()[static_cast<std::size_t>(number)], found->second)))
    return rebuild(state);
  if (number >= 0) view_->set_usable(number, found->second.is_up && !found->second.is_drained());
}

void Index::update_job(const State& state, JobId id) {
  forget(id);
  const auto found = state.jobs.find(id);
  if (found != state.jobs.end()) {
    const Job& job = found->second;
    if (!singletons_.empty()) note_name(state, job);
    if (job.state == JobState::running) put_running(state, job);
    if (job.state == JobState::pending) {
      await(state, job);
      put_pending(state, job);
    }
    if (job.array_job.value != 0) settle_dependents(state, job.array_job);
    for (const JobId waiting : std::set<JobId>(singletons_)) {
      const Job& other = state.jobs.at(waiting);
      if (waiting != id && other.user == job.user) put_pending(state, other);
    }
  }
  settle_dependents(state, id);
}

void Index::settle_dependents(const State& state, JobId on) {
  const auto found = dependents_.find(on);
  if (found == dependents_.end()) return;
  for (const JobId waiting : std::set<JobId>(found->second))
    put_pending(state, state.jobs.at(waiting));
}

void Index::forget(JobId job) {
  view_->remove(job);
  impossible_.erase(job);
  if (const auto awaits = awaiting_.find(job); awaits != awaiting_.end()) {
    for (const Wait& wait : awaits->second) {
      const auto on = dependents_.find(wait.on.job);
      if (on == dependents_.end()) continue;
      on->second.erase(job);
      if (on->second.empty()) dependents_.erase(on);
    }
    awaiting_.erase(awaits);
    singletons_.erase(job);
    if (singletons_.empty()) active_.clear();
  }
  if (const auto begin = begin_of_.find(job); begin != begin_of_.end()) {
    begins_.erase({begin->second, job});
    begin_of_.erase(begin);
  }
  if (const auto check = check_of_.find(job); check != check_of_.end()) {
    checks_.erase({check->second, job});
    check_of_.erase(check);
  }
}

void Index::await(const State& state, const Job& job) {
  if (job.spec->after.empty()) return;
  const auto dependencies = parse_after(job.spec->after);
  if (!dependencies) {  // only a log of another version could hold such a one
    impossible_[job.id] = dependencies.error().what;
    return;
  }
  for (const Dependency& on : *dependencies) {
    awaiting_[job.id].push_back({on, 0});
    if (on.kind != Dependency::Kind::singleton) {
      dependents_[on.job].insert(job.id);
      continue;
    }
    if (singletons_.empty())
      for (const auto& [id, other] : state.jobs) note_name(state, other);
    singletons_.insert(job.id);
  }
}

void Index::note_name(const State&, const Job& job) {
  const Name name{job.user, job.spec->name};
  if (!is_final(job.state)) {
    active_[name].insert(job.id);
    return;
  }
  const auto found = active_.find(name);
  if (found == active_.end()) return;
  found->second.erase(job.id);
  if (found->second.empty()) active_.erase(found);
}

bool Index::is_first_of_name(const State&, const Job& job) const {
  const auto found = active_.find({job.user, job.spec->name});
  return found == active_.end() || *found->second.begin() >= job.id;
}

Index::Fate Index::fate_of(const State& state, const Job& job, Wait& wait, std::string& why) const {
  using Kind = Dependency::Kind;
  if (wait.on.kind == Kind::singleton)
    return is_first_of_name(state, job) ? Fate::fulfilled : Fate::open;
  JobId on = wait.on.job;
  const auto first = state.jobs.find(on);
  const bool is_array = first != state.jobs.end() && first->second.array_job == on;
  if (wait.on.kind == Kind::corresponding) {
    if (is_array && job.element >= 0) on = {on.value + job.element};
  } else if (is_array) {
    return fate_of_array(state, wait, why);
  }
  const auto found = state.jobs.find(on);
  if (found == state.jobs.end()) {
    why = "it depends on " + job_text(on) + ", which is not known";
    return Fate::impossible;
  }
  const Job& other = found->second;
  const bool is_done = other.state == JobState::completed;
  if (wait.on.kind == Kind::after && other.attempts > 0) return Fate::fulfilled;
  if (!is_final(other.state)) return Fate::open;
  const bool wants_ok = wait.on.kind == Kind::ok || wait.on.kind == Kind::corresponding;
  const bool is_met = wants_ok ? is_done : wait.on.kind != Kind::not_ok || !is_done;
  if (is_met) return Fate::fulfilled;
  why = "it depends on " + job_text(on) +
        (wants_ok ? " being COMPLETED, which is " : " failing, which is ") +
        std::string(state_name(other.state));
  return Fate::impossible;
}

// All elements, in order; those before the cursor have been found to fulfil it.
Index::Fate Index::fate_of_array(const State& state, Wait& wait, std::string& why) const {
  Wait one{{wait.on.kind == Dependency::Kind::not_ok ? Dependency::Kind::any : wait.on.kind, {}},
           0};
  for (;; ++wait.cursor) {
    const JobId element{wait.on.job.value + wait.cursor};
    const auto found = state.jobs.find(element);
    if (found == state.jobs.end() || found->second.array_job != wait.on.job) break;
    one.on.job = element;
    const Job& other = found->second;
    if (one.on.kind == Dependency::Kind::after && other.attempts > 0) continue;
    if (!is_final(other.state)) return Fate::open;
    if (one.on.kind == Dependency::Kind::ok && other.state != JobState::completed) {
      why = "it depends on array " + std::to_string(wait.on.job.value) +
            " being COMPLETED, of which " + job_text(element) + " is " +
            std::string(state_name(other.state));
      return Fate::impossible;
    }
  }
  if (wait.on.kind != Dependency::Kind::not_ok) return Fate::fulfilled;
  for (std::int64_t i = 0; i < wait.cursor; ++i)
    if (state.jobs.at({wait.on.job.value + i}).state != JobState::completed) return Fate::fulfilled;
  why = "it depends on array " + std::to_string(wait.on.job.value) + " failing, which is COMPLETED";
  return Fate::impossible;
}

void Index::put_pending(const State& state, const Job& job) {
  view_->remove(job.id);
  if (impossible_.contains(job.id)) return;
  bool is_open = false;
  if (const auto awaits = awaiting_.find(job.id); awaits != awaiting_.end())
    for (Wait& wait : awaits->second) {
      std::string why;
      const Fate fate = fate_of(state, job, wait, why);
      if (fate == Fate::impossible) {
        impossible_[job.id] = why;
        return;
      }
      is_open = is_open || fate == Fate::open;
    }
  if (is_open || job.is_held) return;
  if (job.not_before > now_) {
    begins_.insert({job.not_before, job.id});
    begin_of_[job.id] = job.not_before;
    return;
  }
  view_->wait({job.submitted_at, job.id}, ask_of(job));
}

void Index::put_running(const State&, const Job& job) {
  RunningJob running{.job = job.id,
                     .ask = ask_of(job),
                     .submitted = job.submitted_at,
                     .ranks = job.ranks,
                     .started_at = job.started_at,
                     .is_stopping = job.stop_requested.has_value()};
  for (const Slot& slot : job.slots)
    running.shares.push_back({view_->node_of(slot.node), slot.ranks});
  running.expected_end = running.is_stopping ? job.stop_requested_at + expected_seal_s(job, config_)
                                             : job.started_at + running.ask.estimate_s;
  view_->start(std::move(running));
  const LimitCheck check = check_limits(job, job.started_at, config_);
  const auto at = check.stop ? std::optional(job.started_at) : check.wake_at;
  if (!at) return;
  checks_.insert({*at, job.id});
  check_of_[job.id] = *at;
}

Ask Index::ask_of(const Job& job) {
  const JobSpec& spec = *job.spec;
  Ask ask;
  const std::string partition = partition_of(spec, config_.site);
  ask.shape = view_->shape({spec.resources, spec.labels, partition});
  ask.owner = view_->owner({spec.account, job.user, spec.qos, partition});
  ask.estimate_s = std::max(1.0, spec.resources.time_limit_s.value_or(config_.unlimited_s));
  ask.attained_s = job.run_s;
  ask.cost_s = preemption_cost_s(job, config_);
  ask.nice = spec.priority;
  ask.can_preempt = can_checkpoint(spec) || may_begin_anew(spec, config_.site);
  ask.preemptions = job.preemptions;
  if (spec.array_max_running > 0 && job.array_job.value != 0) {
    ask.array = job.array_job;
    ask.array_max = spec.array_max_running;
  }
  if (!spec.deadline.empty())
    if (const auto deadline = parse_utc(spec.deadline)) ask.deadline = *deadline;
  return ask;
}

void Index::advance(const State& state, Instant now) {
  now_ = now;
  while (!begins_.empty() && begins_.begin()->first <= now) {
    const JobId job = begins_.begin()->second;
    begins_.erase(begins_.begin());
    begin_of_.erase(job);
    put_pending(state, state.jobs.at(job));
  }
}

std::optional<Instant> Index::next_begin() const {
  return begins_.empty() ? std::nullopt : std::optional(begins_.begin()->first);
}

}  // namespace sovren::policy
