// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/peak.h"

#include <algorithm>
#include <ctime>
#include <limits>

#include "kernels/nn/level.h"
#include "kernels/nn/level/peak.h"

namespace sovren::nn {
namespace {

/// Of this thread alone: what others run beside it does not count.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

double measured_peak_flops() {
  constexpr std::int64_t rounds = 20'000;
  constexpr int tries = 10;
  const PeakKernels& kernels = kernels_here<PeakKernels>();
  double best_s = std::numeric_limits<double>::infinity();
  volatile float sink = 0;  // the sums must be made
  for (int attempt = 0; attempt < tries; ++attempt) {
    const double start_s = cpu_seconds();
    sink = kernels.multiply_adds(rounds);
    best_s = std::min(best_s, cpu_seconds() - start_s);
  }
  static_cast<void>(sink);
  return 2.0 * rounds * multiply_adds_in_round / best_s;
}

}  // namespace sovren::nn
