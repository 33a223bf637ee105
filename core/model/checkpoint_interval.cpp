// SPDX-License-Identifier: Apache-2.0
#include "core/model/checkpoint_interval.h"

#include <algorithm>
#include <cmath>

namespace sovren {

double daly_interval_s(double cost_s, double mtbf_s) {
  const double cost = std::max(0.0, cost_s), mtbf = std::max(0.0, mtbf_s);
  if (cost >= 2 * mtbf) return mtbf;
  const double ratio = cost / (2 * mtbf);
  return std::sqrt(2 * cost * mtbf) * (1 + std::sqrt(ratio) / 3 + ratio / 9) - cost;
}

double daly_overhead(double interval_s, double cost_s, double recovery_s, double mtbf_s) {
  if (!(interval_s > 0) || !(mtbf_s > 0)) return 1;
  const double tries = std::expm1((interval_s + cost_s) / mtbf_s) * std::exp(recovery_s / mtbf_s);
  return std::clamp(1 - interval_s / (mtbf_s * tries), 0.0, 1.0);
}

}  // namespace sovren
