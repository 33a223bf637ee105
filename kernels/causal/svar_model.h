// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "kernels/causal/series.h"
#include "kernels/causal/test_source.h"
#include "kernels/causal/usable_times.h"

namespace sovren::kernels {

/// The equation of one variable j, all in standard deviations from the mean (SvarModel::Scale):
/// x_j(t) = offset + sum_k coefficient[k] x_{parents[k]}(t) + residual(t).
struct SvarEquation {
  std::vector<Node> parents;
  std::vector<double> coefficients;  ///< one per parent; 0: constant, or determined by the others
  double offset = 0;
  double variance = 0;     ///< of the residual: sum of squares / (samples - 1 - rank)
  double unexplained = 1;  ///< residual sum of squares / total sum of squares
  int samples = 0;         ///< rows on which it was fitted
  int rank = 0;            ///< parents that count
  /// Fewer than parents + 2 rows have all that is needed: fitted without parents.
  bool is_short = false;
};

/// A linear structural vector autoregression, fitted to a series on given parents.
///
/// Model    each equation by least squares with intercept on the rows t = max_lag .. T-1 at which
///          j and all its parents are measured and not masked: every row that has a whole past, not
///          only those from 2 max_lag on that the tests use, whose conditions reach further back.
///          Of parents that determine one another some get coefficient 0 (rank < parents).
/// Numerics variables are centred and scaled first, so that neither units nor offsets cost digits.
struct SvarModel {
  /// raw value = centre + spread x standardised value.
  struct Scale {
    double centre = 0;      ///< mean of the measured values; NaN: there are none
    double spread = 1;      ///< their standard deviation; 1 when they do not vary
    double resolution = 1;  ///< max|raw| / spread
    double raw(double standardised) const { return centre + spread * standardised; }
    double standardised(double raw) const { return (raw - centre) / spread; }
  };

  int variables = 0;
  int max_lag = 0;
  std::vector<Scale> scales;            ///< by variable
  std::vector<SvarEquation> equations;  ///< by target
  std::vector<int> order;               ///< variables, causes at lag 0 before their effects
  /// (variables, variables), standardised: covariance of the residuals, the mean product of the
  /// rows at which both are defined. Positive semidefinite also when values are missing.
  std::vector<double> covariance;

  /// Phi_lag[target, source]: 0 for a node that is no parent.
  double standardised_coefficient(int target, Node source) const;
  double raw_coefficient(int target, Node source) const;
  /// In raw units: x_target = intercept + sum raw_coefficient x + residual.
  double intercept(int target) const;
};

/// Parents of each target: causes (variable, lag), lag 0 .. max_lag; at lag 0 not itself.
using ParentLists = std::vector<std::vector<Node>>;

/// The variables with causes at lag 0 before their effects, and the smaller number first where
/// either may come; nothing when lag 0 has a circle.
std::optional<std::vector<int>> order_at_lag0(const ParentLists& parents);

/// (steps, variables) in standard deviations from the mean; NaN where missing.
std::vector<double> standardise(const SvarModel& model, const Series& series);

/// Fits all equations.
///
/// mask      rows at which the target is masked (in_y) or a parent is (in_z) are not fitted to.
/// residuals if given: (steps, variables), standardised, NaN at rows that were not fitted to.
///
/// Requires parents that order_at_lag0() can order, of lags 0 .. max_lag.
/// Cost     rows x parents^2 per target; rows x variables^2 for the covariance.
SvarModel fit_svar(const Series& series, int max_lag, ParentLists parents, const Mask& mask = {},
                   std::vector<double>* residuals = nullptr);

}  // namespace sovren::kernels
