// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/svar_model.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <queue>

#include "core/base/check.h"
#include "kernels/linalg/blas.h"
#include "kernels/linalg/qr.h"

namespace sovren::kernels {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double constant_spread = 1e-12;  // std <= this * max|x|: 0.1 repeated has std 1e-17

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

/// Takes the mean out, twice: the second time what rounding left of it. Returns the mean.
double centre(std::span<double> values) {
  double mean = 0;
  for (int pass = 0; pass < 2; ++pass) {
    double sum = 0;
    for (const double v : values) sum += v;
    const double part = sum / static_cast<double>(values.size());
    for (double& v : values) v -= part;
    mean += part;
  }
  return mean;
}

SvarModel::Scale scale_of(std::vector<double> measured) {
  if (measured.empty()) return {.centre = nan};
  double largest = 0;
  for (const double v : measured) largest = std::max(largest, std::abs(v));
  SvarModel::Scale scale;
  scale.centre = centre(measured);
  double deviation = 0;
  for (const double v : measured) deviation = std::max(deviation, std::abs(v));
  if (deviation > 0)
    for (double& v : measured) v /= deviation;  // no square overflows or vanishes
  deviation *= std::sqrt(dot(measured, measured) / static_cast<double>(measured.size()));
  scale.spread = deviation > constant_spread * largest ? deviation : 1;
  scale.resolution = largest / scale.spread;
  return scale;
}

std::vector<SvarModel::Scale> scales_of(const Series& series) {
  std::vector<SvarModel::Scale> scales;
  const auto n = at(series.variables);
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> measured;
    for (std::size_t cell = i; cell < at(series.steps) * n; cell += n)
      if (series.valid.empty() || series.valid[cell] != 0) measured.push_back(series.values[cell]);
    scales.push_back(scale_of(std::move(measured)));
  }
  return scales;
}

/// Standardised data with what fits one equation after the other to them.
class Fitting {
 public:
  Fitting(const SvarModel& model, std::span<const double> data, const Mask& mask,
          std::span<double> residuals)
      : model_(model),
        mask_(mask),
        residuals_(residuals),
        n_(at(model.variables)),
        steps_(data.size() / n_),
        columns_(data.size()),
        is_whole_(n_, true) {
    for (std::size_t t = 0; t < steps_; ++t)
      for (std::size_t i = 0; i < n_; ++i) {
        columns_[i * steps_ + t] = data[t * n_ + i];
        if (std::isnan(data[t * n_ + i])) is_whole_[i] = false;
      }
  }

  SvarEquation fit(int target, std::vector<Node> parents) const {
    SvarEquation equation;
    const std::size_t count = parents.size();
    equation.coefficients.assign(count, 0.0);
    std::vector<int> rows = usable_rows(target, parents);
    std::vector<Node> used = parents;
    if (rows.size() < count + 2) {
      equation.is_short = count > 0;
      used.clear();
      rows = usable_rows(target, used);
    }
    equation.parents = std::move(parents);
    solve(equation, target, used, rows);
    return equation;
  }

 private:
  struct Column {
    std::size_t parent;  // place among the parents
    double mean;
    double length;
  };

  double value(int row, Node node) const {
    return columns_[at(node.variable) * steps_ + at(row - node.lag)];
  }

  bool is_masked(int row, Node node) const {
    return mask_.masked[at(row - node.lag) * n_ + at(node.variable)] != 0;
  }

  /// Those from max_lag on at which target and parents are measured, and not masked in their role.
  std::vector<int> usable_rows(int target, std::span<const Node> parents) const {
    std::vector<Node> holed;
    std::vector<Node> masked;
    if (!is_whole_[at(target)]) holed.push_back({target, 0});
    for (const Node parent : parents)
      if (!is_whole_[at(parent.variable)]) holed.push_back(parent);
    if (!mask_.masked.empty()) {
      if (mask_.in_y) masked.push_back({target, 0});
      if (mask_.in_z) masked.insert(masked.end(), parents.begin(), parents.end());
    }
    std::vector<int> rows;
    rows.reserve(steps_);
    for (int row = model_.max_lag; row < static_cast<int>(steps_); ++row)
      if (std::ranges::none_of(holed, [&](Node node) { return std::isnan(value(row, node)); }) &&
          std::ranges::none_of(masked, [&](Node node) { return is_masked(row, node); }))
        rows.push_back(row);
    return rows;
  }

  std::vector<double> column(Node node, std::span<const int> rows) const {
    std::vector<double> values;
    values.reserve(rows.size());
    for (const int row : rows) values.push_back(value(row, node));
    return values;
  }

  bool is_constant(int variable, double length, std::size_t rows) const {
    const double deviation = length / std::sqrt(static_cast<double>(rows));
    return !(deviation > constant_spread * model_.scales[at(variable)].resolution);
  }

  /// Columns of the parents that vary, centred and of length 1, one behind another.
  std::vector<double> matrix(std::span<const Node> parents, std::span<const int> rows,
                             std::vector<Column>& columns) const {
    std::vector<double> values;
    for (std::size_t k = 0; k < parents.size(); ++k) {
      std::vector<double> own = column(parents[k], rows);
      const double mean = centre(own);
      const double length = std::sqrt(dot(own, own));
      if (is_constant(parents[k].variable, length, rows.size())) continue;
      for (const double v : own) values.push_back(v / length);
      columns.push_back({k, mean, length});
    }
    return values;
  }

  double tolerance(std::span<const Node> parents, std::size_t rows) const {
    double worst = static_cast<double>(std::max(rows, parents.size()));
    for (const Node parent : parents)
      worst = std::max(worst, model_.scales[at(parent.variable)].resolution);
    return 4 * std::numeric_limits<double>::epsilon() * worst;
  }

  void solve(SvarEquation& equation, int target, std::span<const Node> parents,
             std::span<const int> rows) const {
    equation.samples = static_cast<int>(rows.size());
    if (rows.empty()) return;
    std::vector<double> y = column({target, 0}, rows);
    equation.offset = centre(y);
    const double total = dot(y, y);
    if (is_constant(target, std::sqrt(total), rows.size())) return put_residuals(target, rows, y);
    std::vector<Column> columns;
    std::vector<double> x = matrix(parents, rows, columns);
    const PivotedQr qr(std::move(x), equation.samples, static_cast<int>(columns.size()),
                       tolerance(parents, rows.size()));
    const std::vector<double> factors = qr.solve(y);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const double coefficient = factors[c] / columns[c].length;
      equation.coefficients[columns[c].parent] = coefficient;
      equation.offset -= coefficient * columns[c].mean;
    }
    qr.project_out(y);
    const double unexplained = dot(y, y);
    equation.rank = qr.rank();
    equation.unexplained = unexplained / total;
    const int df = equation.samples - 1 - equation.rank;
    equation.variance = df > 0 ? unexplained / df : 0;
    put_residuals(target, rows, y);
  }

  void put_residuals(int target, std::span<const int> rows, std::span<const double> y) const {
    for (std::size_t k = 0; k < rows.size(); ++k) residuals_[at(rows[k]) * n_ + at(target)] = y[k];
  }

  const SvarModel& model_;
  const Mask& mask_;
  std::span<double> residuals_;
  std::size_t n_;
  std::size_t steps_;
  std::vector<double> columns_;  ///< (variable, time): the data
  std::vector<bool> is_whole_;   ///< by variable: nothing is missing
};

/// Products over the rows at which both residuals are defined, each residual divided by the root
/// of its degrees of freedom: a Gram matrix, so positive semidefinite, with the variances on its
/// diagonal. Missing rows only make covariances smaller.
std::vector<double> covariance_of(const SvarModel& model, std::span<const double> residuals) {
  const auto n = at(model.variables);
  std::vector<double> shares(residuals.begin(), residuals.end());
  for (std::size_t cell = 0; cell < shares.size(); ++cell) {
    const SvarEquation& equation = model.equations[cell % n];
    const int df = equation.samples - 1 - equation.rank;
    if (std::isnan(shares[cell]) || df < 1)
      shares[cell] = 0;
    else
      shares[cell] /= std::sqrt(static_cast<double>(df));
  }
  std::vector<double> covariance(n * n);
  gemm_tn(model.variables, model.variables, static_cast<int>(shares.size() / n), shares.data(),
          model.variables, shares.data(), model.variables, covariance.data(), model.variables);
  return covariance;
}

void check_parents(const ParentLists& parents, int variables, int max_lag) {
  SOVREN_CHECK(std::ssize(parents) == variables, "one list of parents for each variable");
  for (int target = 0; target < variables; ++target)
    for (const Node parent : parents[at(target)])
      SOVREN_CHECK(parent.variable >= 0 && parent.variable < variables && parent.lag >= 0 &&
                       parent.lag <= max_lag && parent != (Node{target, 0}),
                   "parents are variables at lags up to max_lag");
}

}  // namespace

double SvarModel::standardised_coefficient(int target, Node source) const {
  const SvarEquation& equation = equations[at(target)];
  const auto found = std::ranges::find(equation.parents, source);
  if (found == equation.parents.end()) return 0;
  return equation.coefficients[at(static_cast<int>(found - equation.parents.begin()))];
}

double SvarModel::raw_coefficient(int target, Node source) const {
  return standardised_coefficient(target, source) *
         (scales[at(target)].spread / scales[at(source.variable)].spread);
}

double SvarModel::intercept(int target) const {
  const SvarEquation& equation = equations[at(target)];
  double intercept = scales[at(target)].raw(equation.offset);
  for (std::size_t k = 0; k < equation.parents.size(); ++k)
    if (equation.coefficients[k] != 0)
      intercept -= raw_coefficient(target, equation.parents[k]) *
                   scales[at(equation.parents[k].variable)].centre;
  return intercept;
}

std::optional<std::vector<int>> order_at_lag0(const ParentLists& parents) {
  std::vector<int> waits_for(parents.size(), 0);
  std::vector<std::vector<int>> effects(parents.size());
  for (std::size_t target = 0; target < parents.size(); ++target)
    for (const Node parent : parents[target]) {
      if (parent.lag != 0) continue;
      ++waits_for[target];
      effects[at(parent.variable)].push_back(static_cast<int>(target));
    }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (std::size_t i = 0; i < parents.size(); ++i)
    if (waits_for[i] == 0) ready.push(static_cast<int>(i));
  std::vector<int> order;
  while (!ready.empty()) {
    const int next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const int effect : effects[at(next)])
      if (--waits_for[at(effect)] == 0) ready.push(effect);
  }
  if (order.size() < parents.size()) return std::nullopt;
  return order;
}

std::vector<double> standardise(const SvarModel& model, const Series& series) {
  const auto n = at(series.variables);
  std::vector<double> data(at(series.steps) * n, nan);
  for (std::size_t cell = 0; cell < data.size(); ++cell)
    if (series.valid.empty() || series.valid[cell] != 0)
      data[cell] = model.scales[cell % n].standardised(series.values[cell]);
  return data;
}

SvarModel fit_svar(const Series& series, int max_lag, ParentLists parents, const Mask& mask,
                   std::vector<double>* residuals) {
  check_parents(parents, series.variables, max_lag);
  auto order = order_at_lag0(parents);
  SOVREN_CHECK(order.has_value(), "lag 0 has no circle");
  SvarModel model;
  model.variables = series.variables;
  model.max_lag = max_lag;
  model.order = std::move(*order);
  model.scales = scales_of(series);
  const std::vector<double> data = standardise(model, series);
  std::vector<double> rests(data.size(), nan);
  const Fitting fitting(model, data, mask, rests);
  for (int target = 0; target < model.variables; ++target)
    model.equations.push_back(fitting.fit(target, std::move(parents[at(target)])));
  model.covariance = covariance_of(model, rests);
  if (residuals != nullptr) *residuals = std::move(rests);
  return model;
}

}  // namespace sovren::kernels
