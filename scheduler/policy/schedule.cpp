// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/schedule.h"

#include <algorithm>

#include "scheduler/policy/preemption.h"

namespace sovren::policy {
namespace {

constexpr double look_again_s = 60;  ///< where time alone changes the order of those that wait

void wake_by(Schedule& schedule, std::optional<Instant> at) {
  if (at && (!schedule.wake_at || *at < *schedule.wake_at)) schedule.wake_at = at;
}

}  // namespace

Schedule make_schedule(const View& view, const PolicyConfig& config, const Uses& uses,
                       Instant now) {
  Gate gate(view, config, now);
  Schedule schedule;
  if (config.preemption.is_on) {
    schedule = schedule_by_feedback(view, gate, config, uses, now);
  } else {
    Starts starts = config.backfill == Backfill::conservative
                        ? start_conservative(view, gate, config, uses, now)
                        : start_easy(view, gate, config, uses, now);
    schedule.choices = std::move(starts.choices);
    schedule.promise = std::move(starts.promise);
  }
  const bool does_any_wait = view.waiting_count() > schedule.choices.size();
  if (does_any_wait) wake_by(schedule, gate.next_change());
  if (does_any_wait && !is_static(config.order)) wake_by(schedule, now + look_again_s);
  return schedule;
}

}  // namespace sovren::policy
