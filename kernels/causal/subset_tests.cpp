// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/subset_tests.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/parcorr.h"
#include "kernels/causal/shared_correlation.h"

namespace sovren::kernels {
namespace {

/// Each test by the source.
class SourceTests : public SubsetTests {
 public:
  explicit SourceTests(const TestSource& source) : source_(source) {}

  void begin(int x, int y, std::span<const int> candidates) override {
    x_ = x;
    y_ = y;
    candidates_ = candidates;
  }

  Partial test(std::span<const int> places, int) override {
    z_.clear();
    for (const int place : places) z_.push_back({candidates_[static_cast<std::size_t>(place)], 0});
    return source_.partial({x_, 0}, {y_, 0}, z_);
  }

 private:
  const TestSource& source_;
  int x_ = 0;
  int y_ = 0;
  std::span<const int> candidates_;
  std::vector<Node> z_;
};

/// From the matrix: the Cholesky factor of (Z, x, y) grows by a row for each place, and shrinks to
/// the places that the next test has too.
class MatrixTests : public SubsetTests {
 public:
  MatrixTests(const TestSource& source, std::span<const double> matrix)
      : by_source_(source),
        matrix_(matrix),
        variables_(static_cast<std::size_t>(source.variables())),
        samples_(source.samples()) {}

  void begin(int x, int y, std::span<const int> candidates) override {
    by_source_.begin(x, y, candidates);
    candidates_ = candidates;
    of_x_ = correlations(x);
    of_y_ = correlations(y);
    none_ = {.rest_x = of_x_[x], .rest_y = of_y_[y], .product = of_x_[y]};
    done_ = 0;
  }
  Partial test(std::span<const int> places, int kept) override;

 private:
  struct Row {
    double x = 0, y = 0;            ///< of the factor, in its last two rows
    double rest_x = 0, rest_y = 0;  ///< what this condition and those before leave of x and y
    double product = 0;             ///< and of their product
  };
  const double* correlations(int variable) const {
    return matrix_.data() + static_cast<std::size_t>(variable) * variables_;
  }
  int candidate(int place) const { return candidates_[static_cast<std::size_t>(place)]; }
  double* own(std::size_t row) { return own_.data() + row * (row + 1) / 2; }
  bool append(std::span<const int> places, std::size_t row);

  SourceTests by_source_;
  std::span<const double> matrix_;
  std::size_t variables_;
  int samples_;
  std::span<const int> candidates_;
  const double* of_x_ = nullptr;
  const double* of_y_ = nullptr;
  Row none_;                 ///< before the first condition
  std::size_t done_ = 0;     ///< rows of the factor that hold for the places of the test before
  std::vector<Row> rows_;    ///< (condition)
  std::vector<double> own_;  ///< of the conditions among themselves: a packed lower triangle
};

/// False at a pivot that has lost too many digits.
bool MatrixTests::append(std::span<const int> places, std::size_t row) {
  const int z = candidate(places[row]);
  const double* const of_z = correlations(z);
  double* const to = own(row);
  double pivot = of_z[z];
  for (std::size_t k = 0; k < row; ++k) {
    const double* const other = own(k);
    double sum = of_z[candidate(places[k])];
    for (std::size_t t = 0; t < k; ++t) sum -= to[t] * other[t];
    to[k] = sum / other[k];
    pivot -= to[k] * to[k];
  }
  if (!(pivot >= pivot_min)) return false;
  to[row] = std::sqrt(pivot);
  double x = of_x_[z];
  double y = of_y_[z];
  for (std::size_t k = 0; k < row; ++k) {
    x -= to[k] * rows_[k].x;
    y -= to[k] * rows_[k].y;
  }
  x /= to[row];
  y /= to[row];
  const Row& before = row == 0 ? none_ : rows_[row - 1];
  rows_[row] = {.x = x,
                .y = y,
                .rest_x = before.rest_x - x * x,
                .rest_y = before.rest_y - y * y,
                .product = before.product - x * y};
  return true;
}

Partial MatrixTests::test(std::span<const int> places, int kept) {
  const std::size_t size = places.size();
  if (rows_.size() < size) {
    rows_.resize(size);
    own_.resize(size * (size + 1) / 2);
  }
  done_ = std::min(done_, static_cast<std::size_t>(kept));
  while (done_ < size && append(places, done_)) ++done_;
  if (done_ < size) return by_source_.test(places, 0);
  const Row& last = size == 0 ? none_ : rows_[size - 1];
  if (!(last.rest_x >= pivot_min) || !(last.rest_y >= pivot_min)) return by_source_.test(places, 0);
  const double value = last.product / std::sqrt(last.rest_x * last.rest_y);
  if (!(last.rest_y * (1 - value * value) >= pivot_min)) return by_source_.test(places, 0);
  return {.value = value, .df = samples_ - 2 - static_cast<int>(size)};
}

}  // namespace

std::vector<double> correlation_matrix(const SharedCorrelation& source) {
  const auto n = static_cast<std::size_t>(source.variables());
  std::vector<double> matrix(n * n);
  for (std::size_t i = 0; i < n; ++i)
    source.row({static_cast<int>(i), 0}, 0, std::span(matrix).subspan(i * n, n));
  return matrix;
}

std::unique_ptr<SubsetTests> make_subset_tests(const TestSource& source,
                                               std::span<const double> matrix) {
  if (matrix.empty()) return std::make_unique<SourceTests>(source);
  return std::make_unique<MatrixTests>(source, matrix);
}

bool next_subset(std::span<int> places, int count, int& kept) {
  const int size = static_cast<int>(places.size());
  kept = size - 1;
  while (kept >= 0 && places[static_cast<std::size_t>(kept)] == count - size + kept) --kept;
  if (kept < 0) return false;
  int place = places[static_cast<std::size_t>(kept)];
  for (auto k = static_cast<std::size_t>(kept); k < places.size(); ++k) places[k] = ++place;
  return true;
}

}  // namespace sovren::kernels
