// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// What all MCI tests of one target y share: the factor L of its parents P, and for every lagged
/// variable c the solved column L^-1 C(P, c) with what P leaves of the correlation of c and y.
///
/// Shape    columns c = lag N + variable, lag = 0 .. 2 max_lag; each holds |P| + 1 numbers.
/// Cost     made in N (2 max_lag + 1) |P|^2 / 2 products, vectorised over c: a few percent of the
///          tests that use it.
class MciPanel {
 public:
  MciPanel(const LagCorrelation& source, Node y, std::span<const Node> parents);

  /// Neither the parents nor y given them are close to linearly dependent.
  bool is_well_conditioned() const { return is_well_conditioned_; }

  /// Tests the last of the columns against y given the others and P. block: correlations among the
  /// columns, lower triangle by rows. False when the panel cannot say: x is a parent, or a pivot is
  /// below pivot_min.
  bool test(std::span<const int> columns, const double* block, Partial& result);

 private:
  bool factor(const LagCorrelation& source, std::span<const Node> parents);
  void transpose(std::size_t column_count);

  std::size_t width_ = 0;        ///< |P| + 1
  std::vector<double> rows_;     ///< (|P| + 1, columns); the last row: Schur complement with y
  std::vector<double> columns_;  ///< (columns, |P| + 1): the same, as the tests read it
  std::vector<char> is_parent_;  ///< by column
  std::vector<std::size_t> kept_;
  std::vector<double> small_;  ///< the test's own factor
  double rest_y_ = 1;
  int samples_ = 0;
  bool is_well_conditioned_ = false;
};

}  // namespace sovren::kernels
