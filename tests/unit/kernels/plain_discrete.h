// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

namespace sovren::kernels::testing {

/// Upper tail of chi-square in closed form. With y = x/2: e^-y sum_k<df/2 y^k / k! for even df, and
/// erfc(sqrt y) + e^-y sum_k<=(df-1)/2 y^(k - 1/2) / Gamma(k + 1/2) for odd df.
inline long double plain_chi_square_p(long double x, int df) {
  const long double y = x / 2;
  const bool is_odd = df % 2 == 1;
  long double sum = is_odd ? std::erfc(std::sqrt(y)) : std::exp(-y);
  for (int k = 1; k <= (is_odd ? (df - 1) / 2 : df / 2 - 1); ++k) {
    const long double power = is_odd ? k - 0.5L : k;
    sum += std::exp(power * std::log(y) - y - std::lgamma(power + 1));
  }
  return sum;
}

struct PlainCounts {
  double chi2 = 0;
  double g2 = 0;
  int df = 0;
  int fewer_values = 0;  ///< of x or y
};

/// The tests of x and y given the columns z from their definitions, by maps.
inline PlainCounts plain_counts(const std::vector<double>& x, const std::vector<double>& y,
                                const std::vector<std::vector<double>>& z) {
  std::map<std::vector<double>, std::map<std::pair<double, double>, int>> tables;
  for (std::size_t s = 0; s < x.size(); ++s) {
    std::vector<double> key;
    for (const auto& column : z) key.push_back(column[s]);
    ++tables[key][{x[s], y[s]}];
  }
  PlainCounts sum;
  for (const auto& [key, cells] : tables) {
    std::map<double, double> rows, columns;
    double all = 0;
    for (const auto& [cell, n] : cells) rows[cell.first] += n, columns[cell.second] += n, all += n;
    for (const auto& [a, row] : rows) {
      for (const auto& [b, column] : columns) {
        const auto found = cells.find({a, b});
        const double n = found == cells.end() ? 0 : found->second;
        const double expected = row * column / all;
        sum.chi2 += (n - expected) * (n - expected) / expected;
        if (n > 0) sum.g2 += 2 * n * std::log(n / expected);
      }
    }
    sum.df += static_cast<int>((rows.size() - 1) * (columns.size() - 1));
  }
  sum.fewer_values = static_cast<int>(std::min(std::set<double>(x.begin(), x.end()).size(),
                                               std::set<double>(y.begin(), y.end()).size()));
  return sum;
}

}  // namespace sovren::kernels::testing
