// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "core/base/rng.h"

namespace sovren::jobs {

/// A linear structural vector autoregression with known links, for tests.
struct Svar {
  struct Link {
    int source, target, lag;
    double coefficient;
  };
  int variables = 0;
  int steps = 0;
  std::vector<Link> links;     ///< self links among them
  std::vector<double> values;  ///< (steps, variables)
};

/// variables cross links at random lags 1..max_lag, of strength 0.3 to 0.5, and memory 0.4.
inline Svar make_svar(int variables, int steps, int max_lag, std::uint64_t seed) {
  Svar svar{variables, steps, {}, {}};
  const Philox draw(seed, 1);
  for (int i = 0; i < variables; ++i) svar.links.push_back({i, i, 1, 0.4});
  for (int k = 0; k < variables; ++k) {
    const auto at = static_cast<std::uint64_t>(4 * k);
    int source = static_cast<int>(draw.below(at, static_cast<std::uint64_t>(variables)));
    int target = static_cast<int>(draw.below(at + 1, static_cast<std::uint64_t>(variables)));
    if (source > target) std::swap(source, target);  // no circles: the process is stationary
    const bool is_known = std::any_of(svar.links.begin(), svar.links.end(), [&](const auto& link) {
      return link.source == source && link.target == target;
    });
    if (is_known) continue;
    const int lag = 1 + static_cast<int>(draw.below(at + 2, static_cast<std::uint64_t>(max_lag)));
    const double size = 0.3 + 0.2 * draw.uniform(at + 3);
    svar.links.push_back({source, target, lag, k % 2 == 0 ? size : -size});
  }
  const Philox noise(seed, 2);
  constexpr int burn_in = 200;
  const auto n = static_cast<std::size_t>(variables);
  std::vector<double> all(static_cast<std::size_t>(steps + burn_in) * n);
  for (int t = 0; t < steps + burn_in; ++t)
    for (int j = 0; j < variables; ++j) {
      const std::size_t at = static_cast<std::size_t>(t) * n + static_cast<std::size_t>(j);
      all[at] = noise.normal(at);
      for (const Svar::Link& link : svar.links)
        if (link.target == j && t >= link.lag)
          all[at] += link.coefficient * all[static_cast<std::size_t>(t - link.lag) * n +
                                            static_cast<std::size_t>(link.source)];
    }
  svar.values.assign(all.begin() + burn_in * variables, all.end());
  return svar;
}

/// Shortest text that reads back to the same number.
inline std::string exact(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

/// Writes a csv with the header v0,v1,...
inline void write_csv(const Svar& svar, const std::string& path) {
  std::ofstream file(path);
  for (int j = 0; j < svar.variables; ++j) file << (j == 0 ? "" : ",") << "v" << j;
  file << "\n";
  for (int t = 0; t < svar.steps; ++t) {
    for (int j = 0; j < svar.variables; ++j)
      file << (j == 0 ? "" : ",")
           << exact(svar.values[static_cast<std::size_t>(t * svar.variables + j)]);
    file << "\n";
  }
}

/// Writes the links between different variables: source,target,lag.
inline void write_truth(const Svar& svar, const std::string& path) {
  std::ofstream file(path);
  file << "source,target,lag\n";
  for (const Svar::Link& link : svar.links)
    if (link.source != link.target)
      file << "v" << link.source << ",v" << link.target << "," << link.lag << "\n";
}

}  // namespace sovren::jobs
