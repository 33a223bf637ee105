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

/// A matrix to pack in panels: from[i * stride + k * k_stride] for k < depth, i < count. One of the
/// strides is 1.
struct PackSource {
  const float* from;
  std::int64_t stride, k_stride;
  std::int64_t depth, count;
};

/// i contiguous. Row after row, as the memory lies.
template <int width, int pitch, Rounding rounding>
void pack_rows(const PackSource& source, float* to, std::int64_t panel_stride) {
  for (std::int64_t k = 0; k < source.depth; ++k) {
    const float* row = source.from + k * source.k_stride;
    float* panel = to + k * pitch;
    for (std::int64_t first = 0; first < source.count; first += width) {
      for (int i = 0; i < width; i += 16) {
        const std::int64_t left = source.count - first - i;
        const F16 x = left >= 16 ? F16::load(row + first + i)
                                 : F16::load_some(row + first + i, lanes_of(left));
        rounded<rounding>(x).store(panel + i);
      }
      panel += panel_stride;
    }
  }
}

/// k contiguous.
template <int width, int pitch, Rounding rounding>
void pack_columns(const PackSource& source, float* to, std::int64_t panel_stride) {
  for (std::int64_t first = 0; first < source.count; first += width) {
    float* panel = to + first / width * panel_stride;
    for (std::int64_t k = 0; k < source.depth; k += 16) {
      const int deep = lanes_of(source.depth - k);
      for (int i = 0; i < width; i += 16) {
        const float* from = source.from + (first + i) * source.stride + k;
        const std::int64_t left = source.count - first - i;
        const int high = lanes_of(left < width - i ? left : width - i);
        F16 row[16];
        for (int r = 0; r < 16; ++r)
          row[r] = r < high ? rounded<rounding>(F16::load_some(from + r * source.stride, deep))
                            : F16::all(0);
        transpose(row);
        for (int q = 0; q < deep; ++q) row[q].store(panel + (k + q) * pitch + i);
      }
    }
  }
}

/// Element (k, i) to to[i / width * panel_stride + k * pitch + i % width]; the last panel is filled
/// up, with 0 or, where width is not a multiple of 16, with whatever comes next. Up to 15 floats
/// after a panel are written as well. A pitch of whole lines of the cache is by far the fastest.
template <int width, int pitch, Rounding rounding>
void pack_panels(const PackSource& source, float* to, std::int64_t panel_stride) {
  static_assert(width <= 16 || (width == pitch && width % 16 == 0),
                "what is written too much is written over");
  if (source.stride == 1)
    pack_rows<width, pitch, rounding>(source, to, panel_stride);
  else
    pack_columns<width, pitch, rounding>(source, to, panel_stride);
}

}  // namespace sovren::nn::SOVREN_LEVEL
