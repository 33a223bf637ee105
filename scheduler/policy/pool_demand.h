// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/policy/gate.h"
#include "scheduler/policy/placement.h"
#include "scheduler/policy/view.h"

namespace sovren::policy {

/// One pool, as far as its room for waiting jobs goes.
struct PoolRoom {
  const Pool* pool = nullptr;
  std::vector<AllocationId> coming;  ///< nodes on their way
  int more = 0;                      ///< nodes that it may have besides
};

/// What waiting jobs ask of one pool.
struct PoolWish {
  int nodes = 0;                   ///< beyond those there and on their way, at most `more`
  bool is_short = false;           ///< a job finds no place because there may be no more
  std::optional<Instant> oldest;   ///< submission of the first that it could run
  std::int64_t pending = 0;        ///< how many such wait
  std::optional<JobId> too_long;   ///< could run there, but for its time limit
  std::optional<JobId> too_large;  ///< of its own partition, and would fit on no number of nodes
};
struct PoolDemand {
  std::vector<PoolWish> wishes;      ///< as the pools
  std::set<AllocationId> used;       ///< coming ones that a waiting job finds a place on
  std::set<std::string> nodes_used;  ///< likewise of nodes that are there
};

/// Places waiting jobs, first come first served, on what is free, then on nodes that are on their
/// way, then on new ones, each job on those of the first pool that can hold it.
///
/// Cost   bounded: a group of jobs that ask alike is left at the first that finds no place, and at
///        most placements_max are placed.
PoolDemand pool_demand(const View& view, const std::vector<PoolRoom>& pools,
                       const PolicyConfig& config, Instant now);

inline constexpr int placements_max = 5000;

}  // namespace sovren::policy
