// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/series_check.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>

#include "kernels/causal/discrete_samples.h"
#include "kernels/linalg/blas.h"

namespace sovren::jobs {

namespace {

constexpr double constant_spread = 1e-12;    // std <= this * max|x|: 0.1 repeated has std 1e-17
constexpr double variance_left_min = 1e-10;  // less: the column is determined by others
constexpr double share_named_min = 1e-6;     // smaller coefficients are rounding
constexpr double glance_rows = 64;           // after which a pair that is no copy is left
constexpr double glance_unlike = 1e-3;
constexpr std::size_t named_max = 4;  // columns that a warning names

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

std::string quoted(const std::string& name) {
  return "'" + name + "'";
}

/// A column, centred and of length 1; empty when it is constant. NaN where not measured.
std::vector<double> standardised(const Table& table, int column) {
  std::vector<double> values(at(table.rows));
  double sum = 0;
  double largest = 0;
  int measured = 0;
  for (int row = 0; row < table.rows; ++row) {
    const double value = table.at(row, column);
    values[at(row)] = value;
    if (std::isnan(value)) continue;
    sum += value;
    largest = std::max(largest, std::abs(value));
    ++measured;
  }
  if (measured == 0) return {};
  const double mean = sum / measured;
  double squares = 0;
  for (double& value : values) {
    value -= mean;
    if (!std::isnan(value)) squares += value * value;
  }
  if (std::sqrt(squares / measured) <= constant_spread * largest) return {};
  const double scale = 1 / std::sqrt(squares);
  for (double& value : values) value *= scale;
  return values;
}

std::string constant_warning(const Table& table, int column) {
  return "variable " + quoted(table.names[at(column)]) +
         " never changes: it can neither be a cause nor an effect (value 0, p 1)";
}

std::string copy_warning(const Table& table, int column, int other) {
  return "variable " + quoted(table.names[at(column)]) + " is a copy of " +
         quoted(table.names[at(other)]) + " (up to scale and offset): links cannot be told apart";
}

std::string sum_warning(const Table& table, int column, const std::vector<int>& parts) {
  if (parts.size() == 1) return copy_warning(table, column, parts[0]);
  std::string listed;
  for (std::size_t k = 0; k < parts.size() && k < named_max; ++k)
    listed += (k == 0 ? "" : ", ") + quoted(table.names[at(parts[k])]);
  if (parts.size() > named_max) listed += ", ...";
  return "variable " + quoted(table.names[at(column)]) + " is determined exactly by " + listed +
         ": links cannot be told apart";
}

/// Correlations of all columns, (N, N); 0 for constant ones.
std::vector<double> correlations(const std::vector<std::vector<double>>& columns, int rows) {
  const std::size_t n = columns.size();
  std::vector<double> table(at(rows) * n, 0.0);
  for (std::size_t c = 0; c < n; ++c)
    for (std::size_t t = 0; t < columns[c].size(); ++t) table[t * n + c] = columns[c][t];
  std::vector<double> result(n * n);
  const int size = static_cast<int>(n);
  kernels::gemm_tn(size, size, rows, table.data(), size, table.data(), size, result.data(), size);
  return result;
}

/// Cholesky of the correlations, column by column, leaving out those that the ones before
/// determine.
class Independent {
 public:
  Independent(std::vector<double> correlation, std::size_t n)
      : correlation_(std::move(correlation)), n_(n) {}

  /// Takes a column in, or says which ones determine it.
  std::vector<int> take(int column) {
    std::vector<double> row;
    row.reserve(kept_.size() + 1);
    for (std::size_t k = 0; k < kept_.size(); ++k) {
      const std::vector<double>& other = rows_[k];
      const double known = kernels::dot(std::span(other).first(k), row);
      row.push_back((correlation_[at(column) * n_ + at(kept_[k])] - known) / other[k]);
    }
    const double left = 1 - kernels::dot(row, row);
    if (left < variance_left_min) return parts_of(row);
    row.push_back(std::sqrt(left));
    rows_.push_back(std::move(row));
    kept_.push_back(column);
    return {};
  }

 private:
  /// The columns that a row of the factor is a sum of: back substitution.
  std::vector<int> parts_of(std::vector<double> share) const {
    std::vector<int> parts;
    for (std::size_t k = share.size(); k-- > 0;) {
      share[k] /= rows_[k][k];
      for (std::size_t i = 0; i < k; ++i) share[i] -= share[k] * rows_[k][i];
      if (std::abs(share[k]) > share_named_min) parts.push_back(kept_[k]);
    }
    return {parts.rbegin(), parts.rend()};
  }

  std::vector<double> correlation_;
  std::size_t n_;
  std::vector<std::vector<double>> rows_;  ///< of the lower factor
  std::vector<int> kept_;
};

/// The first earlier column that this one is a copy of, where both are measured; -1: none.
int copy_of(const std::vector<std::vector<double>>& columns, int column) {
  for (int other = 0; other < column; ++other) {
    const auto& a = columns[at(column)];
    const auto& b = columns[at(other)];
    if (a.empty() || b.empty()) continue;
    double n = 0, sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    const auto unlike = [&] {  // share of variance that is not common
      const double va = saa - sa * sa / n;
      const double vb = sbb - sb * sb / n;
      const double common = sab - sa * sb / n;
      return va > 0 && vb > 0 ? 1 - common * common / (va * vb) : 1.0;
    };
    for (std::size_t t = 0; t < a.size(); ++t) {
      if (n == glance_rows && unlike() > glance_unlike) break;
      if (std::isnan(a[t]) || std::isnan(b[t])) continue;
      n += 1;
      sa += a[t];
      sb += b[t];
      saa += a[t] * a[t];
      sbb += b[t] * b[t];
      sab += a[t] * b[t];
    }
    if (n >= 3 && unlike() < variance_left_min) return other;
  }
  return -1;
}

/// Each lag looks at other time steps: those at one end of the series are not in every window.
Result<void> check_windows(const Table& table, int column, int max_lag) {
  for (int lag = 0; lag <= 2 * max_lag; ++lag) {
    const int first = 2 * max_lag - lag;
    const int last = table.rows - 1 - lag;
    bool has_value = false;
    for (int row = first; row <= last && !has_value; ++row)
      has_value = !std::isnan(table.at(row, column));
    if (!has_value)
      return fail({.code = Code::data_invalid,
                   .what = "variable " + quoted(table.names[at(column)]) +
                           " has no value in the rows " + std::to_string(first) + " to " +
                           std::to_string(last) + ", all that lag " + std::to_string(lag) +
                           " can use",
                   .hint = "leave it out of causal_analysis.variables"});
  }
  return {};
}

Result<void> check_levels(const Table& table, int column) {
  std::set<double> levels;
  for (int row = 0; row < table.rows; ++row)
    if (!std::isnan(table.at(row, column))) levels.insert(table.at(row, column));
  if (std::ssize(levels) <= kernels::DiscreteSamples::max_levels) return {};
  return fail({.code = Code::data_invalid,
               .what = "variable " + quoted(table.names[at(column)]) + " has " +
                       std::to_string(levels.size()) +
                       " different values, but a test of discrete data takes at most " +
                       std::to_string(kernels::DiscreteSamples::max_levels),
               .hint = "for continuous data set test = \"parcorr\", \"robust-parcorr\" or "
                       "\"cmi-knn\""});
}

}  // namespace

int time_steps_needed(const CausalSpec& spec, int variables) {
  const std::int64_t others = std::max<std::int64_t>(0, std::int64_t{variables} * spec.max_lag - 1);
  std::int64_t conditions = 1;
  if (spec.max_conditions) conditions = std::max<std::int64_t>(conditions, *spec.max_conditions);
  if (spec.max_parents)
    conditions = std::max<std::int64_t>(conditions, 2 * std::int64_t{*spec.max_parents});
  conditions = std::min(conditions, std::max<std::int64_t>(1, 2 * others));
  return static_cast<int>(2 * spec.max_lag + 3 + conditions);
}

Result<void> check_length(const CausalSpec& spec, const Table& table) {
  const int needed = time_steps_needed(spec, table.columns);
  if (table.rows >= needed) return {};
  std::string why = "max_lag " + std::to_string(spec.max_lag);
  if (spec.max_conditions) why += ", max_conditions " + std::to_string(*spec.max_conditions);
  if (spec.max_parents) why += ", max_parents " + std::to_string(*spec.max_parents);
  return fail({.code = Code::data_invalid,
               .what = std::to_string(table.rows) + " time steps are too few for " + why +
                       ": at least " + std::to_string(needed) + " are needed",
               .hint = "make max_lag smaller, or bring a longer series; time goes down the rows",
               .where = spec.data});
}

Result<void> check_values(const CausalSpec& spec, const Table& table) {
  const bool is_discrete = spec.test == CausalSpec::Test::chi2 || spec.test == CausalSpec::Test::g2;
  for (int column = 0; column < table.columns; ++column) {
    if (table.has_missing) SOVREN_DO(check_windows(table, column, spec.max_lag));
    if (is_discrete) SOVREN_DO(check_levels(table, column));
  }
  return {};
}

std::vector<std::string> column_warnings(const Table& table) {
  std::vector<std::vector<double>> columns;
  for (int column = 0; column < table.columns; ++column)
    columns.push_back(standardised(table, column));
  Independent independent(
      table.has_missing ? std::vector<double>() : correlations(columns, table.rows),
      columns.size());
  std::vector<std::string> warnings;
  for (int column = 0; column < table.columns; ++column) {
    if (columns[at(column)].empty()) {
      warnings.push_back(constant_warning(table, column));
    } else if (table.has_missing) {
      if (const int other = copy_of(columns, column); other >= 0)
        warnings.push_back(copy_warning(table, column, other));
    } else if (const auto parts = independent.take(column); !parts.empty()) {
      warnings.push_back(sum_warning(table, column, parts));
    }
  }
  return warnings;
}

}  // namespace sovren::jobs
