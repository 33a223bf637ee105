// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/index.h"

#include <algorithm>

#include "scheduler/policy/limits.h"
#include "scheduler/policy/pool.h"

namespace sovren::policy {
namespace {

bool is_usable(const Node& node) {
  return node.is_up && !node.is_drained();
}

// Before the end of its allocation, by what an agent needs to go in an orderly way.
Instant end_of(const State& state, const NodeResources& resources) {
  const Allocation* allocation = allocation_of(state, resources);
  if (allocation == nullptr || allocation->ends_at.ms == 0) return {};
  return allocation->ends_at + -end_margin_s(*allocation);
}

std::vector<ViewNode> nodes_of(const State& state) {
  std::vector<ViewNode> nodes;
  for (const auto& [name, node] : state.nodes) {
    const NodeResources& has = node.resources;
    nodes.push_back({.name = name,
                     .resources = has,
                     .is_usable = is_usable(node),
                     .room = idle_room(has.cpus, has.gpus, has.memory_bytes),
                     .ends_at = end_of(state, has)});
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
  knows_names_ = false;
  singletons_ = 0;
  active_.clear();
  begins_.clear();
  begin_of_.clear();
  impossible_.clear();
  checks_.clear();
  check_of_.clear();
  failing_.clear();
  for (const auto& [name, node] : state.nodes) note_failures(state, name);
  for (const auto& [id, job] : state.jobs) put(state, job);
}

void Index::update_node(const State& state, const std::string& name) {
  note_failures(state, name);
  const auto found = state.nodes.find(name);
  const int number = view_->node_of(name);
  if ((found == state.nodes.end()) != (number < 0) ||
      (number >= 0 && !is_same(view_->nodes()[static_cast<std::size_t>(number)], found->second)))
    return rebuild(state);
  if (number < 0) return;
  view_->set_usable(number, is_usable(found->second));
  view_->set_end(number, end_of(state, found->second.resources));
}

void Index::note_failures(const State& state, const std::string& name) {
  const auto found = state.nodes.find(name);
  const bool is_failing = found != state.nodes.end() && config_.breaker_failures > 0 &&
                          found->second.failures >= config_.breaker_failures &&
                          !found->second.is_drained();
  if (is_failing)
    failing_.insert(name);
  else
    failing_.erase(name);
}

void Index::update_job(const State& state, JobId id) {
  forget(id);
  JobId array;
  if (const auto found = state.jobs.find(id); found != state.jobs.end()) {
    const Job& job = found->second;
    array = job.array_job;
    for (const Slot& slot : job.slots) note_failures(state, slot.node);
    if (knows_names_) settle_name(state, job);
    put(state, job);
  }
  settle_dependents(state, id, id);
  if (array.value != 0 && array != id) settle_dependents(state, array, id);
}

void Index::put(const State& state, const Job& job) {
  if (job.state == JobState::running) put_running(job);
  if (job.state != JobState::pending) return;
  await(state, job);
  put_pending(state, job);
}

// Those that wait for a job, or for an array of which one has changed.
void Index::settle_dependents(const State& state, JobId on, JobId changed) {
  const auto found = dependents_.find(on);
  if (found == dependents_.end()) return;
  for (const JobId waiting : std::set<JobId>(found->second)) {
    for (Wait& wait : awaiting_.at(waiting))
      if (wait.on.job == on) wait.cursor = std::min(wait.cursor, changed);
    put_pending(state, state.jobs.at(waiting));
  }
}

void Index::forget_begin(JobId job) {
  const auto begin = begin_of_.find(job);
  if (begin == begin_of_.end()) return;
  begins_.erase({begin->second, job});
  begin_of_.erase(begin);
}

void Index::forget(JobId job) {
  view_->remove(job);
  impossible_.erase(job);
  forget_begin(job);
  if (const auto awaits = awaiting_.find(job); awaits != awaiting_.end()) {
    for (const Wait& wait : awaits->second) {
      if (wait.on.kind == Dependency::Kind::singleton) --singletons_;
      const auto on = dependents_.find(wait.on.job);
      if (on == dependents_.end()) continue;
      on->second.erase(job);
      if (on->second.empty()) dependents_.erase(on);
    }
    awaiting_.erase(awaits);
  }
  if (const auto check = check_of_.find(job); check != check_of_.end()) {
    checks_.erase({check->second, job});
    check_of_.erase(check);
  }
}

bool Index::is_awaited(const Job& job) const {
  return dependents_.contains(job.id) ||
         (job.array_job.value != 0 && dependents_.contains(job.array_job));
}

void Index::await(const State& state, const Job& job) {
  if (job.spec->after.empty()) return;
  const auto dependencies = parse_after(job.spec->after);
  if (!dependencies) {  // only a log of another version could hold such a one
    impossible_[job.id] = dependencies.error().what;
    return;
  }
  for (Dependency on : *dependencies) {
    if (on.kind == Dependency::Kind::corresponding && job.element >= 0) {
      const auto element = state.jobs.find({on.job.value + job.element});
      if (element != state.jobs.end() && element->second.array_job == on.job)
        on = {Dependency::Kind::ok, element->first};
    }
    awaiting_[job.id].push_back({on, {}});
    if (on.kind != Dependency::Kind::singleton) {
      dependents_[on.job].insert(job.id);
      continue;
    }
    ++singletons_;
    if (knows_names_) continue;
    knows_names_ = true;
    for (const auto& [id, other] : state.jobs) note_name(other);
  }
}

void Index::note_name(const Job& job) {
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

const JobId* Index::first_of(const Name& name) const {
  const auto found = active_.find(name);
  return found == active_.end() ? nullptr : &*found->second.begin();
}

// Who was and who is first of the job's name: a singleton may start, or may no longer.
void Index::settle_name(const State& state, const Job& job) {
  const Name name{job.user, job.spec->name};
  std::set<JobId> firsts;
  if (const JobId* first = first_of(name)) firsts.insert(*first);
  note_name(job);
  if (const JobId* first = first_of(name)) firsts.insert(*first);
  for (const JobId first : firsts)
    if (first != job.id && awaiting_.contains(first)) put_pending(state, state.jobs.at(first));
}

Index::Fate Index::fate_of(const State& state, const Job& job, Wait& wait, std::string& why) const {
  using Kind = Dependency::Kind;
  if (wait.on.kind == Kind::singleton) {
    const JobId* first = first_of({job.user, job.spec->name});
    return first == nullptr || *first >= job.id ? Fate::fulfilled : Fate::open;
  }
  const JobId on = wait.on.job;
  const auto found = state.jobs.find(on);
  if (found == state.jobs.end()) {
    why = "it depends on " + job_text(on) + ", which is not known";
    return Fate::impossible;
  }
  const Job& other = found->second;
  if (other.array_job == on) {
    if (wait.on.kind != Kind::corresponding || job.element < 0)
      return fate_of_array(state, wait, why);
    why = "it depends on element " + std::to_string(job.element) + " of array " +
          std::to_string(on.value) + ", which has none";
    return Fate::impossible;
  }
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

// All elements that are known, in order; those before the cursor fulfil it. One of them that did
// not end well is enough for not_ok, once all have ended.
Index::Fate Index::fate_of_array(const State& state, Wait& wait, std::string& why) const {
  using Kind = Dependency::Kind;
  const Kind kind = wait.on.kind;
  const auto first = state.jobs.find(wait.on.job);
  const auto is_of_it = [&](const auto& at) {
    return at != state.jobs.end() && at->second.array_job == wait.on.job;
  };
  auto at = state.jobs.lower_bound(std::max(wait.cursor, wait.on.job));
  for (; is_of_it(at); ++at) {
    const Job& element = at->second;
    wait.cursor = element.id;
    if (kind == Kind::after && element.attempts > 0) continue;
    if (!is_final(element.state)) return Fate::open;
    const bool wants_ok = kind == Kind::ok || kind == Kind::corresponding;
    if (wants_ok && element.state != JobState::completed) {
      why = "it depends on array " + std::to_string(wait.on.job.value) +
            " being COMPLETED, of which " + job_text(element.id) + " is " +
            std::string(state_name(element.state));
      return Fate::impossible;
    }
  }
  if (kind != Kind::not_ok) return Fate::fulfilled;
  for (at = first; is_of_it(at); ++at)
    if (at->second.state != JobState::completed) return Fate::fulfilled;
  why = "it depends on array " + std::to_string(wait.on.job.value) + " failing, which is COMPLETED";
  return Fate::impossible;
}

void Index::put_pending(const State& state, const Job& job) {
  view_->remove(job.id);
  forget_begin(job.id);
  const bool is_unreadable = impossible_.contains(job.id) && !awaiting_.contains(job.id);
  if (is_unreadable) return;
  impossible_.erase(job.id);
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

void Index::put_running(const Job& job) {
  RunningJob running{.job = job.id,
                     .ask = ask_of(job),
                     .submitted = job.submitted_at,
                     .ranks = job.ranks,
                     .started_at = job.started_at,
                     .is_stopping = job.stop_requested.has_value()};
  if (running.is_stopping) running.asked_at = job.stop_requested_at;
  for (const Slot& slot : job.slots)
    if (const int node = view_->node_of(slot.node); node >= 0)
      running.shares.push_back({node, slot.ranks});
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
  ask.can_preempt =
      spec.retry.requeue && (can_checkpoint(spec) || may_begin_anew(spec, config_.site));
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
  const bool is_set_back = now < now_;  // the clock was: some have begun too early
  now_ = now;
  if (is_set_back) return rebuild(state);
  while (!begins_.empty() && begins_.begin()->first <= now)
    put_pending(state, state.jobs.at(begins_.begin()->second));
}

std::optional<Instant> Index::next_begin() const {
  return begins_.empty() ? std::nullopt : std::optional(begins_.begin()->first);
}

Index::Foreseen::Foreseen(Index& index, const State& state, Instant now,
                          const std::vector<Action>& actions)
    : view_(*index.view_) {
  for (const Action& action : actions) {
    if (const auto* drain = std::get_if<Drain>(&action)) {
      const int node = view_.node_of(drain->node);
      if (!view_.nodes()[static_cast<std::size_t>(node)].is_usable) continue;
      view_.set_usable(node, false);
      drained_.push_back(node);
    }
    const auto* stop = std::get_if<Stop>(&action);
    if (stop == nullptr) continue;
    RunningJob job = view_.running().at(stop->job);
    if (job.is_stopping) continue;
    running_.push_back(job);
    job.is_stopping = true;
    job.asked_at = now;
    job.expected_end = now + expected_seal_s(state.jobs.at(stop->job), index.config_);
    view_.start(std::move(job));
  }
}

Index::Foreseen::~Foreseen() {
  for (RunningJob& job : running_) view_.start(std::move(job));
  for (const int node : drained_) view_.set_usable(node, true);
}

}  // namespace sovren::policy
