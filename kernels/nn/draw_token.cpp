// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/base/check.h"
#include "kernels/nn/generator.h"

namespace sovren::nn {
namespace {

using Tokens = std::vector<std::int32_t>;

/// The k likeliest, in the order of tokens; of equals the first.
Tokens likeliest(std::span<const double> logits, int k) {
  Tokens tokens(logits.size());
  std::iota(tokens.begin(), tokens.end(), 0);
  if (k <= 0 || static_cast<std::size_t>(k) >= tokens.size()) return tokens;
  const auto is_likelier = [&](std::int32_t a, std::int32_t b) {
    const double of_a = logits[static_cast<std::size_t>(a)];
    const double of_b = logits[static_cast<std::size_t>(b)];
    return of_a != of_b ? of_a > of_b : a < b;
  };
  std::nth_element(tokens.begin(), tokens.begin() + k - 1, tokens.end(), is_likelier);
  tokens.resize(static_cast<std::size_t>(k));
  std::sort(tokens.begin(), tokens.end());
  return tokens;
}

}  // namespace

std::int32_t draw_token(std::span<const float> logits, const Generator::Setting& setting,
                        double u) {
  SOVREN_CHECK(!logits.empty() && setting.temperature >= 0, "there is a choice to make");
  std::vector<double> weights(logits.begin(), logits.end());
  for (double& weight : weights)
    if (std::isnan(weight)) weight = -std::numeric_limits<double>::infinity();
  const auto first = std::max_element(weights.begin(), weights.end());
  const double largest = *first;
  if (setting.temperature == 0 || !std::isfinite(largest))
    return static_cast<std::int32_t>(first - weights.begin());

  const Tokens tokens = likeliest(weights, setting.top_k);
  double total = 0;
  for (const std::int32_t token : tokens) {
    double& weight = weights[static_cast<std::size_t>(token)];
    weight = std::exp((weight - largest) / setting.temperature);
    total += weight;
  }
  double sum = 0;
  for (const std::int32_t token : tokens) {
    sum += weights[static_cast<std::size_t>(token)];
    if (sum >= u * total) return token;
  }
  return tokens.back();  // not reached where u <= 1: the sum ends at the total
}

}  // namespace sovren::nn
