// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/model/state.h"

namespace sovren::policy {

/// What the policy may be told. Durations in seconds.
struct PolicyConfig {
  double mtbf_prior_s = 86'400;  ///< mean time between failures of a node that never failed yet
  double seal_prior_s = 10;      ///< time to seal a checkpoint of a job that never sealed one yet
  double stop_margin_s = 3;      ///< between the expected end of a seal and the time limit
  double grace_s = 30;           ///< from a cancel, a preempt or a time limit to the kill
};

/// Start the job's next attempt there.
struct Start {
  JobId job;
  std::string node;
  int ranks = 0;
};

/// Pass this request to the job's running attempt.
struct Stop {
  JobId job;
  Request request = Request::stop;
  std::string by;  ///< by_time_limit or by_grace
};

using Action = std::variant<Start, Stop>;

/// What to do now, when to look again if nothing happens before, and why each waiting job waits.
struct Plan {
  std::vector<Action> actions;
  std::optional<Instant> wake_at;        ///< none: only an event can change the plan
  std::map<JobId, std::string> reasons;  ///< one per job that is PENDING once the actions are done
};

/// The whole policy: a pure function, the same in daemon, embedded run and simulator.
///
/// Order     by priority, highest first, then by job id. A job that does not fit holds none back.
/// Placement one node per attempt. Jobs hold whole cores; one with more ranks than any node has
///           cores gets a whole idle node, if resources.oversubscribe allows it. An elastic job
///           takes the most ranks that fit, up to `ranks`, and up to `ranks_max` if no other waits.
/// Limits    an attempt near its time limit is told to seal and stop; one that outlives the limit,
///           a cancel or a preempt by the grace is killed. A user's stop is never made a kill.
/// Law       once its actions are applied, decide() at the same moment has no more, and the same
///           wake_at.
Plan decide(const State& state, Instant now, const PolicyConfig& config);

/// Could this job start if the nodes known now were idle? If not: refused, says what it would take.
Result<void> can_ever_run(const JobSpec& spec, const State& state);

/// Mean time between failures to plan checkpoints for: (prior + time run) / (1 + breakdowns), the
/// mean of the posterior rate under one prior failure in mtbf_prior_s.
double mtbf_s(const State& state, const PolicyConfig& config);

}  // namespace sovren::policy
