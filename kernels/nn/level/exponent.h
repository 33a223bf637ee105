// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/level/simd.h"

namespace sovren::nn::SOVREN_LEVEL {

/// 2^x for x <= 127, within 1.5 units in the last place, and 1 at 0; below -126 it is 2^-126.
/// Half the work of exp(): a softmax needs no other range, and takes its scores times log2(e).
/// 2^r, |r| <= 1/2, by the polynomial of degree 6 that is 1 at 0 and whose relative error is least.
inline F16 power_of_two(F16 x) {
  const F16 in = max(F16::all(-126), x);  // NaN stays
  const F16 n = round(in), r = in - n;
  constexpr float terms[] = {0.00133988750F, 0.00961843692F, 0.0555033237F,
                             0.240226477F,   0.693147182F,   1.0F};
  F16 p = F16::all(0.000153533620F);
  for (const float term : terms) p = fma(p, r, F16::all(term));
#if defined(__AVX512F__)
  return {_mm512_scalef_ps(p.v, n.v)};
#else
  return p * exp2_of_whole(n);
#endif
}

/// Natural logarithm of x >= 2^-126, within 2 units in the last place of the larger of it and 1.
/// x = 2^e m, m in [1/sqrt(2), sqrt(2)]; log m = 2 artanh((m - 1) / (m + 1)), by its series.
inline F16 log(F16 x) {
  float lane[16], exponents[16], mantissas[16];
  x.store(lane);
  for (int i = 0; i < 16; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, &lane[i], sizeof bits);
    const std::uint32_t of_root_two = 0x3FB504F3;
    const std::uint32_t mantissa = (bits & 0x007FFFFF) | 0x3F800000;
    const std::uint32_t up = mantissa > of_root_two ? 1 : 0;
    const std::uint32_t halved = mantissa - (up << 23);
    std::memcpy(&mantissas[i], &halved, sizeof halved);
    exponents[i] = static_cast<float>(static_cast<std::int32_t>((bits >> 23) + up) - 127);
  }
  const F16 e = F16::load(exponents), m = F16::load(mantissas), one = F16::all(1);
  const F16 s = (m - one) / (m + one), square = s * s;
  F16 p = F16::all(2.0F / 9);
  constexpr float terms[] = {2.0F / 7, 2.0F / 5, 2.0F / 3, 2.0F};
  for (const float term : terms) p = fma(p, square, F16::all(term));
  return fma(e, F16::all(0.693147182F), s * p);
}

}  // namespace sovren::nn::SOVREN_LEVEL
