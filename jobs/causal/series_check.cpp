// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/series_check.h"

#include <algorithm>
#include <cmath>

namespace sovren::jobs {

namespace {

constexpr double constant_spread = 1e-12;    // std <= this * max|x|: 0.1 repeated has std 1e-17
constexpr double variance_left_min = 1e-10;  // less: the column is determined by others
constexpr double share_named_min = 1e-6;     // smaller coefficients are rounding
constexpr std::size_t named_max = 4;         // columns that a warning names

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

std::string quoted(const std::string& name) {
  return "'" + name + "'";
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t t = 0; t < a.size(); ++t) sum += a[t] * b[t];
  return sum;
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

/// What is left of a column after those before it, and what of them it is made of.
struct Basis {
  struct Vector {
    int column;
    std::vector<double> direction;  ///< orthonormal to the others
    std::vector<double> makeup;     ///< direction as a sum of columns: coefficient of each
  };
  std::vector<Vector> vectors;
  const Table& table;

  /// Takes a column in; says what it is determined by, if it is.
  std::string take(int column, const std::vector<double>& values) {
    std::vector<double> rest = values;
    std::vector<double> makeup(at(column) + 1, 0.0);  // values - rest, by column
    for (int pass = 0; pass < 2; ++pass)              // twice is enough (Kahan)
      for (const Vector& vector : vectors) {
        const double share = dot(vector.direction, rest);
        for (std::size_t t = 0; t < rest.size(); ++t) rest[t] -= share * vector.direction[t];
        for (std::size_t c = 0; c < vector.makeup.size(); ++c)
          makeup[c] += share * vector.makeup[c];
      }
    const double left = dot(rest, rest);
    if (left < variance_left_min) return warning(column, makeup);
    const double scale = 1 / std::sqrt(left);
    for (double& value : rest) value *= scale;
    for (double& share : makeup) share *= -scale;
    makeup[at(column)] = scale;
    vectors.push_back({column, std::move(rest), std::move(makeup)});
    return "";
  }

  std::string warning(int column, const std::vector<double>& makeup) const {
    std::vector<std::string> parts;
    for (int c = 0; c < column; ++c)
      if (std::abs(makeup[at(c)]) > share_named_min) parts.push_back(quoted(table.names[at(c)]));
    if (parts.size() == 1)
      return "variable " + quoted(table.names[at(column)]) + " is a copy of " + parts[0] +
             " (up to scale and offset): links cannot be told apart";
    std::string listed;
    for (std::size_t k = 0; k < parts.size() && k < named_max; ++k)
      listed += (k == 0 ? "" : ", ") + parts[k];
    if (parts.size() > named_max) listed += ", ...";
    return "variable " + quoted(table.names[at(column)]) + " is determined exactly by " + listed +
           ": links cannot be told apart";
  }
};

/// The first earlier column that this one is a copy of, where both are measured; -1: none.
int copy_of(const std::vector<std::vector<double>>& columns, int column) {
  for (int other = 0; other < column; ++other) {
    const auto& a = columns[at(column)];
    const auto& b = columns[at(other)];
    if (a.empty() || b.empty()) continue;
    double n = 0, sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (std::size_t t = 0; t < a.size(); ++t) {
      if (std::isnan(a[t]) || std::isnan(b[t])) continue;
      n += 1;
      sa += a[t];
      sb += b[t];
      saa += a[t] * a[t];
      sbb += b[t] * b[t];
      sab += a[t] * b[t];
    }
    if (n < 3) continue;
    const double va = saa - sa * sa / n;
    const double vb = sbb - sb * sb / n;
    const double cab = sab - sa * sb / n;
    if (va > 0 && vb > 0 && 1 - cab * cab / (va * vb) < variance_left_min) return other;
  }
  return -1;
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

std::vector<std::string> column_warnings(const Table& table) {
  std::vector<std::string> warnings;
  Basis basis{{}, table};
  std::vector<std::vector<double>> columns;
  for (int column = 0; column < table.columns; ++column) {
    columns.push_back(standardised(table, column));
    if (columns.back().empty()) {
      warnings.push_back(constant_warning(table, column));
    } else if (table.has_missing) {
      if (const int other = copy_of(columns, column); other >= 0)
        warnings.push_back("variable " + quoted(table.names[at(column)]) + " is a copy of " +
                           quoted(table.names[at(other)]) +
                           " (up to scale and offset): links cannot be told apart");
    } else if (std::string warning = basis.take(column, columns.back()); !warning.empty()) {
      warnings.push_back(std::move(warning));
    }
  }
  return warnings;
}

}  // namespace sovren::jobs
