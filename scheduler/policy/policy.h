// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/model/site.h"
#include "core/model/state.h"
#include "scheduler/policy/order.h"

namespace sovren::policy {

class Index;

/// What jobs behind one that does not fit may do. easy: start if that delays the first one not;
/// conservative: if it delays none before it.
enum class Backfill { none, easy, conservative };

/// Weights of the multifactor order: a job's priority is the sum of weight x factor, factors 0 to 1
/// but for age, which goes on growing so that nothing starves.
struct Weights {
  double age = 1000;         ///< per age_unit_s of waiting
  double fair_share = 1000;  ///< x 2^(-used / entitled)
  double qos = 1000;         ///< x priority of the QOS / highest priority of one
  double partition = 500;
  double size = 0;         ///< x cores asked for / cores there are
  double deadline = 2000;  ///< x urgency: 0 at submission, 1 when only the time limit is left
  double nice = 1;         ///< x the job's own `priority`
  double age_unit_s = 7 * 86'400.0;
};

/// When running jobs that checkpoint make room for others (preemption.h).
struct Preemption {
  bool is_on = true;
  double quantum_s = 600;    ///< a started job runs at least so long
  double cost_prior_s = 30;  ///< seal + restore of a job that has not been measured yet
};

/// What the policy may be told. Durations in seconds.
struct PolicyConfig {
  double mtbf_prior_s = 86'400;  ///< mean time between failures of a node that never failed yet
  double seal_prior_s = 10;      ///< time to seal a checkpoint of a job that never sealed one yet
  double stop_margin_s = 3;      ///< between the expected end of a seal and the time limit
  double grace_s = 30;           ///< from a cancel, a preempt or a time limit to the kill
  Order order = Order::multifactor;
  Backfill backfill = Backfill::easy;
  std::optional<Order> backfill_order;  ///< among those that may be backfilled; none: as `order`
  int reservations_max = 100;           ///< conservative: jobs that get one
  double unlimited_s = 86'400;          ///< expected run time of a job without a time limit
  Weights weights;
  Preemption preemption;
  int breaker_failures = 5;  ///< in a row on one node: it is drained; 0: never
  Site site;
};

/// Start the job's next attempt there.
struct Start {
  JobId job;
  std::vector<Slot> slots;  ///< head first
  int ranks = 0;
};

/// Pass this request to the job's running attempt.
struct Stop {
  JobId job;
  Request request = Request::stop;
  std::string by;  ///< by_time_limit, by_grace or by_policy
};

/// A waiting job that can never start.
struct End {
  JobId job;
  std::string why;
};

/// A node whose attempts keep failing.
struct Drain {
  std::string node;
  std::string why;
};

using Action = std::variant<Start, Stop, End, Drain>;

/// What to do now, and when to look again if nothing happens before.
struct Plan {
  std::vector<Action> actions;
  std::optional<Instant> wake_at;  ///< none: only an event can change the plan
  /// Why each job waits that is PENDING once the actions are done. Filled by decide(State), which
  /// looks at everything anew; the incremental one leaves it to reason_of().
  std::map<JobId, std::string> reasons;
};

/// The whole policy: a pure function, the same in daemon, embedded run and simulator.
///
/// Order      by PolicyConfig::order among jobs that may start: not held, begun, their dependencies
///            fulfilled, their user, account, QOS, partition and array under their limits.
/// Backfill   the first job that does not fit is promised the earliest moment at which it will;
///            others may start meanwhile if they end before it or leave its place free.
/// Placement  gangs: all of an attempt's nodes at once; fewest cores left over, then by name. Jobs
///            hold whole cores; one with more ranks than any node has cores gets a whole idle node,
///            if resources.oversubscribe allows it. An elastic job takes the most ranks that fit,
///            up to `ranks`, and up to `ranks_max` if no other waits.
/// Preemption jobs that checkpoint make room for those that have run less (preemption.h).
/// Limits     an attempt near its time limit is told to seal and stop; one that outlives the limit,
///            a cancel or a preempt by the grace is killed. A user's stop is never made a kill.
/// Law        once its actions are applied, decide() at the same moment has no more, and no
///            earlier wake_at; where others wait for a job that it starts or ends, wake_at is that
///            moment, to look again.
Plan decide(const State& state, Instant now, const PolicyConfig& config);

/// The same with an Index that has been kept in step with the state: cost grows with what has
/// changed and with the distinct requests that wait, not with the jobs.
Plan decide(const State& state, Index& index, Instant now, const PolicyConfig& config);

/// Could this job start if the nodes known now were up and idle, and is its user allowed to? If
/// not: refused, says what it would take.
Result<void> can_ever_run(const JobSpec& spec, const State& state, const PolicyConfig& config = {},
                          const std::string& user = {});

/// What the site adds to a job that leaves it open, before it is accepted: the default partition,
/// the first account that has its user, and a time limit: the partition's default one, at most the
/// longest that the job might have asked for; in a pool, if it cannot checkpoint, what allocations
/// there leave.
JobSpec with_site_defaults(JobSpec spec, const Site& site, const std::string& user);

/// Mean time between failures of a job's running attempt, to plan its checkpoints for.
///
/// Model    A failure is a breakdown as Totals count them: a node or rank that went away, was
/// killed
///          or ended with an error of device, storage or network; not bad input, nor what was asked
///          for. They strike nodes alike: an attempt on n nodes fails n times as often. The pool's
///          rate: (1 + failures) / (prior + node seconds) of all other jobs of this log. The job's:
///          the pool's, worth mtbf_pool_failures failures, and what the job has seen itself (the
///          mean of a gamma posterior), so that a job that is killed twice in ten minutes plans for
///          that, whatever the others see.
double mtbf_s(const State& state, const Job& job, const PolicyConfig& config);

/// Below 1: jobs differ more in how often they fail than by chance.
inline constexpr double mtbf_pool_failures = 0.25;

}  // namespace sovren::policy
