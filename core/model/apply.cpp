// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/base/check.h"
#include "core/model/state.h"

namespace sovren {
namespace {

Job& job_of(State& state, JobId id) {
  const auto found = state.jobs.find(id);
  SOVREN_CHECK(found != state.jobs.end(), "events name jobs that were submitted");
  return found->second;
}

// Gives the node back what the running attempt held; sign +1 takes it.
void hold(State& state, const Job& job, int sign) {
  const auto node = state.nodes.find(job.node);
  if (node == state.nodes.end()) return;  // it left while the attempt ran
  const Resources& resources = job.spec.resources;
  node->second.cpus_used += sign * job.ranks * resources.cpus_per_rank;
  node->second.gpus_used += sign * job.ranks * resources.gpus_per_rank;
  node->second.memory_used_bytes += sign * job.ranks * resources.memory_per_rank_bytes;
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

struct Applier {
  State& state;
  Instant at;

  void operator()(const NodeJoined& e) const {
    Node& node = state.nodes[e.node];
    node = {.name = e.node, .resources = e.resources};
    for (const auto& [id, job] : state.jobs)  // a node that joins again keeps what it runs
      if (job.state == JobState::running && job.node == e.node) hold(state, job, +1);
  }
  void operator()(const NodeLeft& e) const { state.nodes.erase(e.node); }

  void operator()(const JobSubmitted& e) const {
    SOVREN_CHECK(e.job.value > state.last_job, "job ids only grow");
    state.last_job = e.job.value;
    Job& job = state.jobs[e.job];
    job.id = e.job;
    job.user = e.user;
    job.dir = e.dir;
    job.spec_digest = e.spec_digest;
    job.spec = e.spec;
    job.oldest_set_job = e.oldest_set_job;
    job.submitted_at = at;
    job.not_before = at;
    if (const auto begin = parse_utc(e.spec.begin)) job.not_before = std::max(at, *begin);
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
      if (e.by == by_grace || is_user_stop) return;
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
    job.node = e.node;
    job.ranks = e.ranks;
    job.queue_s += std::max(0.0, at - std::max(job.submitted_at, job.ended_at));
    job.started_at = at;
    job.seen_at = at;
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
  }

  void operator()(const CheckpointRestored& e) const {
    Job& job = job_of(state, e.job);
    job.furthest_step = std::max(job.furthest_step, e.step);
    job.seen_at = at;
    job.sealed_step = e.step;
    job.step_at_start = e.step;
    job.restore_s += e.restore_s;
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
    job.run_s += run_s;
    state.totals.run_s += run_s;
    job.ended_at = at;
    job.error = e.error;
    const bool is_our_kill = job.kill_requested_at.has_value();
    if (e.ending == Ending::lost ||
        (!is_our_kill && (e.ending == Ending::retry || e.ending == Ending::killed)))
      state.totals.breakdowns += 1;
    if (e.ending == Ending::killed && !is_our_kill) {
      job.kills_at_step = job.killed_at_step == job.sealed_step ? job.kills_at_step + 1 : 1;
      job.killed_at_step = job.sealed_step;
    }
  }

  void operator()(const JobRequeued& e) const {
    Job& job = job_of(state, e.job);
    SOVREN_CHECK(job.state == JobState::completing || job.state == JobState::pending,
                 "a running or ended job is not requeued");
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
};

}  // namespace

void apply(State& state, const Event& event) {
  SOVREN_CHECK(event.seq.value == state.applied.value + 1, "the log has no gaps");
  state.applied = event.seq;
  std::visit(Applier{state, event.at}, event.body);
}

bool is_stopped_by_time_limit(const Job& job) {
  return job.stop_requested == Request::stop && job.stop_by == by_time_limit;
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
