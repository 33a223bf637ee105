// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/level/simd.h"

namespace sovren::nn::SOVREN_LEVEL {

/// Lane j of row i becomes lane i of row j.
inline void transpose(F16 (&rows)[16]) {
#if defined(__AVX512F__)
  __m512 a[16], b[16];
  for (int i = 0; i < 16; i += 2) {  // pairs of rows: 2 x 2
    a[i] = _mm512_unpacklo_ps(rows[i].v, rows[i + 1].v);
    a[i + 1] = _mm512_unpackhi_ps(rows[i].v, rows[i + 1].v);
  }
  for (int i = 0; i < 16; i += 4) {  // pairs of pairs: 4 x 4 in each quarter
    b[i] = _mm512_shuffle_ps(a[i], a[i + 2], 0x44);
    b[i + 1] = _mm512_shuffle_ps(a[i], a[i + 2], 0xEE);
    b[i + 2] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0x44);
    b[i + 3] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0xEE);
  }
  for (int i = 0; i < 4; ++i) {  // quarters of 4 x 4, themselves transposed
    const __m512 even_low = _mm512_shuffle_f32x4(b[i], b[i + 4], 0x88);
    const __m512 odd_low = _mm512_shuffle_f32x4(b[i], b[i + 4], 0xDD);
    const __m512 even_high = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0x88);
    const __m512 odd_high = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0xDD);
    rows[i].v = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
    rows[i + 4].v = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
    rows[i + 8].v = _mm512_shuffle_f32x4(even_low, even_high, 0xDD);
    rows[i + 12].v = _mm512_shuffle_f32x4(odd_low, odd_high, 0xDD);
  }
#else
  float from[16][16], to[16][16];
  for (int i = 0; i < 16; ++i) rows[i].store(from[i]);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j) to[j][i] = from[i][j];
  for (int i = 0; i < 16; ++i) rows[i] = F16::load(to[i]);
#endif
}

/// Lane i: the sum of row i's lanes, by halves as sum() has it. Destroys rows.
inline F16 row_sums(F16 (&rows)[16]) {
  transpose(rows);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) rows[i] = rows[i] + rows[i + half];
  return rows[0];
}

/// The lanes that are in 0 .. left.
inline F16 load_left(const float* from, std::int64_t left) {
  return left >= 16 ? F16::load(from) : F16::load_some(from, static_cast<int>(left));
}
inline void store_left(F16 a, float* to, std::int64_t left) {
  if (left >= 16)
    a.store(to);
  else
    a.store_some(to, static_cast<int>(left));
}

/// 0, 1, ..., 15.
inline F16 lane_numbers() {
  constexpr float numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return F16::load(numbers);
}

}  // namespace sovren::nn::SOVREN_LEVEL
