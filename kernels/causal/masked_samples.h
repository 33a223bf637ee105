// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "kernels/causal/marginals.h"
#include "kernels/causal/shared_correlation.h"
#include "kernels/causal/usable_times.h"

namespace sovren::kernels {

/// Correlation tests on data with missing or masked values: each test uses the time points that its
/// nodes leave it, so samples and df differ from test to test. A test with fewer than |Z| + 3 says
/// nothing (df < 1).
///
/// Model    a test whose nodes have all time points goes to the shared correlations; any other
///          gathers its columns, transformed over its own samples if asked. In fit(), y stands in
///          the roles of x and y.
/// Owner    complete must outlive this object; it is made from the same series, time points and
///          marginals.
/// Threads  const and re-entrant.
/// Cost     |nodes|^2 / 2 products per sample that is left. (One correlation matrix for each
///          target, where only targets are masked, would cost D^2 products per sample: more than
///          PC1's and MCI's tests of that target together.)
class MaskedSamples : public TestSource {
 public:
  MaskedSamples(const Series& series, UsableTimes times, Marginals marginals,
                const SharedCorrelation& complete);
  /// Missing values only, all time points.
  MaskedSamples(const Series& series, const SharedCorrelation& complete);

  int variables() const override { return complete_.variables(); }
  int max_lag() const override { return complete_.max_lag(); }
  int samples() const override { return complete_.samples(); }
  Partial partial(Node x, Node y, std::span<const Node> z) const override;
  Fit fit(Node y, std::span<const Node> z) const override;
  double test_s(int conditions) const override;

 private:
  struct Columns;
  Columns columns(std::span<const Node> z, std::span<const Node> tested,
                  std::span<const int> times) const;

  const SharedCorrelation& complete_;
  UsableTimes times_;
  int steps_;
  std::vector<double> values_;                ///< (variable, time); 0 where missing
  std::optional<RankNormalizer> normalizer_;  ///< of rank-normal marginals
};

}  // namespace sovren::kernels
