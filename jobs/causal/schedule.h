// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/port/state_io.h"

namespace sovren::jobs {

/// Who does what, when, in a causal analysis: a pure function of the data's shape, so that the
/// state after step s is the same for every number of ranks.
///
/// Model    a unit is one target variable; a step is the next `units_per_step` units in unit order,
/// done by whichever ranks own them. Two passes over all units: condition selection, then MCI.
/// Order    the radical inverse in base 2 (van der Corput 1935): any aligned run of 2^k units is
/// spread evenly over 0..N-1, hence over the ranks' slabs.
class Schedule {
 public:
  struct Shape {
    int variables = 1;
    int max_lag = 1;
  };
  explicit Schedule(const Shape& shape) : Schedule(shape.variables, units_per_step_of(shape)) {}

  /// With the step size that a checkpoint was made with.
  Schedule(int variables, int units_per_step);

  /// A power of two: about 1 s on one core, and at least 8 steps per pass.
  static int units_per_step_of(const Shape& shape);

  int units_per_step() const { return units_per_step_; }
  std::int64_t steps_per_pass() const { return steps_per_pass_; }
  std::int64_t steps_total() const { return 2 * steps_per_pass_; }

  /// Units of one step (0-based, over both passes), in unit order.
  std::span<const int> units(std::int64_t step) const;

  /// Units of a pass that are done after `step` completed steps of that pass.
  std::int64_t units_done(std::int64_t steps_of_pass) const;

 private:
  std::vector<int> order_;
  int units_per_step_ = 1;
  std::int64_t steps_per_pass_ = 0;
};

/// 0..count-1 in the order of their radical inverse in base 2: 0, 4, 2, 6, 1, 5, 3, 7 for 8.
std::vector<int> radical_inverse_order(int count);

/// Rows of a matrix of `rows` rows that belong to a rank: r * rows / ranks <= row < (r+1) * rows /
/// ranks.
Rows rows_of_rank(int rows, int rank, int ranks);

}  // namespace sovren::jobs
