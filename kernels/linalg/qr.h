// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace sovren::kernels {

/// Householder QR with column pivoting of a tall matrix: takes from a vector all that the columns
/// explain, or says how they explain it. Stable for any condition of the columns: duplicates and
/// sums only lower the rank.
///
/// Shape    matrix (rows, columns), column-major, columns of length about 1.
/// Units    tolerance: a column counts while its remainder exceeds tolerance x the longest column.
/// Cost     2 rows columns^2 flops; project_out and solve 4 rows rank.
/// Source   Businger, Golub 1965; Golub, Van Loan, Matrix Computations, algorithm 5.4.1.
class PivotedQr {
 public:
  PivotedQr(std::vector<double> matrix, int rows, int columns, double tolerance);

  int rank() const { return rank_; }

  /// v := v - (its projection on the span of the columns). v: (rows).
  void project_out(std::span<double> v) const;

  /// Least squares: the factors (columns) with which the columns come nearest to v (rows). Of
  /// columns that determine one another, those that add least to the others get 0.
  std::vector<double> solve(std::vector<double> v) const;

 private:
  void reflect(int step, std::span<double> v) const;

  std::vector<double> matrix_;    ///< from the diagonal of column k down: reflection k; above: R
  std::vector<double> scale_;     ///< reflection k is I - scale_[k] h h^T
  std::vector<double> diagonal_;  ///< of R
  std::vector<int> order_;        ///< which column came to place k
  int rows_;
  int rank_ = 0;
};

}  // namespace sovren::kernels
