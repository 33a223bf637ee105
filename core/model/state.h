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
  int attempts = 0;      ///< attempts started so far; the running one has this number
  int failures = 0;      ///< counted failures since a set was sealed further on than any before
  Instant not_before;    ///< back-off or begin time
  std::string why;       ///< of a requeue or an end, for people
  bool is_held = false;  ///< stopped by a user while PENDING or RUNNING; starts after a release

  /// What should become of the job once its attempt has ended: stop, preempt or cancel. The
  /// strongest request stands: cancel, a user's stop, preempt, the time limit's stop.
  std::optional<Request> stop_requested;
  std::string stop_by;                       ///< who asked: a user, or by_time_limit
  Instant stop_requested_at;                 ///< when the standing request was made first
  std::optional<Instant> kill_requested_at;  ///< the attempt's end by a signal is ours

  std::string node;  ///< of the running attempt
  int ranks = 0;
  Instant started_at;  ///< of the running or last attempt
  Instant seen_at;     ///< its newest event
  double run_s = 0;    ///< of ended attempts; a lost one counts up to its newest event
  double queue_s = 0;  ///< waiting before each start, summed

  std::int64_t sealed_step = -1;    ///< what the next attempt goes on from; -1: none
  std::int64_t furthest_step = -1;  ///< highest step ever sealed or restored
  std::int64_t step_at_start = -1;  ///< sealed_step when the running or last attempt started
  std::int64_t sealed_bytes = 0;
  int seals = 0;
  double seal_s = 0;                 ///< summed
  double blocked_s = 0;              ///< that seals made the job stand still, summed
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

/// What all attempts of this log add up to.
struct Totals {
  double run_s = 0;             ///< of ended attempts
  std::int64_t breakdowns = 0;  ///< attempts that ended as retry, killed by others, or lost
};

/// Everything that the scheduler knows: a pure fold of the event log. std::map keeps every walk in
/// one order.
struct State {
  EventSeq applied;
  std::int64_t last_job = 0;
  Totals totals;
  std::map<JobId, Job> jobs;
  std::map<std::string, Node> nodes;
};

/// The only writer of State. The log has no gaps, and events name jobs and nodes that exist:
/// anything else is a bug.
void apply(State& state, const Event& event);

/// Has this job come to its end?
bool is_final(JobState state);

/// Was this job's running attempt told to stop because of its time limit, and by nobody else?
bool is_stopped_by_time_limit(const Job& job);

}  // namespace sovren
