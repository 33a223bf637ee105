// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

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

/// Transforms the values if asked, then centres them and scales them to length 1. Returns max|x| /
/// std of what was scaled; 0 when there is no variation (std <= 1e-12 max|x| of the values given):
/// all are then 0.
double standardise(std::span<double> values, Marginals marginals);

}  // namespace sovren::kernels
