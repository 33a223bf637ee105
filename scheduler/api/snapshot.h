// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/base/result.h"
#include "core/model/state.h"
#include "scheduler/engine/engine.h"
#include "scheduler/engine/live.h"
#include "scheduler/policy/explain.h"

namespace sovren::api {

/// All that is shown of a job, copied from the engine so that another thread can put it into words.
struct JobSnapshot {
  Job job;
  policy::Reason reason;  ///< no code, unless it is PENDING
  std::optional<engine::Live> live;
};

JobSnapshot snapshot(const engine::Engine& engine, const Job& job);

/// Errors: not_found.
Result<const Job*> find_job(const engine::Engine& engine, JobId id);

}  // namespace sovren::api
