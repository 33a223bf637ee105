// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/model/job_spec.h"

namespace sovren::workers {

/// When the next checkpoint is due. Time is an argument; kept by rank 0, which tells the others.
///
/// Model    automatic: the first after first_seal_s of work, which measures what sealing costs;
///          from then on young_daly() of the cost, smoothed over the last few.
/// Units    now_s: seconds on any steady clock; step: completed steps.
class CheckpointSchedule {
 public:
  CheckpointSchedule(const CheckpointInterval& interval, double mtbf_s, double now_s,
                     std::int64_t step);

  bool is_due(double now_s, std::int64_t step) const;

  /// A set of this step was sealed; the work went on at now_s.
  void sealed(double now_s, std::int64_t step, double cost_s);

  /// Seconds of work between two sets; infinite when time does not decide.
  double interval_s() const;

 private:
  CheckpointInterval interval_;
  double mtbf_s_;
  double last_s_;
  std::int64_t last_step_;
  double cost_s_ = -1;  ///< smoothed; below 0: none measured yet
};

/// Early enough that a crash of a young job costs little and the user sees a set soon; late enough
/// that a job of a second writes none.
inline constexpr double first_seal_s = 2;

}  // namespace sovren::workers
