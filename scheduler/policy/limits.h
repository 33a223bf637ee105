// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/model/state.h"
#include "scheduler/policy/policy.h"

namespace sovren::policy {

/// What its time limit and unanswered requests ask of a running attempt.
struct LimitCheck {
  std::optional<Stop> stop;        ///< due now
  std::optional<Instant> wake_at;  ///< when the next one is due, if the attempt still runs then
};

LimitCheck check_limits(const Job& job, Instant now, const PolicyConfig& config);

/// How long a seal of this job is expected to take: as those before, or the prior.
double expected_seal_s(const Job& job, const PolicyConfig& config);

/// How long before its time limit an attempt is told to stop: max(2 seals + margin, 1 % of the
/// limit), at most half the limit. Slurm's --signal has 60 s whatever the job. Of a command its
/// signal_lead; one without a signal is told (SIGTERM) when the time is over.
double stop_lead_s(const Job& job, double time_limit_s, const PolicyConfig& config);

}  // namespace sovren::policy
