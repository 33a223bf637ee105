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
///          tests that use it. A test with n columns: (|P| + n / 3) n^2 / 2 products, vectorised.
class MciPanel {
 public:
  MciPanel(const SharedCorrelation& source, Node y, std::span<const Node> parents);

  /// Neither the parents nor y given them are close to linearly dependent.
  bool is_well_conditioned() const { return is_well_conditioned_; }

  /// Tests the last of the columns against y given the others and P. block: correlations among the
  /// columns, upper triangle by rows. False when a pivot is below pivot_min: the panel cannot say.
  bool test(std::span<const int> columns, const double* block, Partial& result);

 private:
  bool factor(std::span<const std::size_t> own_columns);
  void invert(std::span<const std::size_t> own_columns);
  void transpose(std::size_t column_count);
  void fill_work(std::span<const int> columns, const double* block, std::size_t stride,
                 std::size_t parent);
  bool finish_new(std::size_t n, std::size_t stride, Partial& result) const;
  bool finish_parent(std::size_t n, std::size_t stride, std::size_t parent, Partial& result) const;

  std::size_t width_ = 0;               ///< |P| + 1
  std::vector<double> rows_;            ///< (|P| + 1, columns); last: Schur complement with y
  std::vector<double> columns_;         ///< (columns, |P| + 1): the same, as the tests read it
  std::vector<double> inverse_;         ///< L^-1, (|P|, |P|), lower triangle
  std::vector<double> parents_with_y_;  ///< L^-1 C(P, y)
  std::vector<int> parent_at_;          ///< by column: its place among the parents, or -1
  std::vector<std::size_t> kept_;       ///< the columns of a test that are no parents
  std::vector<double> work_;            ///< (|P| + n, stride): see fill_work()
  double rest_y_ = 1;
  int samples_ = 0;
  bool is_well_conditioned_ = false;
};

}  // namespace sovren::kernels
