// SPDX-License-Identifier: Apache-2.0
#pragma once

// Sixteen floats at a time. Compiled once for each level (kernels/nn/CMakeLists.txt), with
// SOVREN_LEVEL set to plain, avx2 or avx512: everything in sovren::nn::SOVREN_LEVEL, so that the
// linker never takes one level's function for another's. For the same reason sources of this folder
// use no inline functions that the rest of the program shares: no containers, no std::function.

#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#ifndef SOVREN_LEVEL
#define SOVREN_LEVEL plain  // for tools that read a header alone
#endif

namespace sovren::nn::SOVREN_LEVEL {

#if defined(__AVX512F__)

struct F16 {
  __m512 v;
  static F16 load(const float* from) { return {_mm512_loadu_ps(from)}; }
  static F16 all(float x) { return {_mm512_set1_ps(x)}; }
  /// The first `count` lanes; the rest is 0.
  static F16 load_some(const float* from, int count) {
    return {_mm512_maskz_loadu_ps(mask(count), from)};
  }
  void store(float* to) const { _mm512_storeu_ps(to, v); }
  void store_some(float* to, int count) const { _mm512_mask_storeu_ps(to, mask(count), v); }
  static __mmask16 mask(int count) { return static_cast<__mmask16>((1U << count) - 1); }
};
inline F16 operator+(F16 a, F16 b) {
  return {_mm512_add_ps(a.v, b.v)};
}
inline F16 operator-(F16 a, F16 b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
inline F16 operator*(F16 a, F16 b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
inline F16 operator/(F16 a, F16 b) {
  return {_mm512_div_ps(a.v, b.v)};
}
/// a b + c, rounded once.
inline F16 fma(F16 a, F16 b, F16 c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
/// b where a is NaN.
inline F16 max(F16 a, F16 b) {
  return {_mm512_max_ps(a.v, b.v)};
}
inline F16 min(F16 a, F16 b) {
  return {_mm512_min_ps(a.v, b.v)};
}
inline F16 sqrt(F16 a) {
  return {_mm512_sqrt_ps(a.v)};
}
/// To the nearest whole number, halves to even.
inline F16 round(F16 a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
/// 2^n for whole n in [-126, 127].
inline F16 exp2_of_whole(F16 n) {
  const __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23))};
}
/// Where x < limit: a, else b.
inline F16 where_less(F16 x, F16 limit, F16 a, F16 b) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(x.v, limit.v, _CMP_LT_OQ), b.v, a.v)};
}

#elif defined(__AVX2__)

struct F16 {
  __m256 low, high;
  static F16 load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static F16 all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F16 load_some(const float* from, int count) {
    float lanes[16] = {};
    std::memcpy(lanes, from, static_cast<std::size_t>(count) * sizeof(float));
    return load(lanes);
  }
  void store(float* to) const {
    _mm256_storeu_ps(to, low);
    _mm256_storeu_ps(to + 8, high);
  }
  void store_some(float* to, int count) const {
    float lanes[16];
    store(lanes);
    std::memcpy(to, lanes, static_cast<std::size_t>(count) * sizeof(float));
  }
};
inline F16 operator+(F16 a, F16 b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
inline F16 operator-(F16 a, F16 b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
inline F16 operator*(F16 a, F16 b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
inline F16 operator/(F16 a, F16 b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
inline F16 fma(F16 a, F16 b, F16 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline F16 max(F16 a, F16 b) {
  return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
inline F16 min(F16 a, F16 b) {
  return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
inline F16 sqrt(F16 a) {
  return {_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)};
}
inline F16 round(F16 a) {
  constexpr int mode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(a.low, mode), _mm256_round_ps(a.high, mode)};
}
inline __m256 exp2_of_whole_half(__m256 n) {
  const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}
inline F16 exp2_of_whole(F16 n) {
  return {exp2_of_whole_half(n.low), exp2_of_whole_half(n.high)};
}
inline F16 where_less(F16 x, F16 limit, F16 a, F16 b) {
  return {_mm256_blendv_ps(b.low, a.low, _mm256_cmp_ps(x.low, limit.low, _CMP_LT_OQ)),
          _mm256_blendv_ps(b.high, a.high, _mm256_cmp_ps(x.high, limit.high, _CMP_LT_OQ))};
}

#else

struct F16 {
  float lane[16];
  static F16 load(const float* from) {
    F16 a;
    std::memcpy(a.lane, from, sizeof a.lane);
    return a;
  }
  static F16 all(float x) {
    F16 a;
    for (float& l : a.lane) l = x;
    return a;
  }
  static F16 load_some(const float* from, int count) {
    F16 a{};
    std::memcpy(a.lane, from, static_cast<std::size_t>(count) * sizeof(float));
    return a;
  }
  void store(float* to) const { std::memcpy(to, lane, sizeof lane); }
  void store_some(float* to, int count) const {
    std::memcpy(to, lane, static_cast<std::size_t>(count) * sizeof(float));
  }
};
template <class Op>
F16 lanes(const Op& op) {
  F16 a;
  for (int i = 0; i < 16; ++i) a.lane[i] = op(i);
  return a;
}
inline F16 operator+(F16 a, F16 b) {
  return lanes([&](int i) { return a.lane[i] + b.lane[i]; });
}
inline F16 operator-(F16 a, F16 b) {
  return lanes([&](int i) { return a.lane[i] - b.lane[i]; });
}
inline F16 operator*(F16 a, F16 b) {
  return lanes([&](int i) { return a.lane[i] * b.lane[i]; });
}
inline F16 operator/(F16 a, F16 b) {
  return lanes([&](int i) { return a.lane[i] / b.lane[i]; });
}
inline F16 fma(F16 a, F16 b, F16 c) {
  return lanes([&](int i) { return __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]); });
}
inline F16 max(F16 a, F16 b) {
  return lanes([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline F16 min(F16 a, F16 b) {
  return lanes([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline F16 sqrt(F16 a) {
  return lanes([&](int i) { return __builtin_sqrtf(a.lane[i]); });
}
inline F16 round(F16 a) {
  return lanes([&](int i) { return __builtin_nearbyintf(a.lane[i]); });
}
inline F16 exp2_of_whole(F16 n) {
  return lanes([&](int i) {
    const auto bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(n.lane[i]) + 127) << 23;
    float power;
    std::memcpy(&power, &bits, sizeof power);
    return power;
  });
}
inline F16 where_less(F16 x, F16 limit, F16 a, F16 b) {
  return lanes([&](int i) { return x.lane[i] < limit.lane[i] ? a.lane[i] : b.lane[i]; });
}

#endif

/// ((0+8)+(4+12)) + ...: by halves, the same order at every level.
inline float sum(F16 a) {
  float lane[16];
  a.store(lane);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
  return lane[0];
}
inline float largest(F16 a) {
  float lane[16];
  a.store(lane);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
  return lane[0];
}

/// e^x within 2 units in the last place; below -87.3 it is 0, above 88.3 about 2e38. NaN stays NaN.
/// x = n ln 2 + r, |r| <= ln 2 / 2; e^r by its Taylor series up to r^7.
inline F16 exp(F16 x) {
  const F16 low = F16::all(-87.33654F), high = F16::all(88.37626F);
  const F16 in = where_less(high, x, high, where_less(x, low, low, x));
  const F16 n = round(in * F16::all(1.44269504F));
  F16 r = fma(n, F16::all(-0.693359375F), in);
  r = fma(n, F16::all(2.12194440e-4F), r);
  constexpr float terms[] = {1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F};
  F16 p = F16::all(1.0F / 5040);
  for (const float term : terms) p = fma(p, r, F16::all(term));
  return where_less(x, low, F16::all(0), p * exp2_of_whole(n));
}

}  // namespace sovren::nn::SOVREN_LEVEL
