// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/causal/lag_covariance.h"
#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// Tests on data with missing values: each test uses the samples t at which all of its nodes are
/// measured, so samples and df differ from test to test.
///
/// Model    one validity bit per variable and time; a test ANDs the bits of its nodes, each shifted
///          by its lag. A test whose nodes are all complete goes to the shared correlations.
/// Owner    complete must outlive this object, and is made from the same series.
/// Threads  const and re-entrant.
/// Cost     |nodes|^2 / 2 products per sample that is left.
class MaskedSamples : public TestSource {
 public:
  MaskedSamples(const Series& series, const LagCorrelation& complete);

  int variables() const override { return complete_.variables(); }
  int max_lag() const override { return complete_.max_lag(); }
  int samples() const override { return complete_.samples(); }
  Partial partial(Node x, Node y, std::span<const Node> z) const override;
  Fit fit(Node y, std::span<const Node> z) const override;

 private:
  struct Columns;
  bool is_complete(std::span<const Node> nodes) const;
  std::vector<int> common_samples(std::span<const Node> nodes) const;
  Columns columns(std::span<const Node> z, std::span<const Node> tested) const;

  const LagCorrelation& complete_;
  int words_ = 0;                     ///< of one variable
  std::vector<std::uint64_t> valid_;  ///< (variable, word): bit t % 64 of word t / 64
};

}  // namespace sovren::kernels
