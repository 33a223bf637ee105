// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/model/site.h"
#include "core/model/state.h"
#include "core/text/json.h"
#include "scheduler/policy/pool.h"

// What the API shows of pools, as JSON. Only .cpp files include this, as core/text/json.h.

namespace sovren::api {

/// What GET /v1/pools is about, copied from the engine.
struct PoolSnapshot {
  std::vector<Pool> pools;
  policy::PoolPlan plan;
  std::map<AllocationId, Allocation> allocations;
  std::map<AllocationId, std::string> nodes;  ///< those that are up
  std::map<std::string, std::string> notes;
  EventSeq seq;
};

text::Json pools_view(const PoolSnapshot& shot);
/// What the plan would do: {"action": "ask", "pool", "nodes", "why"}, ...
text::Json actions_view(const PoolSnapshot& shot);

}  // namespace sovren::api
