// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "kernels/causal/student_t.h"
#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// One test as users see it.
struct TestResult {
  double value = 0;
  double p_value = 1;
  int df = 0;
  bool determined = false;
};

/// Partial correlation of x and y given z with its p-value.
TestResult parcorr(const TestSource& source, Node x, Node y, std::span<const Node> z);

/// Below this share of unexplained variance a Cholesky pivot has lost too many digits (error of the
/// value about 1e-15 / pivot), and the test is repeated by QR on the data.
inline constexpr double pivot_min = 1e-7;

/// Columns of one test: Z, then x, then y (fit: Z, then y), each centred and of length 1.
struct TestColumns {
  std::vector<double> values;  ///< (samples, columns), column-major
  int samples = 0;
  int columns = 0;
  double resolution = 1;  ///< largest max|raw| / std of a column: how far input rounding is seen
};

/// From the columns themselves, by pivoted QR of Z. df is the caller's.
Partial partial_by_qr(const TestColumns& columns);
double unexplained_by_qr(const TestColumns& columns);

/// From the correlations of Z, x, y in this order, by Cholesky. matrix: (n, n) row-major, lower
/// triangle; overwritten. False when a pivot is below pivot_min: value is then not set.
bool partial_by_cholesky(std::span<double> matrix, int n, double& value);

/// From the correlations of Z, y in this order. False when a pivot is below pivot_min.
bool unexplained_by_cholesky(std::span<double> matrix, int n, double& unexplained);

}  // namespace sovren::kernels
