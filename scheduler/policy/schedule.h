// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "scheduler/policy/starts.h"

namespace sovren::policy {

/// Who starts, who makes room, and when time alone may change that.
struct Schedule {
  std::vector<Choice> choices;
  std::vector<Choice> claims;  ///< start once the preempted have made room
  std::vector<JobId> preempted;
  std::optional<Promise> promise;
  std::optional<Instant> wake_at;
};

/// The heart of the policy: what the daemon, the embedded run and the simulator have in common.
Schedule make_schedule(const View& view, const PolicyConfig& config, const Uses& uses, Instant now);

}  // namespace sovren::policy
