// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/parcorr.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/check.h"
#include "kernels/linalg/blas.h"
#include "kernels/linalg/qr.h"

namespace sovren::kernels {
namespace {

/// Factors the leading rows of the matrix in place, lower triangle, row by row. False at a pivot
/// below pivot_min.
bool cholesky(std::span<double> matrix, int n, int rows) {
  for (int i = 0; i < rows; ++i) {
    double* const row = matrix.data() + std::ptrdiff_t{i} * n;
    for (int j = 0; j <= i; ++j) {
      const double* const other = matrix.data() + std::ptrdiff_t{j} * n;
      double sum = row[j];
      for (int k = 0; k < j; ++k) sum -= row[k] * other[k];
      if (j < i) {
        row[j] = sum / other[j];
      } else {
        if (!(sum >= pivot_min)) return false;
        row[i] = std::sqrt(sum);
      }
    }
  }
  return true;
}

std::span<double> column(TestColumns& columns, int c) {
  const auto n = static_cast<std::size_t>(columns.samples);
  return std::span(columns.values).subspan(static_cast<std::size_t>(c) * n, n);
}

PivotedQr factor(const TestColumns& columns, int count) {
  const auto end = columns.values.begin() + std::ptrdiff_t{count} * columns.samples;
  const double tolerance =
      std::numeric_limits<double>::epsilon() * std::max(columns.samples, columns.columns);
  return PivotedQr(std::vector<double>(columns.values.begin(), end), columns.samples, count,
                   tolerance);
}

/// A remainder this short is what rounding of the input leaves of a column that is fully explained.
double determined_length(const TestColumns& columns) {
  const double samples = std::max(columns.samples, columns.columns);
  return 4 * std::numeric_limits<double>::epsilon() * std::max(samples, columns.resolution);
}

}  // namespace

TestResult parcorr(const TestSource& source, Node x, Node y, std::span<const Node> z) {
  const Partial partial = source.partial(x, y, z);
  return {partial.value, p_value_of(partial), partial.df, partial.determined};
}

bool partial_by_cholesky(std::span<double> matrix, int n, double& value) {
  SOVREN_CHECK(n >= 2 && std::ssize(matrix) >= std::ptrdiff_t{n} * n, "matrix holds Z, x and y");
  if (!cholesky(matrix, n, n - 1)) return false;
  double* const y = matrix.data() + std::ptrdiff_t{n - 1} * n;
  double rest = y[n - 1];
  for (int j = 0; j < n - 1; ++j) {
    const double* const other = matrix.data() + std::ptrdiff_t{j} * n;
    double sum = y[j];
    for (int k = 0; k < j; ++k) sum -= y[k] * other[k];
    y[j] = sum / other[j];
    if (j < n - 2) rest -= y[j] * y[j];
  }
  const double unexplained = rest - y[n - 2] * y[n - 2];
  if (!(unexplained >= pivot_min)) return false;
  value = y[n - 2] / std::sqrt(rest);
  return true;
}

bool unexplained_by_cholesky(std::span<double> matrix, int n, double& unexplained) {
  if (!cholesky(matrix, n, n)) return false;
  const double last = matrix[static_cast<std::size_t>(n) * static_cast<std::size_t>(n) - 1];
  unexplained = last * last;
  return true;
}

Partial partial_by_qr(const TestColumns& given) {
  TestColumns columns = given;
  const PivotedQr conditions = factor(columns, columns.columns - 2);
  const auto x = column(columns, columns.columns - 2);
  const auto y = column(columns, columns.columns - 1);
  conditions.project_out(x);
  conditions.project_out(y);
  const double x_length = std::sqrt(dot(x, x));
  const double y_length = std::sqrt(dot(y, y));
  Partial result{.by_qr = true};
  const double limit = determined_length(columns);
  if (!(x_length > limit) || !(y_length > limit)) {
    result.determined = true;
    return result;
  }
  for (double& v : x) v /= x_length;
  for (double& v : y) v /= y_length;
  result.value = std::clamp(dot(x, y), -1.0, 1.0);
  return result;
}

double unexplained_by_qr(const TestColumns& given) {
  TestColumns columns = given;
  const PivotedQr conditions = factor(columns, columns.columns - 1);
  const auto y = column(columns, columns.columns - 1);
  conditions.project_out(y);
  return dot(y, y);
}

}  // namespace sovren::kernels
