// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/svar_effects.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/base/check.h"
#include "kernels/linalg/clones.h"

namespace sovren::kernels {
namespace {

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

/// What first arrives at k, by lag: psi_k(tau) = sum_s arrivals(s) psi_kk(tau - s), psi_kk(0) = 1.
std::vector<double> first_arrivals(std::size_t n, const Responses& source,
                                   const Responses& mediator, std::size_t k) {
  std::vector<double> arrivals(source.size() / n);
  for (std::size_t tau = 0; tau < arrivals.size(); ++tau) {
    arrivals[tau] = source[tau * n + k];
    for (std::size_t s = 0; s < tau; ++s)
      arrivals[tau] -= arrivals[s] * mediator[(tau - s) * n + k];
  }
  return arrivals;
}

/// The strongest of each target over the lags.
std::vector<double> strongest(std::size_t n, const Responses& responses) {
  std::vector<double> most(n, 0.0);
  for (std::size_t lag = 0; lag < responses.size() / n; ++lag)
    for (std::size_t j = 0; j < n; ++j)
      most[j] = std::max(most[j], std::abs(responses[lag * n + j]));
  return most;
}

/// What arrives at k (by lag) and spreads from there: the strongest of each target
/// over the lags. now: (n), to work in.
SOVREN_CLONES void strongest_through(std::size_t n, std::span<const double> arrivals,
                                     const double* mediator, double* now, double* most) {
  std::fill_n(most, n, 0.0);
  for (std::size_t tau = 0; tau < arrivals.size(); ++tau) {
    std::fill_n(now, n, 0.0);
    for (std::size_t s = 0; s <= tau; ++s) {
      if (arrivals[s] == 0) continue;
      const double* const from = mediator + (tau - s) * n;
      for (std::size_t j = 0; j < n; ++j) now[j] += arrivals[s] * from[j];
    }
    for (std::size_t j = 0; j < n; ++j) {
      const double size = std::abs(now[j]);
      most[j] = most[j] < size ? size : most[j];
    }
  }
}

double mean(double sum, std::size_t count) {
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

/// Sum over pairs of the strongest effect through k.
double mediated_sum(std::size_t n, std::span<const Responses> responses, std::size_t k) {
  const std::vector<double> reach = strongest(n, responses[k]);
  double spread = 0;  // whether k leads anywhere
  for (std::size_t j = 0; j < n; ++j) spread += j == k ? 0 : reach[j];
  if (spread == 0) return 0;
  std::vector<double> now(n);
  std::vector<double> most(n);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (i == k) continue;
    const std::vector<double> arrivals = first_arrivals(n, responses[i], responses[k], k);
    if (std::ranges::all_of(arrivals, [](double each) { return each == 0; })) continue;
    strongest_through(n, arrivals, responses[k].data(), now.data(), most.data());
    for (std::size_t j = 0; j < n; ++j)
      if (j != i && j != k) sum += most[j];
  }
  return sum;
}

}  // namespace

Responses total_effects(const SvarModel& model, int source, int max_lag, int cut) {
  const auto n = at(model.variables);
  Responses effects((at(max_lag) + 1) * n, 0.0);
  for (int tau = 0; tau <= max_lag; ++tau)
    for (const int target : model.order) {
      double& effect = effects[at(tau) * n + at(target)];
      if (tau == 0 && target == source) {
        effect = 1;
        continue;
      }
      if (target == cut) continue;
      const SvarEquation& equation = model.equations[at(target)];
      for (std::size_t p = 0; p < equation.parents.size(); ++p) {
        const Node parent = equation.parents[p];
        if (parent.lag <= tau)
          effect +=
              equation.coefficients[p] * effects[at(tau - parent.lag) * n + at(parent.variable)];
      }
    }
  return effects;
}

Responses mediated_effects(int variables, const Responses& source, const Responses& mediator,
                           int k) {
  SOVREN_CHECK(source.size() == mediator.size(), "both go to the same lag");
  const auto n = at(variables);
  const std::vector<double> arrivals = first_arrivals(n, source, mediator, at(k));
  Responses through(source.size(), 0.0);
  for (std::size_t s = 0; s < arrivals.size(); ++s) {
    if (arrivals[s] == 0) continue;
    for (std::size_t cell = s * n; cell < through.size(); ++cell)
      through[cell] += arrivals[s] * mediator[cell - s * n];
  }
  return through;
}

AverageEffects average_effects(const SvarModel& model, int max_lag) {
  const auto n = at(model.variables);
  std::vector<Responses> responses;
  responses.reserve(n);
  for (int i = 0; i < model.variables; ++i) responses.push_back(total_effects(model, i, max_lag));
  AverageEffects averages;
  averages.susceptibility.assign(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    const std::vector<double> most = strongest(n, responses[i]);
    double sum = 0;
    for (std::size_t j = 0; j < n; ++j) {
      if (j == i) continue;
      sum += most[j];
      averages.susceptibility[j] += most[j];
    }
    averages.causal.push_back(mean(sum, n - 1));
  }
  for (double& each : averages.susceptibility) each = mean(each, n - 1);
  for (std::size_t k = 0; k < n; ++k)
    averages.mediated.push_back(n < 3 ? 0 : mean(mediated_sum(n, responses, k), (n - 1) * (n - 2)));
  return averages;
}

}  // namespace sovren::kernels
