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

struct Applier {
  State& state;
  Instant at;

  void operator()(const NodeJoined& e) const {
    Node& node = state.nodes[e.node];  // a node that joins again keeps what its attempts hold
    node.name = e.node;
    node.resources = e.resources;
  }
  void operator()(const NodeLeft& e) const { state.nodes.erase(e.node); }

  void operator()(const JobSubmitted& e) const {
    SOVREN_CHECK(e.job.value == state.last_job + 1, "job ids count up by one");
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
  }

  void operator()(const StopRequested& e) const {
    if (e.request != Request::checkpoint) job_of(state, e.job).stop_requested = e.request;
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
    hold(state, job, +1);
  }

  void operator()(const CheckpointSealed& e) const {
    Job& job = job_of(state, e.job);
    if (e.step > job.sealed_step)
      job.failures = 0;  // it got further: earlier failures no longer count
    job.sealed_step = e.step;
    job.sealed_bytes = e.size_bytes;
    job.seals += 1;
    job.seal_s += e.seal_s;
  }

  void operator()(const CheckpointRestored& e) const {
    Job& job = job_of(state, e.job);
    job.sealed_step = e.step;
    job.restore_s += e.restore_s;
  }

  void operator()(const CheckpointRejected& e) const { (void)job_of(state, e.job); }

  void operator()(const AttemptEnded& e) const {
    Job& job = job_of(state, e.job);
    SOVREN_CHECK(job.state == JobState::running && e.attempt == job.attempts,
                 "only the running attempt ends");
    hold(state, job, -1);
    job.state = JobState::completing;
    job.run_s += std::max(0.0, at - job.started_at);
    job.ended_at = at;
    job.error = e.error;
    if (e.ending == Ending::killed) {
      job.kills_at_step = job.killed_at_step == job.sealed_step ? job.kills_at_step + 1 : 1;
      job.killed_at_step = job.sealed_step;
    }
  }

  void operator()(const JobRequeued& e) const {
    Job& job = job_of(state, e.job);
    job.state = JobState::pending;
    job.not_before = e.not_before;
    job.why = e.why;
    job.stop_requested.reset();
    if (e.counted) job.failures += 1;
  }

  void operator()(const JobEnded& e) const {
    Job& job = job_of(state, e.job);
    job.state = e.state;
    job.why = e.why;
    job.digest = e.digest;
    job.ended_at = at;
    job.stop_requested.reset();
  }
};

}  // namespace

void apply(State& state, const Event& event) {
  SOVREN_CHECK(event.seq.value == state.applied.value + 1, "the log has no gaps");
  state.applied = event.seq;
  std::visit(Applier{state, event.at}, event.body);
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
