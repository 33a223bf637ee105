// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sovren::nn {

/// On one thread; see peak.h.
struct PeakKernels {
  /// Does `rounds` rounds of multiply-adds in registers, and returns their sum so that they are
  /// done. One round: multiply_adds_in_round of single numbers.
  float (*multiply_adds)(std::int64_t rounds);
};
inline constexpr int multiply_adds_in_round = 12 * 16;

}  // namespace sovren::nn
