// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/level/simd.h"

namespace sovren::nn::SOVREN_LEVEL {

// 0.5 x (1 + tanh(u)) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3): one exponential, and no
// difference of near numbers. Source: Hendrycks, Gimpel 2016, section 2.
constexpr float gelu_linear = 1.5957691216F;  // 2 sqrt(2/pi)
constexpr float gelu_cubic = 0.0713548163F;   // 2 sqrt(2/pi) 0.044715
constexpr float gelu_reach = 10.0F;           // beyond, sigmoid(2u) is 0 or 1 in fp32

/// e^-2u, for x in [-gelu_reach, gelu_reach].
inline F16 gelu_exponential(F16 x) {
  const F16 factor = fma(x * x, F16::all(-gelu_cubic), F16::all(-gelu_linear));
  return exp(x * factor);
}

/// x within +-gelu_reach; NaN stays NaN.
inline F16 within_gelu_reach(F16 x) {
  const F16 reach = F16::all(gelu_reach), opposite = F16::all(-gelu_reach);
  return where_less(x, opposite, opposite, where_less(reach, x, reach, x));
}

/// Within 2e-7 x max(1, |gelu(x)|). Minus infinity gives NaN, as the formula does.
inline F16 gelu(F16 x) {
  const F16 one = F16::all(1);
  const F16 sigmoid = one / (one + gelu_exponential(within_gelu_reach(x)));
  return x * where_less(x, F16::all(-gelu_reach), F16::all(0), sigmoid);
}

/// The derivative of gelu, within 3e-7: s + x 2u' s (1 - s), with 1 - s = e^-2u s.
inline F16 gelu_slope(F16 x) {
  const F16 in = within_gelu_reach(x), one = F16::all(1);
  const F16 e = gelu_exponential(in);
  const F16 sigmoid = one / (one + e);
  const F16 inner = fma(in * in, F16::all(3 * gelu_cubic), F16::all(gelu_linear));
  return fma(in * inner, e * sigmoid * sigmoid, sigmoid);
}

}  // namespace sovren::nn::SOVREN_LEVEL
