// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/model/site.h"
#include "core/model/state.h"
#include "scheduler/policy/policy.h"
#include "scheduler/policy/view.h"

namespace sovren::policy {

// Pools grow when the queue asks for nodes and shrink when it does not. As decide(), a pure
// function: the daemon, the dry run and `explain` see the same.

/// The allocation that a node with these resources was asked for as; null: it is of no pool, or
/// its allocation has ended.
const Allocation* allocation_of(const State& state, const NodeResources& resources);

/// How long before its allocation's end a node counts as gone, so that its agent can leave.
double end_margin_s(const Allocation& allocation);

/// Could a node of the pool run jobs of this partition and these labels? Its nodes bear one label,
/// pool = its name, and have no names yet that a partition could list.
bool serves(const Pool& pool, const Site& site, const std::string& partition,
            const std::map<std::string, std::string>& labels);
/// Does the job fit on nodes of the pool, were all of them there and idle?
bool could_hold(const Pool& pool, const Resources& resources);
/// Longest that a job may be expected to run there that cannot checkpoint: else each allocation
/// would end before it does.
double span_s(const Pool& pool);

/// What is known of pools beside the State. Not durable: empty after a restart, which costs an idle
/// node one more timeout, and a site that refuses one more question.
struct PoolMemory {
  struct Trouble {
    int in_a_row = 0;  ///< allocations that the site refused, or whose agent never joined
    Instant last;
    std::string why;
  };
  std::map<std::string, Trouble> troubles;       ///< by pool, until one of its nodes joins
  std::map<std::string, std::string> silent;     ///< by `via`: the site does not answer, and why
  std::map<AllocationId, Instant> unused_since;  ///< neither holds an attempt nor is waited for
  std::map<AllocationId, Instant> absent_since;  ///< started, but no agent is there

  /// Those of one back-off count once: they were asked for together.
  void note_trouble(const std::string& pool, const std::string& why, Instant now);
};

/// How long a pool asks for nothing after so many troubles in a row: 10 s, doubling, at most
/// 10 min.
double pool_backoff_s(int troubles);

inline constexpr double join_patience_s = 180;  ///< for an agent, once its allocation has started

/// What a running job has reported; null: nothing.
using ReportedMetrics = std::function<const std::map<std::string, double>*(JobId)>;

/// Ask the site for so many nodes.
struct AskNodes {
  std::string pool;
  int nodes = 0;
  std::string why;
};
/// Drain its node, and give it back once nothing runs there.
struct ReleaseAllocation {
  AllocationId allocation;
  std::string why;
};
/// A node that was resumed, or joined late, though its allocation is released or has ended.
struct DrainPoolNode {
  std::string node;
  std::string why;
};
/// A node that is down for good.
struct ForgetNode {
  std::string node;
};
/// The pool's note is now this.
struct NotePool {
  std::string pool;
  std::string note;
};
using PoolAction = std::variant<AskNodes, ReleaseAllocation, DrainPoolNode, ForgetNode, NotePool>;

/// One pool as the plan found it.
struct PoolFigures {
  std::string pool;
  int nodes = 0;          ///< up
  int coming = 0;         ///< asked for, or started, and not there yet
  int queued = 0;         ///< of these, not started by the site
  int leaving = 0;        ///< released, not ended yet
  int wanted = 0;         ///< more nodes that waiting jobs could use at once, as far as was looked
  double value = 0;       ///< of scale_on's metric
  bool is_above = false;  ///< its threshold
  std::string note;
};

struct PoolPlan {
  std::vector<PoolAction> actions;
  std::optional<Instant> wake_at;  ///< none: only an event can change the plan
  std::vector<PoolFigures> pools;  ///< as in the site, before the actions
  PoolMemory memory;               ///< for the next time
};

/// What the pools do now.
///
/// Grows     when scale_on is above its threshold and jobs wait that find no place on the nodes
///           there and those on their way: by as many as those jobs can use at once; and up to
///           min_nodes, whatever waits. A pool that has no node at all needs only a waiting job:
///           of nodes and jobs that are not there no metric can be reported.
/// Shrinks   a node that neither ran nor was waited for during idle_timeout is released, down to
///           min_nodes; so is one whose allocation is about to end (what can checkpoint there has
///           been asked to move on before, see Windows), and one whose agent does not join.
/// Bounds    allocations that have not ended never exceed max_nodes, those the site has not started
///           never pending_max.
/// Law       once its actions are applied, plan_pools() at the same moment has no more. Without
///           jobs and allocations it has none, and no wake_at.
/// index     in step with the state, after decide().
PoolPlan plan_pools(const State& state, const Index& index, const PoolMemory& memory,
                    const ReportedMetrics& reported, Instant now, const PolicyConfig& config);

/// "queue_seconds > 0.1"
std::string scale_on_text(const ScaleOn& scale_on);

/// Is this metric of a progress report meant by the name? "causal_depth" is causal_chain_depth,
/// "chain_depth" too.
bool is_metric(const std::string& reported, const std::string& name);

/// Is the job expected to outlast each allocation, with nothing to go on from?
bool outlasts(const Ask& ask, const Pool& pool);

/// What the pools do for a waiting job, for people; empty: there are none for it.
std::string pool_prospect(const State& state, const PolicyConfig& config, const Shape& shape,
                          const Ask& ask);

}  // namespace sovren::policy
