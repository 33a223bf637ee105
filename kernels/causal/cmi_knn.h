// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "kernels/causal/knn_counts.h"
#include "kernels/causal/series.h"
#include "kernels/causal/test_source.h"
#include "kernels/causal/usable_times.h"

namespace sovren::kernels {

struct CmiKnnOptions {
  double neighbors = 0.1;     ///< k: below 1 a share of the samples of a test, else their number
  int shuffle_neighbors = 5;  ///< x is exchanged among so many samples that are near in z
  int shuffles = 500;
  std::uint64_t seed = 0;
};

/// Conditional mutual information by nearest neighbours with a local permutation test: finds any
/// dependence, linear or not, of continuous variables.
///
/// Model    columns become ranks over the samples of the test; I(x; y | z) = digamma(k) + mean of
///          digamma(k_z) - digamma(k_xz) - digamma(k_yz), in nats (knn_counts.h). Null: x is
///          exchanged among the shuffle_neighbors samples nearest in z, each used at most once
///          where possible, and ranked anew; without z, or with no more samples than
///          shuffle_neighbors, x is permuted. p = share of the shuffles whose value is at least
///          that of the data: no 1 is added, so that p can be 0.
///          Missing and masked values, repeated time points: UsableTimes.
/// Choices  ties are ranked in a random order of their own for each node (Tigramite adds noise);
///          nearness in z is that of ranks (Tigramite: of raw values), so that units do not matter;
///          without z, single values are permuted (Tigramite: blocks).
/// Results  value in nats, may be slightly negative; df = samples; p_value is set. A constant x or
///          y: value 0, p 1; constants in z are dropped. Fewer than |z| + 3 or k + 1 samples: df 0,
///          p 1.
/// Laws     a test's result depends on the seed and its nodes alone, z in any order; the same on
///          any machine, for all that is added up is whole numbers.
/// Cost     test_s(); 2 bytes for each sample of each shuffle. No early stop.
/// Source   Runge: Conditional independence testing based on a nearest-neighbor estimator of
///          conditional mutual information, AISTATS 2018; Tigramite 5.2, CMIknn.
class CmiKnn final : public TestSource {
 public:
  /// Errors: data_invalid as check_series(), or with more than 65,535 samples.
  static Result<CmiKnn> make(const Series& series, UsableTimes times, const CmiKnnOptions& options);

  int variables() const override { return times_.variables(); }
  int max_lag() const override { return times_.max_lag(); }
  int samples() const override { return static_cast<int>(times_.all().size()); }
  Partial partial(Node x, Node y, std::span<const Node> z) const override;
  /// There is no such fit: do not call it. AIC cannot choose among several pc_alphas here.
  Fit fit(Node y, std::span<const Node> z) const override;
  double test_s(int conditions) const override;

 private:
  CmiKnn(const Series& series, UsableTimes times, const CmiKnnOptions& options);

  /// False for a constant.
  bool rank(Node node, std::span<const int> times, Ranks& ranks) const;
  int neighbors(int samples) const;

  CmiKnnOptions options_;
  UsableTimes times_;
  int steps_;
  std::vector<double> values_;  ///< (variable, time); 0 where missing
};

}  // namespace sovren::kernels
