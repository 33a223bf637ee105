// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <variant>

#include "core/base/units.h"
#include "core/model/event.h"
#include "core/model/state.h"
#include "core/port/launcher.h"
#include "scheduler/engine/live.h"

namespace sovren::engine {

/// What an attempt's time limit means for its job. requeue: the next attempt goes on (a queue).
/// end: the job ends as TIMEOUT (an embedded run, whose user starts it again).
enum class OnTimeLimit { requeue, end };

inline constexpr double backoff_s_max = 3600;

/// How an attempt ended, and what follows for its job. docs/errors.md has it as a table.
struct Verdict {
  AttemptEnded ended;
  std::variant<JobRequeued, JobEnded> next;
};

/// The attempt's processes have exited. job: as it was while the attempt ran. Pure.
Verdict judge_exit(const Job& job, const AttemptExited& exited, const Live& live, Instant now,
                   OnTimeLimit on_time_limit);

/// The scheduler or the node went away under the attempt. Pure.
Verdict judge_loss(const Job& job, Instant now, OnTimeLimit on_time_limit);

/// Wait before retry number `failures` (from 1): backoff x 2^(failures - 1), at most an hour.
double backoff_after_s(const RetryPolicy& retry, int failures);

}  // namespace sovren::engine
