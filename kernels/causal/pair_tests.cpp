// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/pair_tests.h"

#include <algorithm>
#include <cmath>

#include "kernels/causal/conditions.h"
#include "kernels/causal/parcorr.h"
#include "kernels/linalg/clones.h"

namespace sovren::kernels {
namespace {

/// Tests of a pair that go to the source first: the elimination costs about as much as four of
/// them, and most pairs need no more.
constexpr int tests_before_elimination = 4;

/// Takes the first `eliminated` columns out of a symmetric matrix, lower triangle of (n, n) by
/// rows. False at a pivot that has lost too many digits.
SOVREN_CLONES bool eliminate(double* matrix, std::size_t n, std::size_t eliminated,
                             double* column) {
  for (std::size_t k = 0; k < eliminated; ++k) {
    const double pivot = matrix[k * n + k];
    if (!(pivot >= pivot_min)) return false;
    const double scale = 1 / std::sqrt(pivot);
    for (std::size_t i = k + 1; i < n; ++i) column[i] = matrix[i * n + k] * scale;
    for (std::size_t i = k + 1; i < n; ++i) {
      double* const row = matrix + i * n;
      const double factor = column[i];
      for (std::size_t j = k + 1; j <= i; ++j) row[j] -= factor * column[j];
    }
  }
  return true;
}

}  // namespace

PairTests::PairTests(const TestSource& source, Node x, Node y, std::span<const Node> parents_x,
                     std::span<const Node> parents_y, std::span<const int> of_y,
                     std::span<const int> of_x)
    : source_(source), x_(x), y_(y), of_y_(of_y), of_x_(of_x) {
  mci_conditions(x, y, parents_y, parents_x, z_);
  parents_ = z_.size();
}

Partial PairTests::given(std::span<const int> set) {
  const SharedCorrelation* const shared = source_.shared_correlation();
  if (shared != nullptr && counts_.tests == tests_before_elimination) eliminate_parents(*shared);
  const Partial result = test(set);
  counts_.count(result);
  level_ = std::max(level_, static_cast<int>(parents_ + set.size()));
  return result;
}

Partial PairTests::test(std::span<const int> set) {
  Partial result{.df = df_ - static_cast<int>(set.size())};
  if (!rest_.empty() && result.df >= 1 && test_rest(set, result)) return result;
  z_.resize(parents_);
  for (const int variable : set) z_.push_back({variable, 0});
  return source_.partial(x_, y_, z_);
}

void PairTests::eliminate_parents(const SharedCorrelation& shared) {
  z_.resize(parents_);
  std::vector<Node> nodes;
  for (const Node node : z_)
    if (!shared.is_constant(node)) nodes.push_back(node);
  const std::size_t eliminated = nodes.size();
  candidates_.assign(of_y_.begin(), of_y_.end());
  for (const int variable : of_x_)
    if (std::ranges::find(of_y_, variable) == of_y_.end()) candidates_.push_back(variable);
  for (const int variable : candidates_) nodes.push_back({variable, 0});
  nodes.push_back(x_);
  nodes.push_back(y_);
  const std::size_t n = nodes.size();
  std::vector<double> matrix(n * n);
  for (std::size_t i = 0; i < n; ++i)
    shared.correlations(nodes[i], std::span(nodes).first(i + 1),
                        std::span(matrix).subspan(i * n, i + 1));
  std::vector<double> column(n);
  if (!eliminate(matrix.data(), n, eliminated, column.data())) return;
  df_ = source_.samples() - 2 - static_cast<int>(eliminated);
  for (std::size_t i = eliminated; i < n; ++i)
    rest_.insert(rest_.end(), matrix.begin() + static_cast<std::ptrdiff_t>(i * n + eliminated),
                 matrix.begin() + static_cast<std::ptrdiff_t>(i * n + i + 1));
}

/// False when the correlations cannot tell.
bool PairTests::test_rest(std::span<const int> set, Partial& result) {
  std::vector<std::size_t> rows;
  for (const int variable : set)
    rows.push_back(
        static_cast<std::size_t>(std::ranges::find(candidates_, variable) - candidates_.begin()));
  rows.push_back(candidates_.size());
  rows.push_back(candidates_.size() + 1);
  const std::size_t n = rows.size();
  work_.resize(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const auto [low, high] = std::minmax(rows[i], rows[j]);
      work_[i * n + j] = rest_[high * (high + 1) / 2 + low];
    }
  return partial_by_cholesky(work_, static_cast<int>(n), result.value);
}

}  // namespace sovren::kernels
