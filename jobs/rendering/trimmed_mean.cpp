// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/trimmed_mean.h"

#include <algorithm>

namespace sovren::jobs {

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double trimmed_mean(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  values.resize(values.size() - values.size() / 1000);
  return mean_of(values);
}

}  // namespace sovren::jobs
