// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sovren::workers {

CheckpointSchedule::CheckpointSchedule(const CheckpointInterval& interval, double mtbf_s,
                                       double recovery_s, double now_s, std::int64_t step)
    : interval_(interval),
      mtbf_s_(mtbf_s),
      recovery_s_(recovery_s),
      start_s_(now_s),
      last_s_(now_s),
      last_step_(step) {}

bool CheckpointSchedule::is_due(double now_s, std::int64_t step) const {
  if (step == last_step_) return false;  // nothing new to save
  if (interval_.mode == CheckpointInterval::Mode::steps)
    return step - last_step_ >= interval_.steps;
  return now_s - last_s_ >= interval_s(now_s);
}

void CheckpointSchedule::begun(double now_s, std::int64_t step) {
  last_s_ = now_s;
  last_step_ = step;
}

void CheckpointSchedule::sealed(const SealTimes& times) {
  // Half of the newest: one slow disk moment does not decide, a growing state is followed.
  const auto smooth = [&](double& mean, double newest) {
    mean = is_measured_ ? (mean + newest) / 2 : newest;
  };
  smooth(times_.blocked_s, times.blocked_s);
  smooth(times_.slowdown_s, times.slowdown_s);
  smooth(times_.seal_s, times.seal_s);
  is_measured_ = true;
}

double CheckpointSchedule::mtbf_s(double now_s) const {
  return mtbf_s_ + (now_s - start_s_);
}

// The slowdown is the difference of two measured times: it is kept with its sign until here, so
// that steps of unlike length do not add up to a cost.
double CheckpointSchedule::cost_s() const {
  return times_.blocked_s + std::max(0.0, times_.slowdown_s);
}

double CheckpointSchedule::interval_s(double now_s) const {
  switch (interval_.mode) {
    case CheckpointInterval::Mode::seconds:
      return interval_.seconds;
    case CheckpointInterval::Mode::automatic:
      if (!is_measured_) return first_seal_s;
      return std::max(times_.seal_s, std::clamp(daly_interval_s(cost_s(), mtbf_s(now_s)),
                                                interval_s_min, interval_s_max));
    case CheckpointInterval::Mode::steps:
    case CheckpointInterval::Mode::off:
      break;
  }
  return std::numeric_limits<double>::infinity();
}

CheckpointPlan CheckpointSchedule::plan(double now_s) const {
  const double interval = interval_s(now_s);
  if (!std::isfinite(interval) || !is_measured_) return {.mtbf_s = mtbf_s(now_s)};
  // A failure finds the newest sealed set: what was done while one was being written is lost too.
  return {.interval_s = interval,
          .mtbf_s = mtbf_s(now_s),
          .expected_overhead =
              daly_overhead(interval, cost_s(), recovery_s_ + times_.seal_s, mtbf_s(now_s))};
}

}  // namespace sovren::workers
