// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/rng.h"
#include "kernels/causal/knn_counts.h"

namespace sovren::kernels {

/// Shuffles that keep what x owes to z: x(t) becomes x of a sample near t in z.
///
/// Model    samples take their turns in random order; each takes x of one of its nearest that
///          nobody has taken yet, any of them equally likely, or of any of them when all are taken.
///          The values are then ranked anew, those taken twice in the order of the turns. (The same
///          distribution as Runge's shuffled lists, with one draw for each sample.)
/// Source   Runge 2018, algorithm 1.
class LocalPermutation {
 public:
  /// nearest: (samples, count), nearest_in_z(); empty: x is permuted as a whole. It must outlive
  /// this object.
  LocalPermutation(std::span<const std::uint16_t> nearest, int samples);

  /// out := ranks of x after shuffle number `shuffle`; both of rank_stride(). random: of this test.
  void shuffle(const Philox& random, std::uint64_t shuffle, std::span<const std::uint16_t> x,
               std::span<std::uint16_t> out);

 private:
  void rank_anew(std::span<std::uint16_t> taken);

  std::span<const std::uint16_t> nearest_;
  std::size_t samples_;
  std::vector<std::uint16_t> turns_;
  std::vector<std::uint8_t> is_taken_;
  std::vector<std::uint16_t> free_;    ///< those of a sample's nearest that are not taken
  std::vector<std::uint32_t> places_;  ///< by rank: of the next value that has it
};

}  // namespace sovren::kernels
