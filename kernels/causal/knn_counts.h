// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sovren::kernels {

/// Ranks of one variable over the samples of a test, 0 .. samples-1, each once, then zeros up to
/// rank_stride().
using Ranks = std::vector<std::uint16_t>;

/// Ranks fit into 16 bits with one value to spare, which marks padding.
inline constexpr int max_rank_samples = 65'535;

/// Length of a row of ranks: the samples, filled up to whole vectors.
std::size_t rank_stride(int samples);

/// y and z of the tests of one (x; y | z), with Chebyshev distances between ranks.
struct RankSpace {
  int samples = 0;
  Ranks y;
  std::vector<Ranks> z;
};

/// Digammas are added as whole multiples of this: a sum then has no order.
inline constexpr double digamma_unit = 0x1p-40;

/// table[c] = digamma(c) / digamma_unit, c = 1 .. count, from digamma(1) = -Euler's constant.
std::vector<std::int64_t> digamma_table(int count);

/// For every x: the sum over the samples of digamma(k_z) - digamma(k_xz) - digamma(k_yz), in
/// digamma_unit. With eps the distance of a sample to its k-th neighbour in (x, y, z), k_w counts
/// the samples, itself too, that lie nearer than eps in w; without z, k_z is the number of samples.
///
/// Shape    xs: rows of rank_stride() ranks; sums: one for each.
/// Domain   1 <= k < samples <= max_rank_samples.
/// Model    a sample's distances in z and y hold for all xs, so samples are the outer loop, and k_z
///          and k_yz are tables of eps. The k-th smallest distance is found by counting, 16 bits a
///          lane, at thresholds that close in on it.
/// Cost     6 passes or so over the samples for each sample of each x: 0.3 ms at 1,000 samples.
/// Source   Frenzel, Pompe: Partial mutual information for coupling analysis of multivariate time
///          series, Phys. Rev. Lett. 99 (2007); the counts of Tigramite 5.2.
void knn_sums(const RankSpace& space, std::span<const std::uint16_t> xs, int k,
              std::span<std::int64_t> sums);

/// The `count` samples nearest to each in z, itself among them: (samples, count), ascending
/// distance class by class; of equally distant ones the first. count <= samples.
std::vector<std::uint16_t> nearest_in_z(const RankSpace& space, int count);

}  // namespace sovren::kernels
