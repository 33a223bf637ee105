// SPDX-License-Identifier: Apache-2.0
// Tests from shared correlations: one by one, and a PC1 pass at a time.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/check.h"
#include "kernels/causal/conditions.h"
#include "kernels/causal/parcorr.h"
#include "kernels/causal/shared_correlation.h"
#include "kernels/linalg/clones.h"

namespace sovren::kernels {
namespace {

/// row[c] -= factor other[c], c = begin .. end-1
SOVREN_CLONES void subtract_multiple(double* row, const double* other, double factor, int begin,
                                     int end) {
  for (int c = begin; c < end; ++c) row[c] -= factor * other[c];
}

/// row[c] /= pivot; rest[c] -= row[c]^2
SOVREN_CLONES void finish_row(double* row, double* rest, double pivot, int begin, int end) {
  for (int c = begin; c < end; ++c) {
    row[c] /= pivot;
    rest[c] -= row[c] * row[c];
  }
}

/// The passes of one target on complete data. In a pass at level p all candidates below the first p
/// share one Z, which is factored once for all of them; the first p themselves leave out one of the
/// first p + 1 each, and their partial correlations all come from one inverse.
class SharedPasses : public PassTests {
 public:
  SharedPasses(const SharedCorrelation& source, Node target) : source_(source), target_(target) {}

  void run(std::span<const Node> order, int level, std::span<Partial> out) override;

 private:
  void run_marginal(std::span<const Node> order, std::span<Partial> out);
  void number(std::span<const Node> order);
  const std::vector<double>& correlations_of(Node node, std::span<const Node> order);
  int factor(std::span<const Node> order, int rows);
  void invert(int rows);
  void one_by_one(std::span<const Node> order, std::size_t candidate, int level, Partial& out);
  int slot(Node node) const {
    return slot_[static_cast<std::size_t>(node.variable) *
                     static_cast<std::size_t>(source_.max_lag() + 1) +
                 static_cast<std::size_t>(node.lag)];
  }

  const SharedCorrelation& source_;
  Node target_;
  std::vector<int> slot_;                   ///< of a node: its place when level 1 began
  std::vector<std::vector<double>> known_;  ///< by slot: correlations with every slot
  std::vector<double> with_target_;         ///< by slot
  std::vector<double> in_order_;            ///< scratch
  std::vector<double> rows_;                ///< (level, width): L^-1 C(Z, candidates and target)
  std::vector<double> rest_;                ///< (width): what the rows leave of each column
  std::vector<double> rest_of_level_;       ///< the same before the last row
  std::vector<double> inverse_;             ///< of the factor of the first level + 1 candidates
  std::vector<Node> z_;
  std::size_t width_ = 0;
};

void SharedPasses::run_marginal(std::span<const Node> order, std::span<Partial> out) {
  // One vectorised row for each lag that occurs, then picked out in the order asked for.
  const auto n = static_cast<std::size_t>(source_.variables());
  std::vector<std::vector<double>> rows(static_cast<std::size_t>(2 * source_.max_lag() + 1));
  for (std::size_t c = 0; c < order.size(); ++c) {
    auto& row = rows[static_cast<std::size_t>(order[c].lag)];
    if (row.empty()) {
      row.resize(n);
      source_.row(target_, order[c].lag, row);
    }
    out[c] = {.value = row[static_cast<std::size_t>(order[c].variable)],
              .df = source_.samples() - 2};
  }
}

void SharedPasses::number(std::span<const Node> order) {
  slot_.assign(static_cast<std::size_t>(source_.variables()) *
                   static_cast<std::size_t>(source_.max_lag() + 1),
               -1);
  known_.assign(order.size(), {});
  with_target_.resize(order.size());
  for (std::size_t c = 0; c < order.size(); ++c) {
    slot_[static_cast<std::size_t>(order[c].variable) *
              static_cast<std::size_t>(source_.max_lag() + 1) +
          static_cast<std::size_t>(order[c].lag)] = static_cast<int>(c);
  }
  source_.correlations(target_, order, with_target_);
}

const std::vector<double>& SharedPasses::correlations_of(Node node, std::span<const Node> order) {
  auto& row = known_[static_cast<std::size_t>(slot(node))];
  if (row.empty()) {
    row.resize(known_.size());
    in_order_.resize(order.size());
    source_.correlations(node, order, in_order_);
    for (std::size_t c = 0; c < order.size(); ++c)
      row[static_cast<std::size_t>(slot(order[c]))] = in_order_[c];
  }
  return row;
}

/// Factors C of the first `rows` candidates and solves for all columns. Returns how many rows were
/// done before a pivot below pivot_min.
int SharedPasses::factor(std::span<const Node> order, int rows) {
  width_ = order.size() + 1;
  rows_.resize(static_cast<std::size_t>(rows) * width_);
  rest_.assign(width_, 1.0);
  const int end = static_cast<int>(width_);
  for (int k = 0; k < rows; ++k) {
    if (k == rows - 1) rest_of_level_ = rest_;
    const double pivot = rest_[static_cast<std::size_t>(k)];
    if (!(pivot >= pivot_min)) return k;
    double* const row = rows_.data() + static_cast<std::size_t>(k) * width_;
    const Node node = order[static_cast<std::size_t>(k)];
    const auto& known = correlations_of(node, order);
    for (std::size_t c = static_cast<std::size_t>(k); c < order.size(); ++c)
      row[c] = known[static_cast<std::size_t>(slot(order[c]))];
    row[order.size()] = with_target_[static_cast<std::size_t>(slot(node))];
    for (int s = 0; s < k; ++s) {
      const double* const other = rows_.data() + static_cast<std::size_t>(s) * width_;
      subtract_multiple(row, other, other[k], k, end);
    }
    row[k] = std::sqrt(pivot);
    finish_row(row, rest_.data(), row[k], k + 1, end);
  }
  return rows;
}

/// inverse_ := L^-1 of the first `rows` candidates, (rows, rows) row-major, lower triangle.
void SharedPasses::invert(int rows) {
  const auto n = static_cast<std::size_t>(rows);
  inverse_.assign(n * n, 0.0);
  const auto factor_at = [&](std::size_t i, std::size_t k) { return rows_[k * width_ + i]; };
  for (std::size_t i = 0; i < n; ++i) {
    double* const row = inverse_.data() + i * n;
    row[i] = 1;
    for (std::size_t k = 0; k < i; ++k) {
      const double l = factor_at(i, k);
      for (std::size_t c = 0; c <= k; ++c) row[c] -= l * inverse_[k * n + c];
    }
    for (std::size_t c = 0; c <= i; ++c) row[c] /= factor_at(i, i);
  }
}

void SharedPasses::one_by_one(std::span<const Node> order, std::size_t candidate, int level,
                              Partial& out) {
  first_others(order, candidate, level, z_);
  out = source_.partial(order[candidate], target_, z_);
}

void SharedPasses::run(std::span<const Node> order, int level, std::span<Partial> out) {
  SOVREN_CHECK(out.size() == order.size(), "one result for each candidate");
  SOVREN_CHECK(std::ssize(order) > level, "there are enough candidates for the level");
  if (level == 0) {
    run_marginal(order, out);
    return;
  }
  if (slot_.empty()) number(order);
  const auto p = static_cast<std::size_t>(level);
  const int df = source_.samples() - 2 - level;
  const int done = df < 1 ? 0 : factor(order, level + 1);
  const std::size_t y = order.size();

  for (std::size_t c = p; c < order.size(); ++c) {
    const double rest_x = done >= level ? rest_of_level_[c] : 0;
    const double rest_y = done >= level ? rest_of_level_[y] : 0;
    if (!(rest_x >= pivot_min) || !(rest_y >= pivot_min)) {
      one_by_one(order, c, level, out[c]);
      continue;
    }
    double covariance = with_target_[static_cast<std::size_t>(slot(order[c]))];
    for (std::size_t k = 0; k < p; ++k) covariance -= rows_[k * width_ + c] * rows_[k * width_ + y];
    const double value = covariance / std::sqrt(rest_x * rest_y);
    if (1 - value * value >= pivot_min)
      out[c] = {.value = value, .df = df};
    else
      one_by_one(order, c, level, out[c]);
  }

  // The first p: regress the target on the first p + 1 at once; each coefficient is one test.
  const double unexplained = done == level + 1 ? rest_[y] : 0;
  const bool is_invertible = unexplained >= pivot_min;
  if (is_invertible) invert(level + 1);
  for (std::size_t c = 0; c < p; ++c) {
    double coefficient = 0;
    double squares = 0;
    for (std::size_t k = c; k <= p && is_invertible; ++k) {
      const double l = inverse_[k * (p + 1) + c];
      coefficient += l * rows_[k * width_ + y];
      squares += l * l;
    }
    if (is_invertible && 1 / squares >= pivot_min) {
      const double part = coefficient / std::sqrt(squares);
      out[c] = {.value = part / std::sqrt(part * part + unexplained), .df = df};
    } else {
      one_by_one(order, c, level, out[c]);
    }
  }
}

}  // namespace

std::unique_ptr<PassTests> SharedCorrelation::passes(Node target) const {
  return std::make_unique<SharedPasses>(*this, target);
}

std::vector<Node> SharedCorrelation::varying(std::span<const Node> nodes) const {
  std::vector<Node> kept;
  kept.reserve(nodes.size() + 2);
  for (const Node node : nodes)
    if (!is_constant(node)) kept.push_back(node);
  return kept;
}

void SharedCorrelation::gather(std::span<const Node> nodes, std::span<double> lower) const {
  for (std::size_t i = 0; i < nodes.size(); ++i)
    correlations(nodes[i], nodes.first(i + 1), lower.subspan(i * nodes.size(), i + 1));
}

Partial SharedCorrelation::partial(Node x, Node y, std::span<const Node> z) const {
  std::vector<Node> nodes = varying(z);
  Partial result{.df = samples() - 2 - static_cast<int>(nodes.size())};
  if (result.df < 1 || is_constant(x) || is_constant(y)) return result;
  nodes.push_back(x);
  nodes.push_back(y);
  std::vector<double> matrix(nodes.size() * nodes.size());
  gather(nodes, matrix);
  if (partial_by_cholesky(matrix, static_cast<int>(nodes.size()), result.value)) return result;
  const int df = result.df;
  result = partial_by_qr(columns(nodes));
  result.df = df;
  return result;
}

double SharedCorrelation::test_s(int conditions) const {
  const double columns = conditions + 2.0;
  return 2e-7 + 5e-9 * columns * columns + 2e-10 * columns * columns * columns;
}

Fit SharedCorrelation::fit(Node y, std::span<const Node> z) const {
  Fit result{.samples = samples()};
  if (is_constant(y)) return result;
  std::vector<Node> nodes = varying(z);
  nodes.push_back(y);
  std::vector<double> matrix(nodes.size() * nodes.size());
  gather(nodes, matrix);
  if (!unexplained_by_cholesky(matrix, static_cast<int>(nodes.size()), result.unexplained))
    result.unexplained = unexplained_by_qr(columns(nodes));
  return result;
}

}  // namespace sovren::kernels
