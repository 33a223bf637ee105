// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "scheduler/policy/explain.h"
#include "scheduler/policy/index.h"
#include "scheduler/policy/pool.h"
#include "tests/unit/policy/cluster.h"

namespace sovren::policy {

/// A cluster whose only nodes are those of pools, at a site that does what the test says.
class PoolWorld : public Cluster {
 public:
  explicit PoolWorld(Pool pool = {}) {
    pool.name = "render";
    config.site.pools = {std::move(pool)};
    config.site.partitions = {{.name = "default", .is_default = true},
                              {.name = "render", .labels = {{"pool", "render"}}}};
  }

  PolicyConfig config;
  PoolMemory memory;
  PoolPlan plan;
  std::map<JobId, std::map<std::string, double>> metrics;

  using Cluster::carry_out;

  Pool& pool() { return config.site.pools[0]; }

  PoolPlan look() const {
    Index index(config);
    index.rebuild(state);
    index.advance(state, now);
    return plan_pools(
        state, index, memory,
        [this](JobId id) {
          const auto found = metrics.find(id);
          return found == metrics.end() ? nullptr : &found->second;
        },
        now, config);
  }

  std::string why(JobId job) const {
    Index index(config);
    index.rebuild(state);
    index.advance(state, now);
    return reason_of(state, index, job, now, config).text;
  }

  /// Jobs start, then the pools do what they do; as texts: "ask 2", "release 1: why".
  std::vector<std::string> step() {
    carry_out(decide(state, now, config));
    plan = look();
    memory = plan.memory;
    std::vector<std::string> done;
    for (const PoolAction& action : plan.actions) done.push_back(carry_out(action));
    const PoolPlan again = look();
    EXPECT_TRUE(again.actions.empty()) << "its own actions settle the pools";
    EXPECT_LE(state.allocations.size(), static_cast<std::size_t>(pool().max_nodes));
    return done;
  }

  std::string carry_out(const PoolAction& action) {
    if (const auto* ask = std::get_if<AskNodes>(&action)) {
      for (int i = 0; i < ask->nodes; ++i)
        apply_now(AllocationAsked{{state.last_allocation + 1}, ask->pool, pool().time_limit_s});
      return "ask " + std::to_string(ask->nodes);
    }
    if (const auto* release = std::get_if<ReleaseAllocation>(&action)) {
      apply_now(AllocationReleased{release->allocation, release->why});
      const std::string node = name_of(release->allocation.value);
      if (state.nodes.contains(node) && state.nodes.at(node).is_up)
        apply_now(NodeDrained{node, release->why, std::string(by_pool)});
      return "release " + std::to_string(release->allocation.value) + ": " + release->why;
    }
    if (const auto* drain = std::get_if<DrainPoolNode>(&action)) {
      apply_now(NodeDrained{drain->node, drain->why, std::string(by_pool)});
      return "drain " + drain->node + ": " + drain->why;
    }
    if (const auto* forget = std::get_if<ForgetNode>(&action)) {
      apply_now(NodeForgotten{forget->node});
      return "forget " + forget->node;
    }
    const auto& note = std::get<NotePool>(action);
    apply_now(PoolNoted{note.pool, note.note});
    return "note: " + note.note;
  }

  static std::string name_of(std::int64_t allocation) {
    return "render-" + std::to_string(allocation);
  }
  /// The site starts it; its agent does not join yet.
  void begin(std::int64_t allocation) {
    apply_now(AllocationQueued{{allocation}, std::to_string(100 + allocation)});
    apply_now(AllocationStarted{{allocation}, now + pool().time_limit_s});
  }
  void join(std::int64_t allocation) {
    apply_now(
        NodeJoined{name_of(allocation),
                   {.cpus = pool().cpus,
                    .labels = {{"pool", "render"}, {"allocation", std::to_string(allocation)}}}});
  }
  /// Started by the site, and its agent is there.
  void arrive(std::int64_t allocation) {
    begin(allocation);
    join(allocation);
  }
  void leave(std::int64_t allocation) {
    apply_now(AllocationEnded{{allocation}, "COMPLETED"});
    const std::string node = name_of(allocation);
    if (state.nodes.contains(node) && state.nodes.at(node).is_up)
      apply_now(NodeLeft{node, "its agent has ended"});
  }
  void wait(double seconds) { now = now + seconds; }
  void submit_many(int jobs, const JobSpec& spec) {
    for (int i = 0; i < jobs; ++i) submit(spec);
  }
  std::vector<JobId> running() const {
    std::vector<JobId> ids;
    for (const auto& [id, job] : state.jobs)
      if (job.state == JobState::running) ids.push_back(id);
    return ids;
  }
  std::string note() const {
    const auto found = state.pool_notes.find("render");
    return found == state.pool_notes.end() ? "" : found->second;
  }
};

}  // namespace sovren::policy
