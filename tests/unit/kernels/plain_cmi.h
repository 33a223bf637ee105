// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace sovren::kernels::testing {

/// By recurrence to 20 and Stirling's series (DLMF 5.5.2, 5.11.2).
inline double plain_digamma(double x) {
  double shift = 0;
  for (; x < 20; ++x) shift -= 1 / x;
  const double s = 1 / (x * x);
  return shift + std::log(x) - 0.5 / x - s * (1.0 / 12 - s * (1.0 / 120 - s / 252));
}

/// Conditional mutual information of ranks from its definition (Frenzel and Pompe): distances of
/// all pairs, sorted, counted. Shares no code with kernels/.
inline double plain_cmi_of_ranks(const std::vector<double>& x, const std::vector<double>& y,
                                 const std::vector<std::vector<double>>& z, int k) {
  const std::size_t n = x.size();
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> in_z(n), in_xz(n), in_yz(n), in_all(n);
    for (std::size_t j = 0; j < n; ++j) {
      for (const auto& column : z) in_z[j] = std::max(in_z[j], std::abs(column[i] - column[j]));
      in_xz[j] = std::max(in_z[j], std::abs(x[i] - x[j]));
      in_yz[j] = std::max(in_z[j], std::abs(y[i] - y[j]));
      in_all[j] = std::max(in_xz[j], in_yz[j]);
    }
    std::vector<double> sorted = in_all;
    std::sort(sorted.begin(), sorted.end());
    const double eps = sorted[static_cast<std::size_t>(k)];  // the 0th is the sample itself
    const auto nearer = [&](const std::vector<double>& d) {
      return static_cast<double>(
          std::count_if(d.begin(), d.end(), [&](double v) { return v < eps; }));
    };
    sum += plain_digamma(z.empty() ? static_cast<double>(n) : nearer(in_z)) -
           plain_digamma(nearer(in_xz)) - plain_digamma(nearer(in_yz));
  }
  return plain_digamma(k) + sum / static_cast<double>(n);
}

/// Of values without ties: ranks first.
inline double plain_cmi(std::vector<double> x, std::vector<double> y,
                        std::vector<std::vector<double>> z, int k) {
  const auto rank = [](std::vector<double>& column) {
    const std::vector<double> values = column;
    for (double& v : column) {
      const double own = v;
      v = static_cast<double>(
          std::count_if(values.begin(), values.end(), [&](double w) { return w < own; }));
    }
  };
  rank(x);
  rank(y);
  for (auto& column : z) rank(column);
  return plain_cmi_of_ranks(x, y, z, k);
}

}  // namespace sovren::kernels::testing
