// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/mci_panel.h"

#include <algorithm>
#include <cmath>

#include "kernels/causal/parcorr.h"
#include "kernels/causal/shared_correlation.h"
#include "kernels/linalg/clones.h"

namespace sovren::kernels {
namespace {

/// row[c] -= factor other[c]
SOVREN_CLONES void subtract_multiple(double* row, const double* other, double factor,
                                     std::size_t n) {
  for (std::size_t c = 0; c < n; ++c) row[c] -= factor * other[c];
}

SOVREN_CLONES void divide(double* row, double divisor, std::size_t n) {
  for (std::size_t c = 0; c < n; ++c) row[c] /= divisor;
}

/// Eight numbers that the processor handles at once, in as many instructions as it needs.
typedef double Lanes __attribute__((vector_size(64), aligned(8), may_alias));
constexpr std::size_t lane_count = 8;

/// to[0 .. 8 blocks) -= sum over k < rows of work[k][pivot] work[k][begin ...]. The even and the
/// odd k are two sums, so that one subtraction need not wait for the last.
template <std::size_t blocks>
inline __attribute__((always_inline)) void subtract_products(const double* work, std::size_t stride,
                                                             std::size_t rows, std::size_t pivot,
                                                             std::size_t begin, double* to) {
  Lanes even[blocks];
  Lanes odd[blocks];
  for (std::size_t b = 0; b < blocks; ++b) {
    even[b] = *reinterpret_cast<const Lanes*>(to + b * lane_count);
    odd[b] = Lanes{};
  }
  const double* row = work;
  for (std::size_t k = 0; k + 2 <= rows; k += 2, row += 2 * stride) {
    for (std::size_t b = 0; b < blocks; ++b) {
      const double* const at = row + begin + b * lane_count;
      even[b] -= row[pivot] * *reinterpret_cast<const Lanes*>(at);
      odd[b] += row[stride + pivot] * *reinterpret_cast<const Lanes*>(at + stride);
    }
  }
  if (rows % 2 == 1)
    for (std::size_t b = 0; b < blocks; ++b)
      even[b] -= row[pivot] * *reinterpret_cast<const Lanes*>(row + begin + b * lane_count);
  for (std::size_t b = 0; b < blocks; ++b)
    *reinterpret_cast<Lanes*>(to + b * lane_count) = even[b] - odd[b];
}

/// Cholesky by rows of the matrix in rows parents .. parents + n - 1 of work (upper triangle;
/// column n: y), less what the rows before explain. False at a pivot below pivot_min.
SOVREN_CLONES bool eliminate(double* work, std::size_t stride, std::size_t parents, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    double* const row = work + (parents + i) * stride;
    const std::size_t rows = parents + i;
    std::size_t begin = i / lane_count * lane_count;
    while (begin < stride) {
      double* const to = row + begin;
      const std::size_t blocks = std::min<std::size_t>((stride - begin) / lane_count, 4);
      switch (blocks) {
        case 1:
          subtract_products<1>(work, stride, rows, i, begin, to);
          break;
        case 2:
          subtract_products<2>(work, stride, rows, i, begin, to);
          break;
        case 3:
          subtract_products<3>(work, stride, rows, i, begin, to);
          break;
        default:
          subtract_products<4>(work, stride, rows, i, begin, to);
      }
      begin += blocks * lane_count;
    }
    const double pivot = row[i];
    if (!(pivot >= pivot_min)) return false;
    const double inverse_root = 1 / std::sqrt(pivot);
    for (std::size_t c = i; c < stride; ++c) row[c] *= inverse_root;
  }
  return true;
}

}  // namespace

MciPanel::MciPanel(const SharedCorrelation& source, Node y, std::span<const Node> parents)
    : samples_(source.samples()) {
  const auto n = static_cast<std::size_t>(source.variables());
  const int lags = 2 * source.max_lag() + 1;
  const std::size_t column_count = n * static_cast<std::size_t>(lags);
  std::vector<Node> varying;
  for (const Node parent : parents)
    if (!source.is_constant(parent)) varying.push_back(parent);
  width_ = varying.size() + 1;
  rows_.resize(width_ * column_count);
  parent_at_.assign(column_count, -1);
  const auto fill_row = [&](std::size_t k, Node node) {
    for (int lag = 0; lag < lags; ++lag)
      source.row(node, lag,
                 std::span(rows_).subspan(k * column_count + static_cast<std::size_t>(lag) * n, n));
  };
  std::vector<std::size_t> own_columns;
  for (std::size_t k = 0; k < varying.size(); ++k) {
    fill_row(k, varying[k]);
    own_columns.push_back(static_cast<std::size_t>(varying[k].lag) * n +
                          static_cast<std::size_t>(varying[k].variable));
    parent_at_[own_columns.back()] = static_cast<int>(k);
  }
  fill_row(varying.size(), y);
  const auto y_column = static_cast<std::size_t>(y.variable);  // y has lag 0
  is_well_conditioned_ = factor(own_columns);
  if (!is_well_conditioned_) return;
  double* const with_y = rows_.data() + varying.size() * column_count;
  for (std::size_t k = 0; k < varying.size(); ++k) {
    const double* const row = rows_.data() + k * column_count;
    parents_with_y_.push_back(row[y_column]);
    subtract_multiple(with_y, row, row[y_column], column_count);
  }
  rest_y_ = with_y[y_column];
  is_well_conditioned_ = rest_y_ >= pivot_min;
  if (!is_well_conditioned_) return;
  invert(own_columns);
  transpose(column_count);
}

/// rows_[k] := (L^-1 C(P, all columns))[k]. False at a pivot below pivot_min.
bool MciPanel::factor(std::span<const std::size_t> own_columns) {
  const std::size_t column_count = rows_.size() / width_;
  for (std::size_t k = 0; k < own_columns.size(); ++k) {
    const std::size_t own = own_columns[k];
    double* const row = rows_.data() + k * column_count;
    for (std::size_t s = 0; s < k; ++s) {
      const double* const other = rows_.data() + s * column_count;
      subtract_multiple(row, other, other[own], column_count);
    }
    const double pivot = row[own];
    if (!(pivot >= pivot_min)) return false;
    divide(row, std::sqrt(pivot), column_count);
  }
  return true;
}

void MciPanel::transpose(std::size_t column_count) {
  columns_.resize(rows_.size());
  for (std::size_t c = 0; c < column_count; ++c)
    for (std::size_t k = 0; k < width_; ++k) columns_[c * width_ + k] = rows_[k * column_count + c];
}

/// work_ := the solved columns as rows, one for each parent, and below them the correlations among
/// the kept columns (upper triangle). Two more columns: y (0 above, below what P leaves of it), and
/// the unit vector of one parent, which elimination turns into a column of the inverse factor.
void MciPanel::fill_work(std::span<const int> columns, const double* block, std::size_t stride,
                         std::size_t parent) {
  const std::size_t n = kept_.size();
  const std::size_t parents = width_ - 1;
  if (work_.size() < (parents + n) * stride) work_.resize((parents + n) * stride);
  for (std::size_t k = 0; k < parents; ++k)
    std::fill_n(work_.data() + k * stride + n, stride - n, 0.0);
  if (parent < parents)
    for (std::size_t k = parent; k < parents; ++k)
      work_[k * stride + n + 1] = inverse_[k * parents + parent];
  for (std::size_t c = 0; c < n; ++c) {
    const double* const column =
        columns_.data() + static_cast<std::size_t>(columns[kept_[c]]) * width_;
    for (std::size_t k = 0; k < parents; ++k) work_[k * stride + c] = column[k];
    double* const row = work_.data() + (parents + c) * stride;
    const std::size_t first = kept_[c];  // of the block's row, which starts at its diagonal
    const double* const from = block + first * columns.size() - first * (first + 1) / 2;
    const std::size_t begin = c / lane_count * lane_count;
    for (std::size_t other = begin; other < c; ++other) row[other] = 0;
    if (n == columns.size())
      for (std::size_t other = c; other < n; ++other) row[other] = from[other];
    else
      for (std::size_t other = c; other < n; ++other) row[other] = from[kept_[other]];
    row[n] = column[parents];
    for (std::size_t other = n + 1; other < stride; ++other) row[other] = 0;
  }
}

/// L^-1 of the parents' own factor, (parents, parents), lower triangle.
void MciPanel::invert(std::span<const std::size_t> own_columns) {
  const std::size_t parents = width_ - 1;
  const std::size_t column_count = rows_.size() / width_;
  inverse_.assign(parents * parents, 0.0);
  for (std::size_t i = 0; i < parents; ++i) {
    double* const row = inverse_.data() + i * parents;
    row[i] = 1;
    for (std::size_t k = 0; k < i; ++k) {
      const double l = rows_[k * column_count + own_columns[i]];
      for (std::size_t c = 0; c <= k; ++c) row[c] -= l * inverse_[k * parents + c];
    }
    const double diagonal = rows_[i * column_count + own_columns[i]];
    for (std::size_t c = 0; c <= i; ++c) row[c] /= diagonal;
  }
}

bool MciPanel::test(std::span<const int> columns, const double* block, Partial& result) {
  const int parent = parent_at_[static_cast<std::size_t>(columns.back())];
  kept_.clear();
  for (std::size_t c = 0; c < columns.size(); ++c)
    if (parent_at_[static_cast<std::size_t>(columns[c])] < 0) kept_.push_back(c);
  const std::size_t n = kept_.size();
  const std::size_t parents = width_ - 1;
  result.df = samples_ - 2 - static_cast<int>(parents + n - 1);
  if (result.df < 1) return true;

  const std::size_t stride = (n + 2 + lane_count - 1) / lane_count * lane_count;
  fill_work(columns, block, stride, parent < 0 ? parents : static_cast<std::size_t>(parent));
  if (!eliminate(work_.data(), stride, parents, n)) return false;
  return parent < 0 ? finish_new(n, stride, result)
                    : finish_parent(n, stride, static_cast<std::size_t>(parent), result);
}

/// x is the last of the kept columns.
bool MciPanel::finish_new(std::size_t n, std::size_t stride, Partial& result) const {
  const double* const with_y = work_.data() + (width_ - 1) * stride + n;
  double rest_y = rest_y_;
  for (std::size_t i = 0; i + 1 < n; ++i) rest_y -= with_y[i * stride] * with_y[i * stride];
  const double last = with_y[(n - 1) * stride];
  if (!(rest_y >= pivot_min) || !(rest_y - last * last >= pivot_min)) return false;
  result.value = last / std::sqrt(rest_y);
  return true;
}

/// x is a parent, so it stands in the factor before others that it must be tested given: its
/// coefficient in the regression of y on all of them says the same.
bool MciPanel::finish_parent(std::size_t n, std::size_t stride, std::size_t parent,
                             Partial& result) const {
  const std::size_t parents = width_ - 1;
  double coefficient = 0;
  double squares = 0;
  for (std::size_t k = parent; k < parents; ++k) {
    const double u = inverse_[k * parents + parent];
    coefficient += u * parents_with_y_[k];
    squares += u * u;
  }
  double unexplained = rest_y_;
  const double* const below = work_.data() + parents * stride + n;
  for (std::size_t i = 0; i < n; ++i) {
    const double with_y = below[i * stride];
    const double u = below[i * stride + 1];
    coefficient += u * with_y;
    squares += u * u;
    unexplained -= with_y * with_y;
  }
  if (!(unexplained >= pivot_min) || !(1 / squares >= pivot_min)) return false;
  const double part = coefficient / std::sqrt(squares);
  result.value = part / std::sqrt(part * part + unexplained);
  return true;
}

}  // namespace sovren::kernels
