// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sovren::kernels {

/// What becomes of the values of a lagged variable before they are correlated.
enum class Marginals : std::uint8_t {
  linear,       ///< nothing
  rank_normal,  ///< rank_normal() over the samples of the test: RobustParCorr
};

/// Gives the values normal marginals: each becomes normal_quantile(u), u = (number of values that
/// are not larger) / n. Ties so share the largest u of theirs; u = 1 counts as 1 - 1e-5.
///
/// Source   The transformation of Tigramite 5.2's RobustParCorr (nonparanormal: Liu, Lafferty,
///          Wasserman, JMLR 10, 2009).
/// Cost     one sort.
void rank_normal(std::span<double> values);

/// rank_normal() over many selections of the same variables, each sorted once and for all.
///
/// Cost     of a column: the time steps and the samples; of the first one of a selection also a
///          quantile for each sample.
class RankNormalizer {
 public:
  /// values: (variables, steps) row-major.
  RankNormalizer(std::span<const double> values, int steps);

  /// The quantiles that selections of n samples share: of the share k / n of them, k = 1 .. n.
  static std::vector<double> quantiles(int n);

  /// out[s] = what rank_normal() makes of value (variable, times[s] - lag) among all those of
  /// times. quantiles: of times.size().
  void transform(int variable, int lag, std::span<const int> times,
                 std::span<const double> quantiles, std::span<double> out) const;

 private:
  std::size_t steps_;
  std::vector<std::uint32_t> ranks_;  ///< (variables, steps): equal values have equal ranks
};

/// Transforms the values if asked, then centres them and scales them to length 1. Returns max|x| /
/// std of what was scaled; 0 when there is no variation (std <= 1e-12 max|x| of the values given):
/// all are then 0.
double standardise(std::span<double> values, Marginals marginals);

}  // namespace sovren::kernels
