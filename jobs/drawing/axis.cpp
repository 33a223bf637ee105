// SPDX-License-Identifier: Apache-2.0
#include "jobs/drawing/axis.h"

#include <algorithm>
#include <cmath>

namespace sovren::jobs {

void Axis::meet(double value) {
  if (!std::isfinite(value)) return;
  low = std::min(low, value);
  high = std::max(high, value);
}

void Axis::choose_ticks(int about, bool is_whole) {
  const double size = high > low ? high - low : std::max(std::abs(high), 1.0);
  tick = std::pow(10.0, std::floor(std::log10(size / about)));
  for (const double digit : {5.0, 2.0})
    if (size / (tick * digit) >= about) {
      tick *= digit;
      break;
    }
  if (is_whole) tick = std::max(1.0, std::round(tick));
}

}  // namespace sovren::jobs
