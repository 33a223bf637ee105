// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/policy/index.h"
#include "scheduler/policy/multifactor.h"

namespace sovren::policy {

/// Why a job waits. code: Slurm's (Resources, Priority, Dependency, BeginTime, JobHeldUser, ...).
struct Reason {
  std::string code;
  std::string text;
};

/// In a few steps; for listings.
Reason reason_of(const State& state, const Index& index, JobId job, Instant now,
                 const PolicyConfig& config);

/// All there is to say about a waiting job.
struct Explanation {
  static constexpr int position_max = 10'000;  ///< counted no further

  Reason reason;
  std::vector<std::pair<std::string, std::string>> nodes;  ///< each node that will not do, and why
  int nodes_fitting = 0;                                   ///< that have room for a part of it
  int position = 0;          ///< from 1 among those that may start; 0: it may not yet
  std::vector<JobId> ahead;  ///< those just before it, nearest first, at most 10
  /// If those ahead run as long as they asked for and nobody makes room; none: too far back, or a
  /// limit is in the way.
  std::optional<Instant> estimated_start;
  Priority priority;
  std::vector<std::string> advice;  ///< what to change
};
Explanation explain(const State& state, const Index& index, JobId job, Instant now,
                    const PolicyConfig& config);

}  // namespace sovren::policy
