// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/base/units.h"
#include "core/model/checkpoint_interval.h"
#include "core/model/job_spec.h"

namespace sovren {

/// Slurm's names, as printed by state_name(): PENDING, RUNNING, ...
enum class JobState {
  pending,
  running,
  suspended,
  completing,
  completed,
  failed,
  cancelled,
  timeout,
  node_fail,
  preempted,
  out_of_memory
};
std::string_view state_name(JobState state);
std::optional<JobState> state_of(std::string_view name);

/// What may be asked of a running attempt. stop and preempt: seal, then end with exit code 85;
/// preempt is requeued.
enum class Request { checkpoint, stop, preempt, cancel, kill };
std::string_view request_name(Request request);
std::optional<Request> request_of(std::string_view name);

/// What a node offers.
struct NodeResources {
  int cpus = 1;
  int gpus = 0;
  std::int64_t memory_bytes = 0;
  std::map<std::string, std::string> labels;
  bool operator==(const NodeResources&) const = default;
};

/// How an attempt came to its end; says what the scheduler does next.
enum class Ending {
  done,          ///< exit 0
  checkpointed,  ///< exit 85: a sealed set is there; not counted
  failed,        ///< 65, 66, 70, 78: repeating will not help
  retry,         ///< 74, 75, 124 and unknown codes: counted
  killed,        ///< by a signal: counted; 2 (4 with older sets) at one sealed step are a failure
  lost,          ///< the scheduler or node went away under it; not counted
};
std::string_view ending_name(Ending ending);
std::optional<Ending> ending_of(std::string_view name);

// The closed set of facts. Stored as JSON (docs/formats.md): a field may be added with a default,
// none renamed or removed.

/// Of an agent that has (re)connected. instance: made anew by each agent process; what ran under
/// another instance is gone.
struct NodeJoined {
  std::string node;
  NodeResources resources;
  std::string instance;
  bool operator==(const NodeJoined&) const = default;
};
/// It was told to go, or was not heard for too long: DOWN until it joins again.
struct NodeLeft {
  std::string node;
  std::string why;
  bool operator==(const NodeLeft&) const = default;
};
/// spec, or the number of one that was added before.
struct JobSubmitted {
  JobId job;
  std::string user;
  std::string dir;
  std::string spec_digest;
  SharedSpec spec;
  JobId oldest_set_job;
  SpecId spec_id;             ///< where spec is none
  JobId array_job;            ///< first job of its array; none: not of an array
  std::int64_t element = -1;  ///< place in the array: the spec is a template (text::expand_element)
  bool is_held = false;
  /// Idempotency-Key of the request that this is the first job of, with the digest of its body and
  /// how many jobs it made; the others of the request bear none.
  std::string request_key;
  std::string request_digest;
  std::int64_t request_jobs = 0;
  bool operator==(const JobSubmitted&) const = default;
};
struct StopRequested {
  JobId job;
  Request request = Request::stop;
  std::string by;  ///< a user, or one of the names below: no user's name holds a colon
  bool operator==(const StopRequested&) const = default;
};
inline constexpr std::string_view by_time_limit = "scheduler:time-limit";
inline constexpr std::string_view by_grace = "scheduler:grace";  ///< a request went unanswered
inline constexpr std::string_view by_policy = "scheduler:preemption";  ///< for another job
/// One of the attempt's nodes went away: what is left of it is ended.
inline constexpr std::string_view by_node_loss = "scheduler:node-loss";
/// Drained a node whose allocation is given back, or asked what runs there to move on.
inline constexpr std::string_view by_pool = "scheduler:pool";
inline constexpr std::string_view by_breaker = "scheduler:circuit-breaker";  ///< drained a node
/// Some ranks of an attempt, all on one node.
struct Slot {
  std::string node;
  int ranks = 0;
  bool operator==(const Slot&) const = default;
};
/// Written before the launch: a crash between the two is seen on replay as an attempt that never
/// reported.
struct AttemptStarted {
  JobId job;
  int attempt = 0;
  std::string node;         ///< the head: launches, reports and speaks for all
  int ranks = 0;            ///< in all
  std::vector<Slot> slots;  ///< head first; empty: all ranks on the head
  bool operator==(const AttemptStarted&) const = default;
};
struct CheckpointSealed {
  JobId job;
  int attempt = 0;
  std::int64_t step = 0;
  std::int64_t size_bytes = 0;
  double seal_s = 0;     ///< from the copy of the state until sealed
  double blocked_s = 0;  ///< of it, how long the job stood still
  /// That the steps beside the writing took longer than others; below 0: they happened to be
  /// shorter.
  double slowdown_s = 0;
  std::int64_t skipped = 0;  ///< sets that were due since the one before and not begun
  CheckpointPlan plan;       ///< for the time until the next
  bool operator==(const CheckpointSealed&) const = default;
};
struct CheckpointRestored {
  JobId job;
  int attempt = 0;
  std::int64_t step = 0;
  double restore_s = 0;
  bool operator==(const CheckpointRestored&) const = default;
};
/// A set that is not used, but an older one: it did not verify, or cannot be read now.
struct CheckpointRejected {
  JobId job;
  int attempt = 0;
  std::string set;
  std::string why;
  bool operator==(const CheckpointRejected&) const = default;
};
struct AttemptEnded {
  JobId job;
  int attempt = 0;
  Ending ending = Ending::lost;
  int exit_code = 0;  ///< of the rank program; 128 + signal when killed
  std::optional<Error> error;
  bool operator==(const AttemptEnded&) const = default;
};
/// Back to PENDING, also of a job that had ended. counted: against retry.limit. For a PENDING job:
/// released, or its back-off cut short.
struct JobRequeued {
  JobId job;
  Instant not_before;
  bool counted = false;
  std::string why;
  bool operator==(const JobRequeued&) const = default;
};
struct JobEnded {
  JobId job;
  JobState state = JobState::completed;
  std::string why;
  std::string digest;
  bool operator==(const JobEnded&) const = default;
};

/// Gets no new attempts until it is resumed; what runs there goes on.
struct NodeDrained {
  std::string node;
  std::string why;
  std::string by;  ///< a user, by_breaker or by_pool
  bool operator==(const NodeDrained&) const = default;
};
struct NodeResumed {
  std::string node;
  std::string by;
  bool operator==(const NodeResumed&) const = default;
};
/// A spec that jobs will name by its number, so that it stands in the log once.
struct SpecAdded {
  SpecId spec_id;
  SharedSpec spec;
  bool operator==(const SpecAdded&) const = default;
};
/// Ended long ago: the State drops them (the log's history keeps a line of each).
struct JobsForgotten {
  std::vector<JobId> jobs;
  bool operator==(const JobsForgotten&) const = default;
};
/// How fast used resources stop counting for fair share.
struct HalfLifeSet {
  double half_life_s = 0;
  bool operator==(const HalfLifeSet&) const = default;
};
// Pools: each allocation is one node that was asked of a site for a pool.

/// Durable before the site is asked: after a crash between the two it is looked for there by its
/// name.
struct AllocationAsked {
  AllocationId allocation;
  std::string pool;
  double time_limit_s = 0;
  bool operator==(const AllocationAsked&) const = default;
};
/// The site has taken it.
struct AllocationQueued {
  AllocationId allocation;
  std::string site_job;  ///< its id there
  bool operator==(const AllocationQueued&) const = default;
};
/// Its agent starts, or will within moments.
struct AllocationStarted {
  AllocationId allocation;
  Instant ends_at;  ///< when the site will end it; 0: it told no end
  bool operator==(const AllocationStarted&) const = default;
};
/// It is not needed any more, or about to end: its node is drained, and it is given back once idle.
struct AllocationReleased {
  AllocationId allocation;
  std::string why;
  bool operator==(const AllocationReleased&) const = default;
};
/// It is gone, or was refused.
struct AllocationEnded {
  AllocationId allocation;
  std::string why;
  bool operator==(const AllocationEnded&) const = default;
};
/// Why a pool does not do what its load asks for; empty: it does.
struct PoolNoted {
  std::string pool;
  std::string note;
  bool operator==(const PoolNoted&) const = default;
};
/// Of a node that is down and holds no attempt, and whose allocation has ended: it will not come
/// back.
struct NodeForgotten {
  std::string node;
  bool operator==(const NodeForgotten&) const = default;
};
/// state_hash() of the state before this event: replay must lead to the same.
struct StateMarked {
  std::uint64_t hash = 0;
  bool operator==(const StateMarked&) const = default;
};

using EventBody =
    std::variant<NodeJoined, NodeLeft, JobSubmitted, StopRequested, AttemptStarted,
                 CheckpointSealed, CheckpointRestored, CheckpointRejected, AttemptEnded,
                 JobRequeued, JobEnded, NodeDrained, NodeResumed, SpecAdded, JobsForgotten,
                 HalfLifeSet, StateMarked, AllocationAsked, AllocationQueued, AllocationStarted,
                 AllocationReleased, AllocationEnded, PoolNoted, NodeForgotten>;

/// A fact that happened. seq is given by the log.
struct Event {
  EventSeq seq;
  Instant at;
  EventBody body;
  bool operator==(const Event&) const = default;
};

/// "job_submitted", ...: stable, stored.
std::string_view event_name(const EventBody& body);

}  // namespace sovren
