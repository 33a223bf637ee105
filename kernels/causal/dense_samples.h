// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "kernels/causal/marginals.h"
#include "kernels/causal/series.h"
#include "kernels/causal/shared_correlation.h"

namespace sovren::kernels {

/// Correlations of all lagged variables over any list of time points: a bootstrap replicate, the
/// time points that a mask leaves, or all of them with rank-normal marginals.
///
/// Model    one column x_i(t - lag) for each node, t over the list, transformed by itself if asked,
///          centred and scaled to length 1; the correlations are one matrix product.
/// Shape    node (i, lag) is column lag N + i of D = N (2 max_lag + 1); the matrix is (D, D).
/// Memory   bytes(): 8 D (D + time points). LagCorrelation needs far less for a whole series.
/// Cost     D^2 |times| flops by BLAS, then a look-up for each correlation; rank_normal: D sorts.
/// Threads  const: any number of readers.
class DenseSamples final : public SharedCorrelation {
 public:
  /// times: reference points t, each in [2 max_lag, steps), in any order, with repetition; may be
  /// few or none: tests then say nothing. A column that misses a value is_incomplete().
  /// Errors: data_invalid when steps < 2 max_lag + 4, or a value is not finite.
  static Result<DenseSamples> make(const Series& series, int max_lag, std::span<const int> times,
                                   Marginals marginals);

  /// What an object takes.
  static std::size_t bytes(int variables, int max_lag, int times);

  double correlation(Node a, Node b) const override {
    return matrix_[column(a) * width_ + column(b)];
  }
  void correlations(Node a, std::span<const Node> others, std::span<double> out) const override;
  void row(Node a, int lag, std::span<double> out) const override;
  bool is_constant(Node node) const override { return resolution_[column(node)] == 0; }
  bool is_incomplete(Node node) const override { return incomplete_[column(node)] != 0; }
  TestColumns columns(std::span<const Node> nodes) const override;

  int variables() const override { return variables_; }
  int max_lag() const override { return max_lag_; }
  int samples() const override { return samples_; }

 private:
  DenseSamples() = default;

  std::size_t column(Node node) const {
    return static_cast<std::size_t>(node.lag) * static_cast<std::size_t>(variables_) +
           static_cast<std::size_t>(node.variable);
  }
  void stack(const Series& series, std::span<const int> times);
  void standardise_columns(Marginals marginals);

  int variables_ = 0;
  int max_lag_ = 0;
  int samples_ = 0;
  std::size_t width_ = 0;                 ///< D
  std::vector<double> stacked_;           ///< (samples, D): centred, of length 1; constants 0
  std::vector<double> matrix_;            ///< (D, D)
  std::vector<std::uint8_t> incomplete_;  ///< (D)
  std::vector<double> resolution_;        ///< (D): max|x| / std; 0: constant
};

}  // namespace sovren::kernels
