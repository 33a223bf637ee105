// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#if defined(__SSE2__) && !defined(__CUDACC__)
#include <emmintrin.h>
#endif

#include "kernels/trace/vec.h"

namespace sovren::trace {

// The numbers that a path is made of: Owen-scrambled Sobol points, two dimensions at a time, each
// pair with an order of its own. They follow from the key alone: there is no state to keep, to
// send or to restart from.
//
// Laws     the first 2^n samples of any pair are a (0, 2)-net: each of the 2^n boxes of any one
//          shape that halving makes holds one of them. Every number alone is uniform in [0, 1),
//          a multiple of 2^-24. Pairs and pixels are independent.
// Source   Burley, Practical Hash-based Owen Scrambling (JCGT 9.4, 2020). In place of its hash
//          (four multiplications by constants, whose error of a smooth function is 0.2 to 2.7 times
//          that of true Owen scrambling) we take three, one of them by the seed, which keeps
//          within some 10 % of it from 4 to 8192 samples.

struct SampleKey {
  std::uint32_t seed = 0, pixel = 0, sample = 0;
};

struct CameraNumbers {
  Vec2 filter, lens;
  float time = 0;
};

struct BounceNumbers {
  float lobe = 0;
  Vec2 bsdf;
  float light = 0;
  Vec2 light_point;
  float roulette = 0;
  float extra = 0;
};

/// Four pairs of numbers: (x[i], y[i]).
struct SobolPairs {
  float x[4], y[4];
};

namespace sobol {

inline constexpr std::uint32_t first_factor = 0x3D20ADEA, last_factor = 0x05526C56;

/// 64 well mixed bits of what a block of numbers is for.
SOVREN_TRACE std::uint64_t mixed(const SampleKey& key, std::uint32_t block) {
  std::uint64_t z = (static_cast<std::uint64_t>(key.seed) << 32 | key.pixel) * 0x9E3779B97F4A7C15;
  z ^= z >> 32;
  z = (z + block * 0xD6E8FEB86659FD93) * 0xBF58476D1CE4E5B9;
  return z ^ z >> 32;
}

SOVREN_TRACE std::uint32_t reversed(std::uint32_t x) {
#ifdef __CUDA_ARCH__
  return __brev(x);
#else
  x = x << 16 | x >> 16;
  x = (x << 8 & 0xFF00FF00) | (x >> 8 & 0x00FF00FF);
  x = (x << 4 & 0xF0F0F0F0) | (x >> 4 & 0x0F0F0F0F);
  x = (x << 2 & 0xCCCCCCCC) | (x >> 2 & 0x33333333);
  return (x << 1 & 0xAAAAAAAA) | (x >> 1 & 0x55555555);
#endif
}
/// The index of a point of Sobol's second dimension, in reversed order of its bits: rows of
/// Pascal's triangle modulo 2.
SOVREN_TRACE std::uint32_t second_dimension(std::uint32_t x) {
  x ^= x >> 1 & 0x55555555;
  x ^= x >> 2 & 0x33333333;
  x ^= x >> 4 & 0x0F0F0F0F;
  x ^= x >> 8 & 0x00FF00FF;
  return x ^ x >> 16;
}

/// Owen's scramble number `lane` of bits in reversed order: whether one is flipped is decided by
/// those below it. x comes multiplied already: x ^ x first_factor.
SOVREN_TRACE std::uint32_t scrambled(std::uint32_t x, std::uint64_t mixed, std::uint32_t lane) {
  const std::uint32_t a = static_cast<std::uint32_t>(mixed) ^ (lane + 1) * 0x9E3779B9;
  const std::uint32_t b = static_cast<std::uint32_t>(mixed >> 32) ^ (lane + 1) * 0xC2B2AE35;
  const std::uint64_t product = static_cast<std::uint64_t>(a) * b;
  const auto high = static_cast<std::uint32_t>(product >> 32);
  x = (x + (static_cast<std::uint32_t>(product) ^ high)) * (high | 1);
  return x ^ x * last_factor;
}

SOVREN_TRACE float unit_number(std::uint32_t reversed_bits) {
  return static_cast<float>(reversed(reversed_bits) >> 8) * 0x1p-24F;
}

SOVREN_TRACE SobolPairs pairs_one_by_one(const SampleKey& key, std::uint32_t block) {
  const std::uint64_t z = mixed(key, block);
  std::uint32_t sample = reversed(key.sample);
  sample ^= sample * first_factor;
  SobolPairs pairs;
  SOVREN_UNROLL
  for (std::uint32_t i = 0; i < 4; ++i) {
    std::uint32_t x = reversed(scrambled(sample, z, i));
    std::uint32_t y = second_dimension(x);
    x ^= x * first_factor;
    y ^= y * first_factor;
    pairs.x[i] = unit_number(scrambled(x, z, 4 + i));
    pairs.y[i] = unit_number(scrambled(y, z, 8 + i));
  }
  return pairs;
}

#if defined(__SSE2__) && !defined(__CUDACC__)
// The same side by side. SSE2 multiplies the even ones of four numbers; so what is multiplied
// lies in halves: even ones, and odd ones moved down.

SOVREN_TRACE __m128i constants(std::uint32_t low, std::uint32_t high, std::uint32_t factor) {
  return _mm_set_epi64x(static_cast<long long>((high + 1) * factor),
                        static_cast<long long>((low + 1) * factor));
}
SOVREN_TRACE __m128i all(std::uint32_t x) {
  return _mm_set1_epi32(static_cast<int>(x));
}
SOVREN_TRACE __m128i times_plus_self(__m128i x, std::uint32_t factor) {
  return _mm_xor_si128(x, _mm_mul_epu32(x, all(factor)));
}
/// Two of them, in the even places; what is in the odd ones does not matter.
SOVREN_TRACE __m128i scrambled(__m128i x, __m128i low, __m128i high, std::uint32_t lane_0,
                               std::uint32_t lane_1) {
  const __m128i product = _mm_mul_epu32(_mm_xor_si128(low, constants(lane_0, lane_1, 0x9E3779B9)),
                                        _mm_xor_si128(high, constants(lane_0, lane_1, 0xC2B2AE35)));
  const __m128i top = _mm_srli_epi64(product, 32);
  x = _mm_mul_epu32(_mm_add_epi32(x, _mm_xor_si128(product, top)), _mm_or_si128(top, all(1)));
  return times_plus_self(x, last_factor);
}
SOVREN_TRACE __m128i evens_of(__m128i a, __m128i b) {
  return _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), 0x88));
}
template <int shift>
SOVREN_TRACE __m128i swapped(__m128i x, std::uint32_t low_mask) {
  const __m128i mask = all(low_mask);
  return _mm_or_si128(_mm_slli_epi32(_mm_and_si128(x, mask), shift),
                      _mm_and_si128(_mm_srli_epi32(x, shift), mask));
}
SOVREN_TRACE __m128i reversed(__m128i x) {
  x = _mm_shufflehi_epi16(_mm_shufflelo_epi16(x, 0xB1), 0xB1);
  x = _mm_or_si128(_mm_slli_epi16(x, 8), _mm_srli_epi16(x, 8));
  x = swapped<4>(x, 0x0F0F0F0F);
  x = swapped<2>(x, 0x33333333);
  return swapped<1>(x, 0x55555555);
}
template <int shift>
SOVREN_TRACE __m128i folded(__m128i x, std::uint32_t mask) {
  return _mm_xor_si128(x, _mm_and_si128(_mm_srli_epi32(x, shift), all(mask)));
}
/// Scrambles lane to lane + 3 of four indices.
SOVREN_TRACE __m128i scrambled_four(__m128i x, __m128i low, __m128i high, std::uint32_t lane) {
  const __m128i even = times_plus_self(x, first_factor);
  const __m128i odd = times_plus_self(_mm_srli_epi64(x, 32), first_factor);
  // x has lanes 0, 2, 1, 3.
  return evens_of(scrambled(even, low, high, lane, lane + 1),
                  scrambled(odd, low, high, lane + 2, lane + 3));
}
SOVREN_TRACE void store_unit_numbers(__m128i x, float* out) {
  const __m128 number = _mm_cvtepi32_ps(_mm_srli_epi32(reversed(x), 8));
  _mm_storeu_ps(out, _mm_mul_ps(number, _mm_set1_ps(0x1p-24F)));
}

SOVREN_TRACE SobolPairs pairs_of(const SampleKey& key, std::uint32_t block) {
  const std::uint64_t z = mixed(key, block);
  const __m128i low = all(static_cast<std::uint32_t>(z));
  const __m128i high = all(static_cast<std::uint32_t>(z >> 32));
  const std::uint32_t backwards = reversed(key.sample);
  const __m128i sample = all(backwards ^ backwards * first_factor);
  const __m128i index =
      reversed(evens_of(scrambled(sample, low, high, 0, 2), scrambled(sample, low, high, 1, 3)));
  __m128i second = folded<1>(index, 0x55555555);
  second = folded<2>(second, 0x33333333);
  second = folded<4>(second, 0x0F0F0F0F);
  second = folded<8>(second, 0x00FF00FF);
  second = _mm_xor_si128(second, _mm_srli_epi32(second, 16));
  SobolPairs pairs;
  store_unit_numbers(scrambled_four(index, low, high, 4), pairs.x);
  store_unit_numbers(scrambled_four(second, low, high, 8), pairs.y);
  return pairs;
}
#else
SOVREN_TRACE SobolPairs pairs_of(const SampleKey& key, std::uint32_t block) {
  return pairs_one_by_one(key, block);
}
#endif

}  // namespace sobol

SOVREN_TRACE CameraNumbers camera_numbers(const SampleKey& key) {
  const SobolPairs p = sobol::pairs_of(key, 0);
  return {{p.x[0], p.y[0]}, {p.x[1], p.y[1]}, p.x[2]};
}

SOVREN_TRACE BounceNumbers bounce_numbers(const SampleKey& key, std::uint32_t bounce) {
  const SobolPairs p = sobol::pairs_of(key, bounce + 1);
  return {p.x[2], {p.x[0], p.y[0]}, p.x[3], {p.x[1], p.y[1]}, p.y[2], p.y[3]};
}

}  // namespace sovren::trace
