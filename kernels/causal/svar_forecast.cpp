// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/svar_forecast.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/normal.h"
#include "kernels/linalg/blas.h"

namespace sovren::kernels {
namespace {

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

constexpr double width_min = 1e-12;  // of an interval, against the largest value: less is rounding
constexpr std::size_t scattered_cost = 8;  // of a product, in those of a matrix product
constexpr double effect_min = 1e-15;       // in standard deviations: less adds to no variance

/// What the equation expects of a target, given the values before it.
double expected(const SvarModel& model, std::span<const double> values, int row, int target) {
  const auto n = at(model.variables);
  const SvarEquation& equation = model.equations[at(target)];
  double sum = equation.offset;
  for (std::size_t p = 0; p < equation.parents.size(); ++p) {
    const Node parent = equation.parents[p];
    sum += equation.coefficients[p] * values[at(row - parent.lag) * n + at(parent.variable)];
  }
  return sum;
}

/// Fills one row from those before it. residuals: of the whole series; empty: 0.
void run_row(const SvarModel& model, std::span<double> values, int row,
             std::span<const double> residuals, const std::optional<Hold>& hold) {
  const auto n = at(model.variables);
  for (const int target : model.order) {
    const std::size_t cell = at(row) * n + at(target);
    if (hold && hold->holds(target, row)) {
      values[cell] = hold->value;
      continue;
    }
    values[cell] = expected(model, values, row, target);
    if (!residuals.empty()) values[cell] += residuals[cell];
  }
}

/// (target, source) matrices of the effects at one time after another of a change at an earlier
/// one; remembers those that the next one needs.
class Spreading {
 public:
  /// A residual that comes in `row`, where nothing else has come.
  Spreading(const SvarModel& model, const std::optional<Hold>& hold, int row)
      : model_(model), hold_(hold), first_(row), row_(row), n_(at(model.variables)) {
    past_.resize(at(model.max_lag) + 1);
  }

  /// Variances, by target, that residuals of the first row add to the next row: first, first + 1...
  std::vector<double> next_variances() {
    std::vector<double>& now = matrix(row_);
    now.assign(n_ * n_, 0.0);
    for (const int target : model_.order) fill(target, now);
    ++row_;
    const bool is_small =
        std::ranges::all_of(now, [](double effect) { return std::abs(effect) < effect_min; });
    small_rows_ = is_small ? small_rows_ + 1 : 0;
    return variances(now);
  }

  /// Is there nothing left that could spread to later rows?
  bool is_spent() const { return small_rows_ > model_.max_lag; }

 private:
  std::vector<double>& matrix(int row) { return past_[at(row - first_) % past_.size()]; }

  void fill(int target, std::vector<double>& now) {
    if (hold_ && hold_->holds(target, row_)) return;
    double* const effects = now.data() + at(target) * n_;
    if (row_ == first_) effects[target] = 1;
    const SvarEquation& equation = model_.equations[at(target)];
    for (std::size_t p = 0; p < equation.parents.size(); ++p) {
      const Node parent = equation.parents[p];
      if (row_ - parent.lag < first_ || equation.coefficients[p] == 0) continue;
      const double* const causes = matrix(row_ - parent.lag).data() + at(parent.variable) * n_;
      for (std::size_t s = 0; s < n_; ++s) effects[s] += equation.coefficients[p] * causes[s];
    }
  }

  /// Diagonal of E Sigma E^T, E the effects (target, source).
  std::vector<double> variances(std::span<const double> effects) const {
    std::vector<std::vector<std::size_t>> sources(n_);  // that reach a target
    std::size_t products = 0;
    for (std::size_t target = 0; target < n_; ++target) {
      for (std::size_t s = 0; s < n_; ++s)
        if (effects[target * n_ + s] != 0) sources[target].push_back(s);
      products += sources[target].size() * sources[target].size();
    }
    return products < n_ * n_ * n_ / scattered_cost ? few_variances(effects, sources)
                                                    : many_variances(effects);
  }

  std::vector<double> few_variances(std::span<const double> effects,
                                    std::span<const std::vector<std::size_t>> sources) const {
    std::vector<double> result;
    result.reserve(n_);
    for (std::size_t target = 0; target < n_; ++target) {
      const double* const own = effects.data() + target * n_;
      double sum = 0;
      for (const std::size_t a : sources[target])
        for (const std::size_t b : sources[target])
          sum += own[a] * model_.covariance[a * n_ + b] * own[b];
      result.push_back(std::max(0.0, sum));
    }
    return result;
  }

  std::vector<double> many_variances(std::span<const double> effects) const {
    std::vector<double> by_source(n_ * n_);
    for (std::size_t target = 0; target < n_; ++target)
      for (std::size_t s = 0; s < n_; ++s) by_source[s * n_ + target] = effects[target * n_ + s];
    std::vector<double> products(n_ * n_);
    const int n = model_.variables;
    gemm_tn(n, n, n, by_source.data(), n, model_.covariance.data(), n, products.data(), n);
    std::vector<double> result;
    result.reserve(n_);
    for (std::size_t target = 0; target < n_; ++target)
      result.push_back(std::max(0.0, dot(std::span(products).subspan(target * n_, n_),
                                         effects.subspan(target * n_, n_))));
    return result;
  }

  const SvarModel& model_;
  const std::optional<Hold>& hold_;
  int first_;
  int row_;
  int small_rows_ = 0;  ///< in succession
  std::size_t n_;
  std::vector<std::vector<double>> past_;  ///< of the last max_lag + 1 rows
};

/// Variances of rows first .. first + steps - 1 from residuals of those rows. Once nothing about
/// the hold changes any more, the residuals of each row spread alike.
std::vector<double> forecast_variances(const SvarModel& model, int first, int steps,
                                       const std::optional<Hold>& hold) {
  const auto n = at(model.variables);
  std::vector<double> sums(at(steps) * n, 0.0);
  const int last = first + steps - 1;
  for (int from = first; from <= last; ++from) {
    const bool is_settled =
        !hold || from > hold->until || (from >= hold->from && last <= hold->until);
    Spreading spreading(model, hold, from);
    std::vector<double> all(n, 0.0);  // that reaches the row: settled, from all rows before it
    for (int row = from; row <= last; ++row) {
      if (!is_settled) all.assign(n, 0.0);
      if (!spreading.is_spent()) {
        const std::vector<double> own = spreading.next_variances();
        for (std::size_t j = 0; j < n; ++j) all[j] += own[j];
      } else if (!is_settled) {
        break;
      }
      for (std::size_t j = 0; j < n; ++j) sums[at(row - first) * n + j] += all[j];
    }
    if (is_settled) break;
  }
  return sums;
}

}  // namespace

Abducted abduct(const SvarModel& model, std::span<const double> data) {
  const auto n = at(model.variables);
  Abducted past{{data.begin(), data.end()}, std::vector<double>(data.size(), 0.0)};
  const int rows = static_cast<int>(data.size() / n);
  for (std::size_t cell = 0; cell < std::min(data.size(), at(model.max_lag) * n); ++cell)
    if (std::isnan(past.values[cell])) past.values[cell] = 0;
  for (int row = model.max_lag; row < rows; ++row)
    for (const int target : model.order) {
      const std::size_t cell = at(row) * n + at(target);
      const double prediction = expected(model, past.values, row, target);
      if (std::isnan(data[cell]))
        past.values[cell] = prediction;
      else
        past.residuals[cell] = data[cell] - prediction;
    }
  return past;
}

std::vector<double> replay(const SvarModel& model, const Abducted& past, int last,
                           const std::optional<Hold>& hold) {
  SOVREN_CHECK(!hold || hold->from >= model.max_lag, "the rows before max_lag have no equations");
  const auto begin = past.values.begin();
  std::vector<double> values(begin, begin + std::ptrdiff_t{last + 1} * model.variables);
  for (int row = model.max_lag; row <= last; ++row)
    run_row(model, values, row, past.residuals, hold);
  return values;
}

SvarForecast forecast(const SvarModel& model, std::span<const double> values, int steps,
                      const std::optional<Hold>& hold) {
  const auto n = at(model.variables);
  const int rows = static_cast<int>(values.size() / n);
  SOVREN_CHECK(rows >= model.max_lag, "there is a whole past");
  std::vector<double> all(values.begin(), values.end());
  all.resize(at(rows + steps) * n);
  for (int row = rows; row < rows + steps; ++row) run_row(model, all, row, {}, hold);
  SvarForecast result;
  result.mean.assign(all.begin() + std::ssize(values), all.end());
  result.deviation = forecast_variances(model, rows, steps, hold);
  for (double& each : result.deviation) each = std::sqrt(each);
  return result;
}

double interval_factor(double level) {
  return normal_quantile(0.5 + level / 2);
}

IntervalCoverage hold_out_coverage(const Series& series, int max_lag, const ParentLists& parents,
                                   int rows_fitted, int steps, double level, const Mask& mask) {
  const auto n = at(series.variables);
  const std::size_t cells = at(rows_fitted) * n;
  Series early = series;
  early.steps = rows_fitted;
  early.values = series.values.first(cells);
  if (!series.valid.empty()) early.valid = series.valid.first(cells);
  Mask early_mask = mask;
  if (!mask.masked.empty()) early_mask.masked = mask.masked.first(cells);
  const bool has_masked_targets = mask.in_y && !mask.masked.empty();
  const SvarModel model = fit_svar(early, max_lag, parents, early_mask);
  const std::vector<double> data = standardise(model, series);
  const std::vector<double> known = abduct(model, data).values;
  std::vector<double> reach = forecast_variances(model, rows_fitted, steps, std::nullopt);
  for (double& each : reach) each = std::sqrt(each);
  const double factor = interval_factor(level);

  IntervalCoverage coverage{std::vector<std::int64_t>(at(steps)),
                            std::vector<std::int64_t>(at(steps)), rows_fitted};
  std::vector<double> window(at(max_lag + steps) * n);
  for (int origin = rows_fitted; origin < series.steps; ++origin) {
    std::copy_n(known.data() + at(origin - max_lag) * n, at(max_lag) * n, window.data());
    for (int step = 0; step < steps && origin + step < series.steps; ++step) {
      run_row(model, window, max_lag + step, {}, std::nullopt);
      for (std::size_t j = 0; j < n; ++j) {
        const std::size_t cell = at(origin + step) * n + j;
        const double value = data[cell];
        const double deviation = reach[at(step) * n + j];
        if (has_masked_targets && mask.masked[cell] != 0) continue;
        if (std::isnan(value) || !(deviation > width_min * model.scales[j].resolution)) continue;
        const double off = std::abs(value - window[at(max_lag + step) * n + j]);
        coverage.inside[at(step)] += off <= factor * deviation;
        ++coverage.compared[at(step)];
      }
    }
  }
  return coverage;
}

}  // namespace sovren::kernels
