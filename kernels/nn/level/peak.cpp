// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/peak.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/simd.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

// Twelve independent chains: more than latency x throughput of any x86-64 core so far.
float multiply_adds(std::int64_t rounds) {
  constexpr int chains = multiply_adds_in_round / 16;
  F16 sums[chains];
  for (int chain = 0; chain < chains; ++chain) sums[chain] = F16::all(static_cast<float>(chain));
  const F16 factor = F16::all(0.999F), term = F16::all(0.001F);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int chain = 0; chain < chains; ++chain) sums[chain] = fma(sums[chain], factor, term);
  }
  F16 total = F16::all(0);
  for (int chain = 0; chain < chains; ++chain) total = total + sums[chain];
  return sum(total);
}

constexpr PeakKernels kernels{multiply_adds};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const PeakKernels& kernels_of<PeakKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
