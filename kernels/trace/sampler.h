// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#if defined(__SSE2__) && !defined(__CUDACC__)
#include <immintrin.h>
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
template <class T>
SOVREN_TRACE T second_dimension(T x) {
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
// The same side by side. SSE2 and AVX2 multiply every other number of a vector; so what is
// multiplied lies in halves: even ones, and odd ones moved down. What is in the odd places of a
// half does not matter.

using Four = std::uint32_t __attribute__((vector_size(16)));

SOVREN_TRACE Four products(Four a, Four b) {
  return reinterpret_cast<Four>(
      _mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
}
SOVREN_TRACE Four moved_down(Four x) {
  return reinterpret_cast<Four>(_mm_srli_epi64(reinterpret_cast<__m128i>(x), 32));
}
SOVREN_TRACE Four evens_of(Four a, Four b) {
  return reinterpret_cast<Four>(
      _mm_shuffle_ps(reinterpret_cast<__m128>(a), reinterpret_cast<__m128>(b), 0x88));
}
/// What tells the scrambles of two lanes apart.
SOVREN_TRACE Four salts(Four, std::uint32_t lane_0, std::uint32_t lane_1, std::uint32_t factor) {
  return Four{(lane_0 + 1) * factor, 0, (lane_1 + 1) * factor, 0};
}
#ifdef __AVX2__
/// Two vectors of four; the second one's salts are those of the next four lanes.
using Eight = std::uint32_t __attribute__((vector_size(32)));

SOVREN_TRACE Eight joined(Four a, Four b) {
  return reinterpret_cast<Eight>(
      _mm256_set_m128i(reinterpret_cast<__m128i>(b), reinterpret_cast<__m128i>(a)));
}
SOVREN_TRACE Eight products(Eight a, Eight b) {
  return reinterpret_cast<Eight>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
}
SOVREN_TRACE Eight moved_down(Eight x) {
  return reinterpret_cast<Eight>(_mm256_srli_epi64(reinterpret_cast<__m256i>(x), 32));
}
SOVREN_TRACE Eight evens_of(Eight a, Eight b) {
  return reinterpret_cast<Eight>(
      _mm256_shuffle_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), 0x88));
}
SOVREN_TRACE Eight salts(Eight, std::uint32_t lane_0, std::uint32_t lane_1, std::uint32_t factor) {
  return joined(salts(Four{}, lane_0, lane_1, factor),
                salts(Four{}, lane_0 + 4, lane_1 + 4, factor));
}
#endif

template <int shift>
SOVREN_TRACE Four swapped(Four x, std::uint32_t low_mask) {
  return (x & low_mask) << shift | (x >> shift & low_mask);
}
SOVREN_TRACE Four reversed(Four x) {
#ifdef __SSSE3__
  // Bytes in reversed order, and each nibble by a table.
  const __m128i table = _mm_setr_epi8(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15);
  const __m128i order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  const __m128i bytes = _mm_shuffle_epi8(reinterpret_cast<__m128i>(x), order);
  const __m128i low = _mm_and_si128(bytes, _mm_set1_epi8(15));
  const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
  return reinterpret_cast<Four>(
      _mm_or_si128(_mm_slli_epi16(_mm_shuffle_epi8(table, low), 4), _mm_shuffle_epi8(table, high)));
#else
  __m128i words = reinterpret_cast<__m128i>(x);
  words = _mm_shufflehi_epi16(_mm_shufflelo_epi16(words, 0xB1), 0xB1);
  words = _mm_or_si128(_mm_slli_epi16(words, 8), _mm_srli_epi16(words, 8));
  x = swapped<4>(reinterpret_cast<Four>(words), 0x0F0F0F0F);
  return swapped<1>(swapped<2>(x, 0x33333333), 0x55555555);
#endif
}

template <class V>
SOVREN_TRACE V times_plus_self(V x, std::uint32_t factor) {
  return x ^ products(x, V{} + factor);
}
/// A half of scrambles number lane_0 and lane_1.
template <class V>
SOVREN_TRACE V scrambled(V x, V low, V high, std::uint32_t lane_0, std::uint32_t lane_1) {
  const V product = products(low ^ salts(V{}, lane_0, lane_1, 0x9E3779B9),
                             high ^ salts(V{}, lane_0, lane_1, 0xC2B2AE35));
  const V top = moved_down(product);
  return times_plus_self(products(x + (product ^ top), top | 1), last_factor);
}
/// Scrambles number lane to lane + 3 of indices 0, 2, 1, 3.
template <class V>
SOVREN_TRACE V scrambled_coordinates(V x, V low, V high, std::uint32_t lane) {
  const V even = times_plus_self(x, first_factor);
  const V odd = times_plus_self(moved_down(x), first_factor);
  return evens_of(scrambled(even, low, high, lane, lane + 1),
                  scrambled(odd, low, high, lane + 2, lane + 3));
}

SOVREN_TRACE void store_unit_numbers(Four reversed_bits, float* out) {
  const Four bits = reversed(reversed_bits) >> 8;
  _mm_storeu_ps(
      out, _mm_mul_ps(_mm_cvtepi32_ps(reinterpret_cast<__m128i>(bits)), _mm_set1_ps(0x1p-24F)));
}

SOVREN_TRACE SobolPairs pairs_of(const SampleKey& key, std::uint32_t block) {
  const std::uint64_t z = mixed(key, block);
  const Four low = Four{} + static_cast<std::uint32_t>(z);
  const Four high = Four{} + static_cast<std::uint32_t>(z >> 32);
  const std::uint32_t backwards = reversed(key.sample);
  const Four sample = Four{} + (backwards ^ backwards * first_factor);
  const Four x =
      reversed(evens_of(scrambled(sample, low, high, 0, 2), scrambled(sample, low, high, 1, 3)));
  const Four y = second_dimension(x);
  SobolPairs pairs;
#ifdef __AVX2__
  const Eight both = scrambled_coordinates(joined(x, y), joined(low, low), joined(high, high), 4);
  const __m256i halves = reinterpret_cast<__m256i>(both);
  store_unit_numbers(reinterpret_cast<Four>(_mm256_castsi256_si128(halves)), pairs.x);
  store_unit_numbers(reinterpret_cast<Four>(_mm256_extracti128_si256(halves, 1)), pairs.y);
#else
  store_unit_numbers(scrambled_coordinates(x, low, high, 4), pairs.x);
  store_unit_numbers(scrambled_coordinates(y, low, high, 8), pairs.y);
#endif
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
