// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

namespace sovren::jobs {

/// Range of the data, and the distance of ticks at round numbers: 1, 2 or 5 times a power of ten.
struct Axis {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double tick = 1;

  /// Widens the range to a value; one that is not finite is passed over.
  void meet(double value);
  bool is_empty() const { return low > high; }
  /// about: how many ticks there should be, at least; is_whole: only at whole numbers.
  void choose_ticks(int about, bool is_whole);
};

}  // namespace sovren::jobs
