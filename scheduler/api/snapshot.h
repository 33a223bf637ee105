// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "core/base/result.h"
#include "core/model/state.h"
#include "scheduler/engine/engine.h"
#include "scheduler/engine/live.h"
#include "scheduler/policy/explain.h"

namespace sovren::api {

/// How many elements of an array are in which state.
struct ArrayCount {
  std::int64_t elements = 0;
  std::map<JobState, std::int64_t> states;
};

/// All that is shown of a job, copied from the engine so that another thread can put it into words.
struct JobSnapshot {
  Job job;
  policy::Reason reason;  ///< no code, unless it is PENDING
  std::optional<engine::Live> live;
  std::optional<ArrayCount> array;  ///< the job stands for all its array
};

JobSnapshot snapshot(const engine::Engine& engine, const Job& job);

/// Of an array that the engine still has.
ArrayCount count_elements(const engine::Engine& engine, JobId array);

/// Errors: not_found.
Result<const Job*> find_job(const engine::Engine& engine, JobId id);

}  // namespace sovren::api
