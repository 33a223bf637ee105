// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/model/checkpoint_interval.h"
#include "core/model/job_spec.h"

namespace sovren::workers {

/// What one set took.
struct SealTimes {
  double blocked_s = 0;   ///< the job stood still
  double slowdown_s = 0;  ///< the steps beside the writing took longer than others; signed
  double seal_s = 0;      ///< from the copy of the state until sealed
};

/// When the next checkpoint is due. Time is an argument; kept by rank 0, which tells the others.
///
/// Model    automatic: the first after first_seal_s of work, which measures what a set costs; from
///          then on daly_interval_s() of that, smoothed over the last few, and of the mean time
///          between failures. That grows by the time that this attempt has already gone well.
///          What a set costs is how long the job stood still and how much slower its steps were
///          beside the writing: that takes cores, memory and disk from them.
///          Intervals run from copy to copy. They are never shorter than a set takes to seal, so
///          that none is due while another is being written, unless a fixed interval wants it.
/// Units    now_s: seconds on any steady clock; step: completed steps.
class CheckpointSchedule {
 public:
  /// mtbf_s: as it is expected at now_s. recovery_s: from a failure until the work goes on.
  CheckpointSchedule(const CheckpointInterval& interval, double mtbf_s, double recovery_s,
                     double now_s, std::int64_t step);

  bool is_due(double now_s, std::int64_t step) const;

  /// The state of this step is copied, and the work goes on; or the set that was due is skipped.
  void begun(double now_s, std::int64_t step);
  /// The set that was begun is sealed.
  void sealed(const SealTimes& times);

  /// Work between two sets, in seconds; infinite when time does not decide.
  double interval_s(double now_s) const;

  /// For people.
  CheckpointPlan plan(double now_s) const;

 private:
  double mtbf_s(double now_s) const;
  double cost_s() const;

  CheckpointInterval interval_;
  double mtbf_s_;
  double recovery_s_;
  double start_s_;
  double last_s_;
  std::int64_t last_step_;
  bool is_measured_ = false;
  SealTimes times_;  ///< smoothed
};

/// Early enough that a crash of a young job costs little and the user sees a set soon; late enough
/// that a job of a second writes none.
inline constexpr double first_seal_s = 2;
/// Of the automatic interval. What costs nothing is saved each second; nobody loses more than an
/// hour.
inline constexpr double interval_s_min = 1;
inline constexpr double interval_s_max = 3600;

}  // namespace sovren::workers
