// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "scheduler/policy/line.h"
#include "scheduler/policy/schedule.h"

namespace sovren::policy {

/// Who runs when jobs that checkpoint may be stopped: feedback on how long a job has run, so that
/// no estimate is needed to let short ones through.
///
/// Tiers      first of all by QOS: one that may preempt others is above them.
/// Levels     a job that has run less than the quantum, all attempts together, is before one that
///            has run less than an hour, and that before the rest.
/// Within     least left / sqrt(1 + hours waited) first; left: time limit less what it has run. A
///            running job counts a quarter: it is not stopped for one that is hardly better.
/// Bound      who has waited 21 days goes first, whatever its level.
/// Pins       a started job runs for the quantum, and for five times what stopping it costs: for
///            seal and restore, as measured of that very job. A QOS that may preempt its own does
///            so even then.
/// Victims    as few as will do, the last in order first; those that are stopping already make room
///            before others are asked to.
/// Drain      for the first that fits nowhere, room is kept as pins and runs end; others use what
///            is left over, or what they give back in time.
/// Priority   multifactor points other than age halve what counts as left, 250 at a time.
/// Figures    simulated on four traces: mean bounded slowdown and mean wait below EASY's on each,
///            the slowdown by a factor of 23 to 130 (docs/adr/0005).
/// Source     multi-level feedback: Corbato et al. (1962); drain and aging: our own search.
Schedule schedule_by_feedback(const View& view, Gate& gate, const PolicyConfig& config,
                              const Uses& uses, Instant now);

/// The order in which waiting jobs are looked at then.
Scorer feedback_order(const View& view, const PolicyConfig& config, const Uses& uses, Instant now);

}  // namespace sovren::policy
