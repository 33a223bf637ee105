// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/level/simd.h"
#if !defined(__AVX2__) && defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sovren::nn::SOVREN_LEVEL {

// Whole numbers of 64 bits side by side, of which a Philox block has one each: its word lies in the
// lower half, what the upper half holds is open.
#if defined(__AVX512F__)
using Halves = std::uint64_t __attribute__((vector_size(64)));
// Even lanes have the first half of the blocks, so that even_lanes() brings words in order.
constexpr Halves block_of_lane = {0, 4, 1, 5, 2, 6, 3, 7};
inline Halves times(Halves a, std::uint32_t by) {
  return (Halves)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(by));
}
inline Halves even_lanes(Halves a, Halves b) {
  return (Halves)_mm512_unpacklo_epi64((__m512i)a, (__m512i)b);
}
inline Halves odd_lanes(Halves a, Halves b) {
  return (Halves)_mm512_unpackhi_epi64((__m512i)a, (__m512i)b);
}
#elif defined(__AVX2__)
using Halves = std::uint64_t __attribute__((vector_size(32)));
constexpr Halves block_of_lane = {0, 2, 1, 3};
inline Halves times(Halves a, std::uint32_t by) {
  return (Halves)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(by));
}
inline Halves even_lanes(Halves a, Halves b) {
  return (Halves)_mm256_unpacklo_epi64((__m256i)a, (__m256i)b);
}
inline Halves odd_lanes(Halves a, Halves b) {
  return (Halves)_mm256_unpackhi_epi64((__m256i)a, (__m256i)b);
}
#else
using Halves = std::uint64_t __attribute__((vector_size(16)));
constexpr Halves block_of_lane = {0, 1};
#if defined(__SSE2__)
inline Halves times(Halves a, std::uint32_t by) {
  return (Halves)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(by));
}
#else
inline Halves times(Halves a, std::uint32_t by) {
  return (a & 0xFFFFFFFF) * by;
}
#endif
inline Halves even_lanes(Halves a, Halves b) {
  return Halves{a[0], b[0]};
}
inline Halves odd_lanes(Halves a, Halves b) {
  return Halves{a[1], b[1]};
}
#endif

constexpr unsigned blocks_at_once = sizeof(Halves) / sizeof(std::uint64_t);

/// The words of Philox blocks first .. first + blocks_at_once - 1 one after the other: the
/// generator of core/base/rng.h, several blocks side by side.
inline void philox_words(std::uint64_t seed, std::uint64_t stream, std::uint64_t first,
                         std::uint32_t* words) {
  Halves a = first + block_of_lane, c = Halves{} + stream;
  Halves b = a >> 32, d = c >> 32;
  std::uint64_t key0 = seed, key1 = seed >> 32;
  for (int round = 0; round < 10; ++round) {
    const Halves product0 = times(a, 0xD2511F53), product1 = times(c, 0xCD9E8D57);
    a = (product1 >> 32) ^ b ^ key0;
    b = product1;
    c = (product0 >> 32) ^ d ^ key1;
    d = product0;
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  const Halves ab = (a & 0xFFFFFFFF) | (b << 32), cd = (c & 0xFFFFFFFF) | (d << 32);
  const Halves in_order[2] = {even_lanes(ab, cd), odd_lanes(ab, cd)};
  std::memcpy(words, in_order, sizeof in_order);
}

/// What dropout multiplies elements 64 group .. 64 group + 63 by: 0 where the element's word is
/// below the threshold (dropout.h), else scale.
inline void dropout_factors(std::uint64_t seed, std::uint64_t stream, std::uint64_t group,
                            std::uint32_t threshold, float scale, float factors[64]) {
  std::uint32_t words[64];
  for (std::size_t block = 0; block < 16; block += blocks_at_once)
    philox_words(seed, stream, 16 * group + block, words + 4 * block);
  for (int i = 0; i < 64; ++i) factors[i] = words[i] < threshold ? 0 : scale;
}

}  // namespace sovren::nn::SOVREN_LEVEL
