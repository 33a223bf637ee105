// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/interval.h"

#include <algorithm>
#include <cmath>

namespace sovren::workers {

double young_daly(double cost_s, double mtbf_s) {
  const double cost = std::max(0.0, cost_s);
  const double best = std::sqrt(2 * cost * std::max(0.0, mtbf_s));
  return std::max(cost, std::clamp(best, interval_s_min, interval_s_max));
}

}  // namespace sovren::workers
