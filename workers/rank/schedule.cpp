// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/schedule.h"

#include <limits>

#include "workers/rank/interval.h"

namespace sovren::workers {

CheckpointSchedule::CheckpointSchedule(const CheckpointInterval& interval, double mtbf_s,
                                       double now_s, std::int64_t step)
    : interval_(interval), mtbf_s_(mtbf_s), last_s_(now_s), last_step_(step) {}

bool CheckpointSchedule::is_due(double now_s, std::int64_t step) const {
  if (step == last_step_) return false;  // nothing new to save
  if (interval_.mode == CheckpointInterval::Mode::steps)
    return step - last_step_ >= interval_.steps;
  return now_s - last_s_ >= interval_s();
}

void CheckpointSchedule::sealed(double now_s, std::int64_t step, double cost_s) {
  last_s_ = now_s;
  last_step_ = step;
  // Half of the newest: one slow disk moment does not decide, a growing state is followed.
  cost_s_ = cost_s_ < 0 ? cost_s : (cost_s_ + cost_s) / 2;
}

double CheckpointSchedule::interval_s() const {
  switch (interval_.mode) {
    case CheckpointInterval::Mode::seconds:
      return interval_.seconds;
    case CheckpointInterval::Mode::automatic:
      return cost_s_ < 0 ? first_seal_s : young_daly(cost_s_, mtbf_s_);
    case CheckpointInterval::Mode::steps:
    case CheckpointInterval::Mode::off:
      break;
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace sovren::workers
