// SPDX-License-Identifier: Apache-2.0
#pragma once

// Eight floats at a time, for sources that are compiled once for each level
// (kernels/trace/CMakeLists.txt) with SOVREN_LEVEL set to plain or avx2. Everything is in
// sovren::trace::SOVREN_LEVEL, so that the linker never takes one level's function for another's.

#include "kernels/trace/lanes.h"
#if defined(__SSE2__)
#include <immintrin.h>
#endif
#ifndef SOVREN_LEVEL
#define SOVREN_LEVEL plain  // for tools that read a header alone
#endif

namespace sovren::trace::SOVREN_LEVEL {

/// Bit i: is lane i of a comparison true?
template <class I4>
inline unsigned bits_of(I4 is) {
#if defined(__SSE2__)
  return static_cast<unsigned>(_mm_movemask_ps(reinterpret_cast<__m128>(is)));
#else
  unsigned bits = 0;
  for (int lane = 0; lane < 4; ++lane) bits |= is[lane] != 0 ? 1U << lane : 0U;
  return bits;
#endif
}

#if defined(__AVX2__)

struct F8 {
  __m256 v;
  static F8 load(const float* from) { return {_mm256_load_ps(from)}; }
  static F8 all(float x) { return {_mm256_set1_ps(x)}; }
  void store(float* to) const { _mm256_store_ps(to, v); }
};
inline F8 min(F8 a, F8 b) {
  return {_mm256_min_ps(a.v, b.v)};
}
inline F8 max(F8 a, F8 b) {
  return {_mm256_max_ps(a.v, b.v)};
}
/// a b + c: how often it is rounded is open.
inline F8 times_plus(F8 a, F8 b, F8 c) {
  return {_mm256_fmadd_ps(a.v, b.v, c.v)};
}
inline unsigned where_at_most(F8 a, F8 b) {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)));
}

#else

struct F8 {
  F4 low, high;
  static F8 load(const float* from) { return {load4(from), load4(from + 4)}; }
  static F8 all(float x) { return {all4(x), all4(x)}; }
  void store(float* to) const {
    std::memcpy(to, &low, sizeof low);
    std::memcpy(to + 4, &high, sizeof high);
  }
};
inline F8 min(F8 a, F8 b) {
  return {trace::min(a.low, b.low), trace::min(a.high, b.high)};
}
inline F8 max(F8 a, F8 b) {
  return {trace::max(a.low, b.low), trace::max(a.high, b.high)};
}
inline F8 times_plus(F8 a, F8 b, F8 c) {
  return {a.low * b.low + c.low, a.high * b.high + c.high};
}
inline unsigned where_at_most(F8 a, F8 b) {
  return bits_of(a.low <= b.low) | bits_of(a.high <= b.high) << 4;
}

#endif

}  // namespace sovren::trace::SOVREN_LEVEL
