// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  std::string spec_digest;  ///< of what decides the result; empty: text::facts_digest of its spec
  SharedSpec spec;          ///< never none; a template when element >= 0
  SpecId spec_id;           ///< none: a spec of its own
  JobId array_job;          ///< first job of its array; none: not of an array
  std::int64_t element = -1;
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

  std::vector<Slot> slots;  ///< of the running or last attempt, head first
  int ranks = 0;            ///< of it, in all
  Instant first_started_at;
  Instant started_at;  ///< of the running or last attempt
  Instant seen_at;     ///< its newest event
  double run_s = 0;    ///< of ended attempts; a lost one counts up to its newest event
  double node_s = 0;   ///< the same, times the nodes of each; see breakdowns
  double queue_s = 0;  ///< waiting before each start, summed

  std::int64_t sealed_step = -1;    ///< what the next attempt goes on from; -1: none
  std::int64_t furthest_step = -1;  ///< highest step ever sealed or restored
  std::int64_t step_at_start = -1;  ///< sealed_step when the running or last attempt started
  std::int64_t sealed_bytes = 0;
  int seals = 0;
  double seal_s = 0;      ///< summed
  double blocked_s = 0;   ///< that seals made the job stand still, summed
  double slowdown_s = 0;  ///< that steps beside seals took longer than others, summed, signed
  std::int64_t skipped_seals = 0;
  CheckpointPlan plan;   ///< as of the newest seal
  double restore_s = 0;  ///< summed
  int restores = 0;
  Instant kept_at;    ///< the running attempt has lost what it did since then if it breaks down
  double lost_s = 0;  ///< such work of attempts that broke down, summed
  /// Attempts that did, as Totals count them; as node_s, with those of the job of the same folder
  /// that it goes on with.
  int breakdowns = 0;
  int preemptions = 0;
  std::int64_t killed_at_step = -1;  ///< sealed step at which the last attempt was killed
  int kills_at_step = 0;             ///< how many attempts were killed from there

  std::shared_ptr<const Error> error;  ///< of the last failed attempt; null: none
  std::string digest;                  ///< of the result
  int exit_code = 0;                   ///< of the last attempt
  Instant ended_at;

  /// Name of the head node; empty before the first attempt.
  const std::string& node() const;
};

/// A host that attempts can run on.
struct Node {
  std::string name;
  NodeResources resources;
  std::string instance;  ///< of its agent
  bool is_up = true;
  std::string down_why;       ///< while it is not up
  std::string drained_why;    ///< while it is drained
  std::string drained_by;     ///< empty: it is not drained
  int failures = 0;           ///< attempts in a row that failed there through no fault of the job
  int attempts = 0;           ///< that hold a part of it now
  bool is_exclusive = false;  ///< one attempt holds all of it
  int cpus_used = 0;
  int gpus_used = 0;
  std::int64_t memory_used_bytes = 0;

  bool is_drained() const { return !drained_by.empty(); }
};

/// A node that was asked of a site for a pool, from its asking to its end. It bears the labels
/// `pool` and `allocation`.
struct Allocation {
  AllocationId id;
  std::string pool;
  double time_limit_s = 0;
  Instant asked_at;
  std::string site_job;  ///< empty: the site has not taken it yet
  bool is_started = false;
  Instant started_at;
  Instant ends_at;  ///< 0: not known
  bool is_released = false;
  std::string why;  ///< of its release
};

/// Labels by which an allocation's node is known.
inline constexpr std::string_view pool_label = "pool";
inline constexpr std::string_view allocation_label = "allocation";

/// What a user has used under an account, in one class of service, decayed to `at`.
struct Usage {
  double cpu_s = 0;
  double gpu_s = 0;
  Instant at;
};
struct Association {
  std::string account;
  std::string user;
  std::string qos;  ///< whose usage_factor says how it counts
  auto operator<=>(const Association&) const = default;
};

/// The jobs that a request with an Idempotency-Key made: first, first + 1, ...
struct KeyedRequest {
  JobId first;
  std::int64_t jobs = 0;
  std::string digest;  ///< of the request's body
};
inline constexpr std::size_t request_keys_max = 10'000;  ///< the newest are kept

struct SpecEntry {
  SharedSpec spec;
  std::int64_t jobs = 0;  ///< that name it
};

/// What all attempts of this log add up to.
struct Totals {
  double run_s = 0;             ///< of ended attempts
  std::int64_t breakdowns = 0;  ///< attempts that ended as retry, killed by others, or lost
  double node_s = 0;            ///< run time, times the nodes of each attempt
  double lost_s = 0;            ///< of it, work that broke down before it was sealed
  std::int64_t seals = 0;
  double blocked_s = 0;  ///< that seals made jobs stand still
};

/// Everything that the scheduler knows: a pure fold of the event log. std::map keeps every walk in
/// one order.
struct State {
  EventSeq applied;
  std::int64_t last_job = 0;
  std::int64_t last_spec = 0;
  Totals totals;
  double half_life_s = 7 * 86'400.0;
  std::map<JobId, Job> jobs;
  std::map<std::string, Node> nodes;
  std::map<SpecId, SpecEntry> specs;
  std::map<Association, Usage> usage;
  std::map<std::string, KeyedRequest> request_keys;
  std::map<JobId, std::string> request_order;  ///< by first job, to let the oldest go
  std::int64_t last_allocation = 0;
  std::map<AllocationId, Allocation> allocations;
  std::map<std::string, std::string> pool_notes;  ///< by pool: why it does not do what it should
};

/// The only writer of State. The log has no gaps, and events name jobs and nodes that exist:
/// anything else is a bug.
void apply(State& state, const Event& event);

/// A number that differs between states that differ, for all that matters to what comes next: a
/// replay that leads elsewhere is noticed. Stored; a change of its making is a change of format:
/// what is only counted for people and plans, and was not from the beginning, is left out.
std::uint64_t state_hash(const State& state);

/// What is left of `usage` at `now`.
Usage decayed(const Usage& usage, Instant now, double half_life_s);

/// Cores that an attempt of these resources holds on one node with `node_cpus`.
int cpus_held(const Resources& resources, int ranks, int node_cpus);

/// Share of the job's run time so far, 0 to 1, that went into standing still for checkpoints, steps
/// that these slowed down, restoring, and work that was lost when attempts broke down.
double actual_overhead(const Job& job);

/// Has this job come to its end?
bool is_final(JobState state);

/// Has this job's running attempt been given up because a node of it went away?
bool is_given_up(const Job& job);

/// Was this job's running attempt told to stop because of its time limit, and by nobody else?
bool is_stopped_by_time_limit(const Job& job);

}  // namespace sovren
