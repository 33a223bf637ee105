// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "kernels/causal/knowledge.h"
#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// A lagged variable that PC1 kept for a target, with what its tests showed.
struct Parent {
  Node node;
  double val_min = 0;  ///< smallest |value| over its tests: parents stand in falling order of it
  double p_max = 0;    ///< largest p-value over its tests
  double value = 0;    ///< the value at p_max
};

struct Pc1Options {
  int min_lag = 1;  ///< 0 counts as 1: PC1 looks at the past only
  int max_lag = 1;
  std::vector<double> alphas{0.05};  ///< several: the one with the least AIC; the first on a tie
  int max_conditions = std::numeric_limits<int>::max();  ///< largest condition set
  /// Forbidden links are no candidates, required ones stay whatever their p. Null: nothing known.
  const Knowledge* knowledge = nullptr;
  bool keeps_dropped = false;  ///< fills Pc1Result::dropped
};

struct Pc1Result {
  std::vector<Parent> parents;
  std::vector<Parent> dropped;  ///< candidates that left, in the order of leaving; if asked for
  double alpha = 0;             ///< of these parents
  TestCounts counts;            ///< over all alphas
  int level_max = -1;           ///< largest condition set that was tested; -1: no candidates
  bool is_capped = false;       ///< stopped by max_conditions or for lack of samples
};

/// Condition selection of PCMCI: which lagged variables a target depends on, given the strongest
/// others.
///
/// Model    candidates in order (variable, lag). Level p = 0, 1, ... while more than p remain: each
///          is tested given the first p others; those with p-value > alpha leave after the pass
///          ("stable"); then sort by val_min, falling, ties in the order before.
/// Source   Runge et al. 2019, algorithm S1; the order of operations of Tigramite 5.2.
Pc1Result select_conditions(const TestSource& source, int target, const Pc1Options& options);

/// The same for many targets, whose passes are run together; in the order of the targets. batches:
/// the source's.
std::vector<Pc1Result> select_conditions(const TestSource& source, const BatchTests& batches,
                                         std::span<const int> targets, const Pc1Options& options);

}  // namespace sovren::kernels
