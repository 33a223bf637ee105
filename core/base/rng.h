// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace sovren {

/// Philox4x32-10: random numbers as a pure function of (key, counter), so that any rank can draw
/// the numbers of any global index, in any order, and a restart needs no generator state.
///
/// Source   Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011),
/// section 3 and table 2.
class Philox {
 public:
  using Block = std::array<std::uint32_t, 4>;

  /// seed: names the run. stream: names the use within it, so that two uses never share numbers.
  constexpr explicit Philox(std::uint64_t seed, std::uint64_t stream = 0)
      : seed_(seed), stream_(stream) {}

  /// Four independent uniform 32-bit words for one index.
  constexpr Block block(std::uint64_t index) const {
    return round10({low(index), high(index), low(stream_), high(stream_)},
                   {low(seed_), high(seed_)});
  }

  /// Uniform in (0, 1], 53 bits: never 0, so its logarithm is finite.
  double uniform(std::uint64_t index) const {
    const Block b = block(index);
    const std::uint64_t word = (std::uint64_t{b[0]} << 32) | b[1];
    return (static_cast<double>(word >> 11) + 1.0) * 0x1p-53;
  }

  /// Uniform whole number in [0, bound) without bias (Lemire's multiply-shift on 64 bits; bias
  /// below bound / 2^64).
  std::uint64_t below(std::uint64_t index, std::uint64_t bound) const {
    const Block b = block(index);
    const std::uint64_t word = (std::uint64_t{b[0]} << 32) | b[1];
    return static_cast<std::uint64_t>((static_cast<Wide>(word) * bound) >> 64);
  }

  /// Standard normal by Box and Muller (1958), one number per index.
  double normal(std::uint64_t index) const {
    const Block b = block(index);
    const double u =
        (static_cast<double>(((std::uint64_t{b[0]} << 32) | b[1]) >> 11) + 1.0) * 0x1p-53;
    const double v = static_cast<double>(((std::uint64_t{b[2]} << 32) | b[3]) >> 11) * 0x1p-53;
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586476925 * v);
  }

  /// The bijection itself, as the paper's known-answer vectors call it.
  static constexpr Block round10(Block counter, std::array<std::uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t product0 = std::uint64_t{0xD2511F53} * counter[0];
      const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * counter[2];
      counter = {high(product1) ^ counter[1] ^ key[0], low(product1),
                 high(product0) ^ counter[3] ^ key[1], low(product0)};
      key[0] += 0x9E3779B9;  // golden ratio
      key[1] += 0xBB67AE85;  // sqrt(3) - 1
    }
    return counter;
  }

 private:
  __extension__ typedef unsigned __int128 Wide;  // exact 64 x 64 bit product

  static constexpr std::uint32_t low(std::uint64_t word) {
    return static_cast<std::uint32_t>(word);
  }
  static constexpr std::uint32_t high(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32);
  }

  std::uint64_t seed_;
  std::uint64_t stream_;
};

}  // namespace sovren
