// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/rng.h"
#include "kernels/causal/svar_model.h"

namespace sovren::kernels::testing {

/// source(t - lag) -> target(t).
struct Path {
  int source, target, lag;
  double coefficient;
};

inline ParentLists parents_of(int variables, const std::vector<Path>& links) {
  ParentLists parents(static_cast<std::size_t>(variables));
  for (const Path& link : links)
    parents[static_cast<std::size_t>(link.target)].push_back({link.source, link.lag});
  return parents;
}

/// A model with known coefficients, means 0, spreads 1, residuals independent of variance 1.
inline SvarModel known_model(int variables, int max_lag, const std::vector<Path>& links) {
  SvarModel model;
  model.variables = variables;
  model.max_lag = max_lag;
  model.scales.resize(static_cast<std::size_t>(variables));
  model.equations.resize(static_cast<std::size_t>(variables));
  for (const Path& link : links) {
    SvarEquation& equation = model.equations[static_cast<std::size_t>(link.target)];
    equation.parents.push_back({link.source, link.lag});
    equation.coefficients.push_back(link.coefficient);
    equation.variance = 1;
  }
  model.order = *order_at_lag0(parents_of(variables, links));
  model.covariance.assign(static_cast<std::size_t>(variables * variables), 0.0);
  for (int i = 0; i < variables; ++i)
    model.covariance[static_cast<std::size_t>(i * (variables + 1))] = 1;
  return model;
}

/// Links with feedback over time (0 -> 1 -> 2 -> 0), memory, two at lag 0, and a lag of 2.
inline std::vector<Path> feedback_links() {
  return {{0, 0, 1, 0.4},  {1, 1, 1, 0.3}, {2, 2, 2, -0.25}, {0, 1, 0, 0.7}, {1, 2, 0, -0.6},
          {2, 0, 1, 0.35}, {1, 3, 1, 0.5}, {3, 3, 1, 0.5},   {0, 3, 2, 0.3}, {3, 1, 2, -0.2}};
}

/// (steps, variables): the links run on normal noise of variance 1, after 200 steps unseen.
inline std::vector<double> run_links(int variables, const std::vector<Path>& links, int steps,
                                     std::uint64_t seed) {
  const std::vector<int> order = *order_at_lag0(parents_of(variables, links));
  const Philox random(seed, 3);
  constexpr int unseen = 200;
  const auto n = static_cast<std::size_t>(variables);
  std::vector<double> all(static_cast<std::size_t>(steps + unseen) * n);
  for (int t = 0; t < steps + unseen; ++t)
    for (const int target : order) {
      const std::size_t cell = static_cast<std::size_t>(t) * n + static_cast<std::size_t>(target);
      all[cell] = random.normal(cell);
      for (const Path& link : links)
        if (link.target == target && link.lag <= t)
          all[cell] += link.coefficient * all[static_cast<std::size_t>(t - link.lag) * n +
                                              static_cast<std::size_t>(link.source)];
    }
  all.erase(all.begin(), all.begin() + unseen * variables);
  return all;
}

inline Series series_of(const std::vector<double>& values, int variables) {
  return {.values = values,
          .steps = static_cast<int>(values.size()) / variables,
          .variables = variables,
          .valid = {}};
}

}  // namespace sovren::kernels::testing
