// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace sovren::cli {

/// One true cause: source(t - lag) enters the equation of target(t) with this weight.
struct TrueLink {
  int source = 0;
  int target = 0;
  int lag = 0;
  double weight = 0;
};

struct SvarOptions {
  int variables = 10;
  std::int64_t length = 1000;
  int max_lag = 5;
  int links_per_variable = 1;  ///< cross links, on average
  std::uint64_t seed = 1;
};

/// A linear vector-autoregression with standard normal noise: x_j(t) = sum weight * x_source(t -
/// lag) + noise.
struct Svar {
  std::vector<TrueLink> links;  ///< own lag-1 links and cross links, by (target, source, lag)
  std::vector<double> series;   ///< (length, variables), after the start-up has died away
};

/// Draws a random one. The weights into each variable sum to at most 0.9 in absolute value, so the
/// process is stable (its companion matrix has row sums below 1 in the maximum norm). Every number
/// is keyed by its global index: one seed, one series.
Svar generate_svar(const SvarOptions& options);

}  // namespace sovren::cli
