// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren::workers {

/// How much longer the steps of a job take while a set is written beside them.
///
/// Model    Compared with the mean of the newest steps without writing, about `window` of them.
///          That is a rough measure where steps are unlike, and can be below 0: take it as one
///          sample of many, with its sign, and never for more than the writing itself took.
class Slowdown {
 public:
  /// A step, with its wait for the other ranks, took so long.
  void stepped(double step_s, bool is_writing) {
    if (is_writing) {
      beside_s_ += step_s;
      beside_ += 1;
    } else {
      if (alone_ < window) alone_ += 1;
      alone_s_ += (step_s - alone_s_) / alone_;
    }
  }

  /// The writing has ended: the seconds by which its steps took longer than so many others, and at
  /// most limit_s more or less. 0 where there was nothing to compare.
  double take(double limit_s) {
    const double longer_s = alone_ > 0 ? beside_s_ - beside_ * alone_s_ : 0;
    beside_s_ = beside_ = 0;
    return longer_s > limit_s ? limit_s : longer_s < -limit_s ? -limit_s : longer_s;
  }

  static constexpr double window = 16;

 private:
  double alone_s_ = 0;  ///< mean
  double alone_ = 0;    ///< steps that it is of
  double beside_s_ = 0;
  double beside_ = 0;
};

}  // namespace sovren::workers
