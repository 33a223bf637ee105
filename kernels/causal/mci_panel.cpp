// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/mci_panel.h"

#include <cmath>

#include "kernels/causal/lag_covariance.h"
#include "kernels/causal/parcorr.h"
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

}  // namespace

MciPanel::MciPanel(const LagCorrelation& source, Node y, std::span<const Node> parents)
    : samples_(source.samples()) {
  const auto n = static_cast<std::size_t>(source.variables());
  const int lags = 2 * source.max_lag() + 1;
  const std::size_t column_count = n * static_cast<std::size_t>(lags);
  std::vector<Node> varying;
  for (const Node parent : parents)
    if (!source.is_constant(parent)) varying.push_back(parent);
  width_ = varying.size() + 1;
  rows_.resize(width_ * column_count);
  is_parent_.assign(column_count, 0);
  const auto fill_row = [&](std::size_t k, Node node) {
    for (int lag = 0; lag < lags; ++lag)
      source.row(node, lag,
                 std::span(rows_).subspan(k * column_count + static_cast<std::size_t>(lag) * n, n));
  };
  for (std::size_t k = 0; k < varying.size(); ++k) {
    fill_row(k, varying[k]);
    is_parent_[static_cast<std::size_t>(varying[k].lag) * n +
               static_cast<std::size_t>(varying[k].variable)] = 1;
  }
  fill_row(varying.size(), y);
  const auto y_column = static_cast<std::size_t>(y.variable);  // y has lag 0
  is_well_conditioned_ = factor(source, varying);
  if (!is_well_conditioned_) return;
  double* const with_y = rows_.data() + varying.size() * column_count;
  for (std::size_t k = 0; k < varying.size(); ++k) {
    const double* const row = rows_.data() + k * column_count;
    subtract_multiple(with_y, row, row[y_column], column_count);
  }
  rest_y_ = with_y[y_column];
  is_well_conditioned_ = rest_y_ >= pivot_min;
  if (is_well_conditioned_) transpose(column_count);
}

/// rows_[k] := (L^-1 C(P, all columns))[k]. False at a pivot below pivot_min.
bool MciPanel::factor(const LagCorrelation& source, std::span<const Node> parents) {
  const auto n = static_cast<std::size_t>(source.variables());
  const std::size_t column_count = rows_.size() / width_;
  for (std::size_t k = 0; k < parents.size(); ++k) {
    const std::size_t own = static_cast<std::size_t>(parents[k].lag) * n +
                            static_cast<std::size_t>(parents[k].variable);
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

bool MciPanel::test(std::span<const int> columns, const double* block, Partial& result) {
  if (is_parent_[static_cast<std::size_t>(columns.back())] != 0) return false;
  kept_.clear();
  for (std::size_t c = 0; c < columns.size(); ++c)
    if (is_parent_[static_cast<std::size_t>(columns[c])] == 0) kept_.push_back(c);
  const std::size_t n = kept_.size();
  const std::size_t parents = width_ - 1;
  result.df = samples_ - 2 - static_cast<int>(parents + n - 1);
  if (result.df < 1) return true;

  // Cholesky of what P leaves of the columns; y rides along as one more row.
  small_.resize(n * n + n);
  double* const y_row = small_.data() + n * n;
  double rest_y = rest_y_;
  for (std::size_t i = 0; i < n; ++i) {
    const double* const column =
        columns_.data() + static_cast<std::size_t>(columns[kept_[i]]) * width_;
    const double* const correlations = block + kept_[i] * (kept_[i] + 1) / 2;
    double* const row = small_.data() + i * n;
    for (std::size_t j = 0; j <= i; ++j) {
      const double* const other =
          columns_.data() + static_cast<std::size_t>(columns[kept_[j]]) * width_;
      const double* const other_row = small_.data() + j * n;
      double sum = correlations[kept_[j]];
      for (std::size_t k = 0; k < parents; ++k) sum -= column[k] * other[k];
      for (std::size_t k = 0; k < j; ++k) sum -= row[k] * other_row[k];
      if (j < i) {
        row[j] = sum / other_row[j];
      } else {
        if (!(sum >= pivot_min)) return false;
        row[i] = std::sqrt(sum);
      }
    }
    double sum = column[parents];
    for (std::size_t k = 0; k < i; ++k) sum -= row[k] * y_row[k];
    y_row[i] = sum / row[i];
    if (i + 1 < n) rest_y -= y_row[i] * y_row[i];
  }
  const double last = y_row[n - 1];
  if (!(rest_y >= pivot_min) || !(rest_y - last * last >= pivot_min)) return false;
  result.value = last / std::sqrt(rest_y);
  return true;
}

}  // namespace sovren::kernels
