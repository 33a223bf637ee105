// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/level/simd.h"

namespace sovren::nn::SOVREN_LEVEL {

/// The words of Philox blocks first_block .. first_block + 15 one after the other:
/// core/base/rng.h's generator, sixteen at a time, so that the compiler makes vectors of it.
inline void philox_words(std::uint64_t seed, std::uint64_t stream, std::uint64_t first_block,
                         std::uint32_t words[64]) {
  std::uint32_t a[16], b[16], c[16], d[16];
  for (unsigned i = 0; i < 16; ++i) {
    a[i] = static_cast<std::uint32_t>(first_block + i);
    b[i] = static_cast<std::uint32_t>((first_block + i) >> 32);
    c[i] = static_cast<std::uint32_t>(stream);
    d[i] = static_cast<std::uint32_t>(stream >> 32);
  }
  auto key0 = static_cast<std::uint32_t>(seed);
  auto key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 16; ++i) {
      const std::uint64_t product0 = std::uint64_t{0xD2511F53} * a[i];
      const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * c[i];
      a[i] = static_cast<std::uint32_t>(product1 >> 32) ^ b[i] ^ key0;
      b[i] = static_cast<std::uint32_t>(product1);
      c[i] = static_cast<std::uint32_t>(product0 >> 32) ^ d[i] ^ key1;
      d[i] = static_cast<std::uint32_t>(product0);
    }
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  for (int i = 0; i < 16; ++i) {
    words[4 * i] = a[i];
    words[4 * i + 1] = b[i];
    words[4 * i + 2] = c[i];
    words[4 * i + 3] = d[i];
  }
}

/// What dropout multiplies elements 64 group .. 64 group + 63 by: 0 where the element's word is
/// below the threshold (dropout.h), else scale.
inline void dropout_factors(std::uint64_t seed, std::uint64_t stream, std::uint64_t group,
                            std::uint32_t threshold, float scale, float factors[64]) {
  std::uint32_t words[64];
  philox_words(seed, stream, 16 * group, words);
  for (int i = 0; i < 64; ++i) factors[i] = words[i] < threshold ? 0 : scale;
}

}  // namespace sovren::nn::SOVREN_LEVEL
