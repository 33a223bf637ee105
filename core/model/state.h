// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/id.h"
#include "core/base/units.h"
#include "core/model/event.h"
#include "core/model/job_spec.h"

namespace sovren {

/// One job, folded from its events.
struct Job {
  JobId id;
  std::string user;
  std::string dir;          ///< job directory, absolute
  std::string spec_digest;  ///< of what decides the result
  JobSpec spec;
  JobId oldest_set_job;  ///< checkpoint sets of jobs before this one are not restored
  Instant submitted_at;

  JobState state = JobState::pending;
  int attempts = 0;    ///< attempts started so far; the running one has this number
  int failures = 0;    ///< counted failures since the last progress past a sealed step
  Instant not_before;  ///< back-off or begin time
  std::string why;     ///< of a requeue or an end, for people
  std::optional<Request> stop_requested;  ///< cancel, preempt or stop, until the attempt ends

  std::string node;  ///< of the running attempt
  int ranks = 0;
  Instant started_at;  ///< of the running or last attempt
  double run_s = 0;    ///< of ended attempts
  double queue_s = 0;  ///< waiting before each start, summed

  std::int64_t sealed_step = -1;  ///< newest sealed checkpoint; -1: none
  std::int64_t sealed_bytes = 0;
  int seals = 0;
  double seal_s = 0;                 ///< summed
  double restore_s = 0;              ///< summed
  std::int64_t killed_at_step = -1;  ///< sealed step at which the last attempt was killed
  int kills_at_step = 0;             ///< how many attempts were killed from there

  std::optional<Error> error;  ///< of the last failed attempt
  std::string digest;          ///< of the result
  Instant ended_at;
};

/// A host that attempts can run on.
struct Node {
  std::string name;
  NodeResources resources;
  int cpus_used = 0;
  int gpus_used = 0;
  std::int64_t memory_used_bytes = 0;
};

/// Everything that the scheduler knows: a pure fold of the event log. std::map keeps every walk in
/// one order.
struct State {
  EventSeq applied;
  std::int64_t last_job = 0;
  std::map<JobId, Job> jobs;
  std::map<std::string, Node> nodes;
};

/// The only writer of State. The log has no gaps, and events name jobs and nodes that exist:
/// anything else is a bug.
void apply(State& state, const Event& event);

/// Has this job come to its end?
bool is_final(JobState state);

}  // namespace sovren
