// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/base/units.h"
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
  killed,        ///< by a signal: counted; twice at the same sealed step is a failure
  lost,          ///< the scheduler or node went away under it; not counted
};
std::string_view ending_name(Ending ending);
std::optional<Ending> ending_of(std::string_view name);

// The closed set of facts. Stored as JSON (docs/formats.md): a field may be added with a default,
// none renamed or removed.

struct NodeJoined {
  std::string node;
  NodeResources resources;
  bool operator==(const NodeJoined&) const = default;
};
struct NodeLeft {
  std::string node;
  std::string why;
  bool operator==(const NodeLeft&) const = default;
};
struct JobSubmitted {
  JobId job;
  std::string user;
  std::string dir;
  std::string spec_digest;
  JobSpec spec;
  JobId oldest_set_job;
  bool operator==(const JobSubmitted&) const = default;
};
struct StopRequested {
  JobId job;
  Request request = Request::stop;
  std::string by;  ///< a user, or one of the two names below: no user's name holds a colon
  bool operator==(const StopRequested&) const = default;
};
inline constexpr std::string_view by_time_limit = "scheduler:time-limit";
inline constexpr std::string_view by_grace = "scheduler:grace";  ///< a request went unanswered
/// Written before the launch: a crash between the two is seen on replay as an attempt that never
/// reported.
struct AttemptStarted {
  JobId job;
  int attempt = 0;
  std::string node;
  int ranks = 0;
  bool operator==(const AttemptStarted&) const = default;
};
struct CheckpointSealed {
  JobId job;
  int attempt = 0;
  std::int64_t step = 0;
  std::int64_t size_bytes = 0;
  double seal_s = 0;     ///< from the copy of the state until sealed
  double blocked_s = 0;  ///< of it, how long the job stood still
  bool operator==(const CheckpointSealed&) const = default;
};
struct CheckpointRestored {
  JobId job;
  int attempt = 0;
  std::int64_t step = 0;
  double restore_s = 0;
  bool operator==(const CheckpointRestored&) const = default;
};
/// A set that did not verify, was quarantined, and the one before it used.
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
/// Back to PENDING. counted: against retry.limit. For a PENDING job: released, or its back-off cut
/// short.
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

using EventBody = std::variant<NodeJoined, NodeLeft, JobSubmitted, StopRequested, AttemptStarted,
                               CheckpointSealed, CheckpointRestored, CheckpointRejected,
                               AttemptEnded, JobRequeued, JobEnded>;

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
