// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/base/check.h"
#include "core/model/state.h"

namespace sovren {
namespace {

Job& job_of(State& state, JobId id) {
  const auto found = state.jobs.find(id);
  SOVREN_CHECK(found != state.jobs.end(), "events name jobs that were submitted");
  return found->second;
}

// Gives the nodes back what the running attempt held; sign +1 takes it.
void hold(Node& node, const Resources& resources, int ranks, int sign) {
  node.attempts += sign;
  node.is_exclusive = sign > 0 && resources.exclusive;
  node.cpus_used += sign * cpus_held(resources, ranks, node.resources.cpus);
  node.gpus_used +=
      sign * (resources.exclusive ? node.resources.gpus : ranks * resources.gpus_per_rank);
  node.memory_used_bytes += sign * ranks * resources.memory_per_rank_bytes;
}
void hold(State& state, const Job& job, int sign) {
  for (const Slot& slot : job.slots)
    if (const auto node = state.nodes.find(slot.node); node != state.nodes.end())
      hold(node->second, job.spec->resources, slot.ranks, sign);
}

void charge(State& state, const Job& job, double run_s, Instant at) {
  const Resources& r = job.spec->resources;
  Usage& usage = state.usage[{job.spec->account, job.user, job.spec->qos}];
  usage = decayed(usage, at, state.half_life_s);
  usage.cpu_s += run_s * job.ranks * r.cpus_per_rank;
  usage.gpu_s += run_s * job.ranks * r.gpus_per_rank;
}

// How much a request outweighs others that stand: cancel, a user's stop, preempt, a time limit.
int strength(Request request, std::string_view by) {
  if (request == Request::cancel) return 3;
  if (request == Request::stop && by != by_time_limit) return 2;
  return request == Request::preempt ? 1 : 0;
}

void forget_requests(Job& job) {
  job.stop_requested.reset();
  job.stop_by.clear();
  job.kill_requested_at.reset();
}

Node& node_of(State& state, const std::string& name) {
  const auto found = state.nodes.find(name);
  SOVREN_CHECK(found != state.nodes.end(), "events name nodes that have joined");
  return found->second;
}

SpecEntry& spec_of(State& state, SpecId id) {
  const auto found = state.specs.find(id);
  SOVREN_CHECK(found != state.specs.end(), "events name specs that were added");
  return found->second;
}

Allocation& allocation_of(State& state, AllocationId id) {
  const auto found = state.allocations.find(id);
  SOVREN_CHECK(found != state.allocations.end(), "events name allocations that were asked for");
  return found->second;
}

struct Applier {
  State& state;
  Instant at;

  void operator()(const NodeJoined& e) const {
    Node& node = state.nodes[e.node];
    Node joined{.name = e.node, .resources = e.resources, .instance = e.instance};
    joined.drained_why = node.drained_why;
    joined.drained_by = node.drained_by;
    joined.failures = node.failures;
    node = std::move(joined);
    for (const auto& [id, job] : state.jobs) {  // a node that joins again keeps what it runs
      if (job.state != JobState::running) continue;
      for (const Slot& slot : job.slots)
        if (slot.node == e.node) hold(node, job.spec->resources, slot.ranks, +1);
    }
  }
  void operator()(const NodeLeft& e) const {
    Node& node = node_of(state, e.node);
    node.is_up = false;
    node.down_why = e.why;
  }
  void operator()(const NodeDrained& e) const {
    Node& node = node_of(state, e.node);
    node.drained_why = e.why;
    node.drained_by = e.by;
  }
  void operator()(const NodeResumed& e) const {
    Node& node = node_of(state, e.node);
    node.drained_why.clear();
    node.drained_by.clear();
    node.failures = 0;
  }

  void operator()(const SpecAdded& e) const {
    SOVREN_CHECK(e.spec_id.value == state.last_spec + 1, "specs count up by one");
    state.last_spec = e.spec_id.value;
    state.specs[e.spec_id] = {e.spec, 0};
  }

  void operator()(const JobSubmitted& e) const {
    SOVREN_CHECK(e.job.value > state.last_job, "job ids only grow");
    state.last_job = e.job.value;
    Job& job = state.jobs[e.job];
    job.id = e.job;
    job.user = e.user;
    job.dir = e.dir;
    job.spec_digest = e.spec_digest;
    job.spec = e.spec;
    if (e.spec_id.value != 0) {
      SpecEntry& entry = spec_of(state, e.spec_id);
      entry.jobs += 1;
      job.spec = entry.spec;
      job.spec_id = e.spec_id;
    }
    SOVREN_CHECK(job.spec, "a job has a spec");
    job.array_job = e.array_job;
    job.element = e.element;
    job.is_held = e.is_held;
    job.oldest_set_job = e.oldest_set_job;
    job.submitted_at = at;
    job.not_before = at;
    if (const auto begin = parse_utc(job.spec->begin)) job.not_before = std::max(at, *begin);
    inherit_breakdowns(job);
    if (!e.request_key.empty()) remember_key(e);
  }

  void operator()(const StopRequested& e) const {
    Job& job = job_of(state, e.job);
    if (e.request == Request::checkpoint) return;
    if (job.state == JobState::pending) {
      job.is_held = job.is_held || e.request == Request::stop;
      return;
    }
    Request wanted = e.request;
    if (e.request == Request::kill) {
      if (!job.kill_requested_at) job.kill_requested_at = at;
      // A kill says how soon, not what then: that stands, or the user wants the job gone.
      const bool is_user_stop =
          job.stop_requested == Request::stop && !is_stopped_by_time_limit(job);
      if (e.by == by_grace || e.by == by_node_loss || is_user_stop) return;
      wanted = e.by == by_time_limit ? Request::stop : Request::cancel;
    }
    if (job.stop_requested && strength(wanted, e.by) <= strength(*job.stop_requested, job.stop_by))
      return;
    job.stop_requested = wanted;
    job.stop_by = e.by;
    job.stop_requested_at = at;
  }

  void operator()(const AttemptStarted& e) const {
    Job& job = job_of(state, e.job);
    SOVREN_CHECK(job.state == JobState::pending, "an attempt starts from PENDING");
    SOVREN_CHECK(e.attempt == job.attempts + 1, "attempts count up by one, so none runs twice");
    job.state = JobState::running;
    job.attempts = e.attempt;
    job.slots = e.slots.empty() ? std::vector<Slot>{{e.node, e.ranks}} : e.slots;
    SOVREN_CHECK(job.slots.front().node == e.node, "the head is the first slot");
    job.ranks = e.ranks;
    if (e.attempt == 1) job.first_started_at = at;
    job.queue_s += std::max(0.0, at - std::max(job.submitted_at, job.ended_at));
    job.started_at = at;
    job.seen_at = at;
    job.kept_at = at;
    job.step_at_start = job.sealed_step;
    hold(state, job, +1);
  }

  void operator()(const CheckpointSealed& e) const {
    Job& job = job_of(state, e.job);
    if (e.step > job.furthest_step)
      job.failures = 0;  // it got further: earlier failures no longer count
    job.furthest_step = std::max(job.furthest_step, e.step);
    job.seen_at = at;
    job.sealed_step = e.step;
    job.sealed_bytes = e.size_bytes;
    job.seals += 1;
    job.seal_s += e.seal_s;
    job.blocked_s += e.blocked_s;
    job.slowdown_s += e.slowdown_s;
    job.skipped_seals += e.skipped;
    job.plan = e.plan;
    job.kept_at = std::max(job.kept_at, at + -e.seal_s);
    state.totals.seals += 1;
    state.totals.blocked_s += e.blocked_s;
  }

  void operator()(const CheckpointRestored& e) const {
    Job& job = job_of(state, e.job);
    if (e.step > job.furthest_step)
      job.failures = 0;  // from a level whose sets are not told: it got further all the same
    job.furthest_step = std::max(job.furthest_step, e.step);
    job.seen_at = at;
    job.sealed_step = e.step;
    job.step_at_start = e.step;
    job.kept_at = at;
    job.restore_s += e.restore_s;
    job.restores += 1;
  }

  void operator()(const CheckpointRejected& e) const { job_of(state, e.job).seen_at = at; }

  void operator()(const AttemptEnded& e) const {
    Job& job = job_of(state, e.job);
    SOVREN_CHECK(job.state == JobState::running && e.attempt == job.attempts,
                 "only the running attempt ends");
    hold(state, job, -1);
    job.state = JobState::completing;
    const Instant last = e.ending == Ending::lost ? job.seen_at : at;
    const double run_s = std::max(0.0, last - job.started_at);
    const double node_s = run_s * static_cast<double>(job.slots.size());
    job.run_s += run_s;
    job.node_s += node_s;
    state.totals.run_s += run_s;
    state.totals.node_s += node_s;
    job.ended_at = at;
    job.error = e.error ? std::make_shared<const Error>(*e.error) : nullptr;
    job.exit_code = e.exit_code;
    charge(state, job, run_s, at);
    const bool is_our_kill = job.kill_requested_at.has_value();
    if (e.ending == Ending::lost ||
        (!is_our_kill && (e.ending == Ending::retry || e.ending == Ending::killed)))
      count_breakdown(job, std::max(0.0, last - job.kept_at));
    if (e.ending == Ending::killed && !is_our_kill) {
      job.kills_at_step = job.killed_at_step == job.sealed_step ? job.kills_at_step + 1 : 1;
      job.killed_at_step = job.sealed_step;
    }
    count_failure(job, e, is_our_kill);
  }

  void operator()(const JobRequeued& e) const {
    Job& job = job_of(state, e.job);
    SOVREN_CHECK(job.state != JobState::running, "a running job is not requeued");
    if (is_final(job.state)) {  // begun anew at the user's wish
      job.failures = 0;
      job.kills_at_step = 0;
    }
    if (job.state == JobState::completing && job.stop_requested == Request::preempt)
      job.preemptions += 1;
    job.is_held = job.stop_requested == Request::stop && !is_stopped_by_time_limit(job);
    job.state = JobState::pending;
    job.not_before = e.not_before;
    job.why = e.why;
    forget_requests(job);
    if (e.counted) job.failures += 1;
  }

  void operator()(const JobEnded& e) const {
    Job& job = job_of(state, e.job);
    SOVREN_CHECK(job.state == JobState::completing || job.state == JobState::pending,
                 "a job ends once, and not under a running attempt");
    job.state = e.state;
    job.why = e.why;
    job.digest = e.digest;
    job.ended_at = at;
    job.is_held = false;
    forget_requests(job);
  }

  void operator()(const JobsForgotten& e) const {
    for (const JobId id : e.jobs) {
      const Job& job = job_of(state, id);
      SOVREN_CHECK(is_final(job.state), "only ended jobs are forgotten");
      if (job.spec_id.value != 0 && --spec_of(state, job.spec_id).jobs == 0)
        state.specs.erase(job.spec_id);
      state.jobs.erase(id);
    }
  }
  void operator()(const HalfLifeSet& e) const { state.half_life_s = e.half_life_s; }
  void operator()(const StateMarked&) const {}

  void operator()(const AllocationAsked& e) const {
    state.last_allocation = std::max(state.last_allocation, e.allocation.value);
    state.allocations[e.allocation] = {
        .id = e.allocation, .pool = e.pool, .time_limit_s = e.time_limit_s, .asked_at = at};
  }
  void operator()(const AllocationQueued& e) const {
    allocation_of(state, e.allocation).site_job = e.site_job;
  }
  void operator()(const AllocationStarted& e) const {
    Allocation& allocation = allocation_of(state, e.allocation);
    allocation.is_started = true;
    allocation.started_at = at;
    allocation.ends_at = e.ends_at;
  }
  void operator()(const AllocationReleased& e) const {
    Allocation& allocation = allocation_of(state, e.allocation);
    allocation.is_released = true;
    allocation.why = e.why;
  }
  void operator()(const AllocationEnded& e) const { state.allocations.erase(e.allocation); }
  void operator()(const PoolNoted& e) const {
    if (e.note.empty())
      state.pool_notes.erase(e.pool);
    else
      state.pool_notes[e.pool] = e.note;
  }
  void operator()(const NodeForgotten& e) const {
    const Node& node = node_of(state, e.node);
    SOVREN_CHECK(!node.is_up && node.attempts == 0, "only nodes that are gone are forgotten");
    state.nodes.erase(e.node);
  }

 private:
  // Of the job of the same folder that it goes on with, as when it is run with other settings.
  void inherit_breakdowns(Job& job) const {
    if (job.oldest_set_job.value <= 0) return;
    for (auto it = std::make_reverse_iterator(state.jobs.find(job.id));
         it != state.jobs.rend() && it->first >= job.oldest_set_job; ++it) {
      if (it->second.dir != job.dir) continue;
      job.breakdowns = it->second.breakdowns;
      job.node_s = it->second.node_s;
      return;
    }
  }

  void count_breakdown(Job& job, double lost_s) const {
    job.breakdowns += 1;
    job.lost_s += lost_s;
    state.totals.breakdowns += 1;
    state.totals.lost_s += lost_s;
  }

  // Of the attempt's nodes: how often in a row it was not the job's fault.
  void count_failure(const Job& job, const AttemptEnded& e, bool is_our_kill) const {
    const bool is_node_trouble = !is_our_kill && e.ending == Ending::retry;
    if (!is_node_trouble && e.ending != Ending::done && e.ending != Ending::checkpointed) return;
    for (const Slot& slot : job.slots)
      if (const auto node = state.nodes.find(slot.node); node != state.nodes.end())
        node->second.failures = is_node_trouble ? node->second.failures + 1 : 0;
  }

  void remember_key(const JobSubmitted& e) const {
    state.request_keys[e.request_key] = {e.job, e.request_jobs, e.request_digest};
    state.request_order[e.job] = e.request_key;
    if (state.request_order.size() <= request_keys_max) return;
    const auto oldest = state.request_order.begin();
    state.request_keys.erase(oldest->second);
    state.request_order.erase(oldest);
  }
};

}  // namespace

void apply(State& state, const Event& event) {
  SOVREN_CHECK(event.seq.value == state.applied.value + 1, "the log has no gaps");
  state.applied = event.seq;
  std::visit(Applier{state, event.at}, event.body);
}

const std::string& Job::node() const {
  static const std::string none;
  return slots.empty() ? none : slots.front().node;
}

Usage decayed(const Usage& usage, Instant now, double half_life_s) {
  const double age_s = std::max(0.0, now - usage.at);
  const double left = half_life_s > 0 ? std::exp2(-age_s / half_life_s) : 1.0;
  return {usage.cpu_s * left, usage.gpu_s * left, std::max(usage.at, now)};
}

int cpus_held(const Resources& resources, int ranks, int node_cpus) {
  return resources.exclusive ? std::max(node_cpus, 1)
                             : ranks * std::max(1, resources.cpus_per_rank);
}

double actual_overhead(const Job& job) {
  const bool is_running = job.state == JobState::running;
  const double run_s = job.run_s + (is_running ? std::max(0.0, job.seen_at - job.started_at) : 0);
  const double spent_s = job.blocked_s + std::max(0.0, job.slowdown_s) + job.restore_s + job.lost_s;
  return run_s > 0 ? std::min(1.0, spent_s / run_s) : 0;
}

bool is_stopped_by_time_limit(const Job& job) {
  return job.stop_requested == Request::stop && job.stop_by == by_time_limit;
}

// Every other kill comes after a request, or is one.
bool is_given_up(const Job& job) {
  return job.kill_requested_at && !job.stop_requested;
}

bool is_final(JobState state) {
  switch (state) {
    case JobState::pending:
    case JobState::running:
    case JobState::suspended:
    case JobState::completing:
    case JobState::preempted:
      return false;
    case JobState::completed:
    case JobState::failed:
    case JobState::cancelled:
    case JobState::timeout:
    case JobState::node_fail:
    case JobState::out_of_memory:
      return true;
  }
  SOVREN_CHECK(false, "every state is final or not");
}

}  // namespace sovren
