// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <ctime>

#include "kernels/nn/peak.h"

namespace sovren::bench {

/// CPU seconds of this thread.
inline double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The least CPU seconds of one call, in at least `seconds` of calls.
template <class Call>
double least_s(double seconds, const Call& call) {
  double least = 1e30, spent = 0;
  for (int round = 0; round < 5 || spent < seconds; ++round) {
    const double begin = cpu_s();
    call();
    const double took = cpu_s() - begin;
    least = std::min(least, took);
    spent += took;
  }
  return least;
}

/// GFLOP/s of multiply-adds that touch no memory, on one core at cpu_level().
inline double register_peak() {
  return 1e-9 * nn::measured_peak_flops();
}

}  // namespace sovren::bench
