// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/level/simd.h"

namespace sovren::nn::SOVREN_LEVEL {

/// Lane j of row i becomes lane i of row j.
#if defined(__AVX512F__)
inline void transpose(F16 (&row)[16]) {
  __m512 pair[16], four[16];
  for (int i = 0; i < 16; i += 2) {
    pair[i] = _mm512_unpacklo_ps(row[i].v, row[i + 1].v);
    pair[i + 1] = _mm512_unpackhi_ps(row[i].v, row[i + 1].v);
  }
  const auto join = [](__m512 a, __m512 b, bool upper) {
    const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
    return _mm512_castpd_ps(upper ? _mm512_unpackhi_pd(x, y) : _mm512_unpacklo_pd(x, y));
  };
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 4; ++j)
      four[i + j] = join(pair[i + j / 2], pair[i + 2 + j / 2], j % 2 == 1);
  for (int j = 0; j < 4; ++j) {  // 128-bit quarters: a 4 x 4 transposition of them
    const __m512 low = _mm512_shuffle_f32x4(four[j], four[4 + j], 0x88);
    const __m512 odd = _mm512_shuffle_f32x4(four[j], four[4 + j], 0xdd);
    const __m512 low2 = _mm512_shuffle_f32x4(four[8 + j], four[12 + j], 0x88);
    const __m512 odd2 = _mm512_shuffle_f32x4(four[8 + j], four[12 + j], 0xdd);
    row[j].v = _mm512_shuffle_f32x4(low, low2, 0x88);
    row[8 + j].v = _mm512_shuffle_f32x4(low, low2, 0xdd);
    row[4 + j].v = _mm512_shuffle_f32x4(odd, odd2, 0x88);
    row[12 + j].v = _mm512_shuffle_f32x4(odd, odd2, 0xdd);
  }
}
#else
inline void transpose(F16 (&row)[16]) {
  float lanes[16][16], turned[16];
  for (int i = 0; i < 16; ++i) row[i].store(lanes[i]);
  for (int j = 0; j < 16; ++j) {
    for (int i = 0; i < 16; ++i) turned[i] = lanes[i][j];
    row[j] = F16::load(turned);
  }
}
#endif

inline int lanes_of(std::int64_t left) {
  return left < 16 ? static_cast<int>(left < 0 ? 0 : left) : 16;
}

/// To the nearest bfloat16, halves to even; still held as fp32. NaN stays NaN.
inline F16 round_to_bf16(F16 x) {
  float value[16];
  std::uint32_t bits[16];
  x.store(value);
  std::memcpy(bits, value, sizeof bits);
  for (std::uint32_t& b : bits) {
    const bool is_nan = (b & 0x7fffffffU) > 0x7f800000U;
    const std::uint32_t rounded = b + 0x7fffU + ((b >> 16) & 1U);
    b = (is_nan ? b | 0x400000U : rounded) & 0xffff0000U;
  }
  std::memcpy(value, bits, sizeof value);
  return F16::load(value);
}

enum class Rounding { none, bf16 };

template <Rounding rounding>
F16 rounded(F16 x) {
  if constexpr (rounding == Rounding::bf16) return round_to_bf16(x);
  return x;
}

/// to[k * width + i] = from[i * stride + k * k_stride] for k < depth, i < width; 0 for i >= count.
/// One of the strides is 1. May write up to 15 floats after the last.
template <int width, Rounding rounding>
void pack_panel(const float* from, std::int64_t stride, std::int64_t k_stride, std::int64_t depth,
                std::int64_t count, float* to) {
  static_assert(width <= 16 || width % 16 == 0, "what is written too much is written over");
  if (stride == 1) {
    const bool is_whole = count >= (width + 15) / 16 * 16;
    for (std::int64_t k = 0; k < depth; ++k)
      for (int i = 0; i < width; i += 16) {
        const float* source = from + k * k_stride + i;
        const F16 x = is_whole ? F16::load(source) : F16::load_some(source, lanes_of(count - i));
        rounded<rounding>(x).store(to + k * width + i);
      }
    return;
  }
  for (std::int64_t k = 0; k < depth; k += 16) {
    const int deep = lanes_of(depth - k);
    for (int i = 0; i < width; i += 16) {
      F16 row[16];
      for (int r = 0; r < 16; ++r) {
        const bool is_there = i + r < count && i + r < width;
        const float* source = from + (i + r) * stride + k;
        row[r] = is_there ? rounded<rounding>(F16::load_some(source, deep)) : F16::all(0);
      }
      transpose(row);
      for (int q = 0; q < deep; ++q) row[q].store(to + (k + q) * width + i);
    }
  }
}

}  // namespace sovren::nn::SOVREN_LEVEL
