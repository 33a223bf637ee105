// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace sovren::jobs {

/// Summed in order.
double mean_of(const std::vector<double>& values);

/// Without the largest 0.1 %, rounded down: the few pixels that a rare bright path has hit. Summed
/// from the smallest.
double trimmed_mean(std::vector<double> values);

}  // namespace sovren::jobs
