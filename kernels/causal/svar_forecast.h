// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/causal/svar_model.h"

namespace sovren::kernels {

// Values over time here are (rows, variables) in standard deviations: SvarModel::Scale.

/// The data as the model sees them: each value in its place, and the residual that makes the
/// model's equations give it.
///
/// Model    a value that is missing is what the equations expect, with residual 0; before row
///          max_lag, where there is no past, the mean.
struct Abducted {
  std::vector<double> values;
  std::vector<double> residuals;  ///< rows before max_lag: 0, never used
};
Abducted abduct(const SvarModel& model, std::span<const double> data);

/// do(variable = value), standardised, over the rows from .. until: its equation is put out of
/// force there.
struct Hold {
  int variable = 0;
  double value = 0;
  int from = 0;
  int until = 0;
  bool holds(int target, int row) const {
    return target == variable && from <= row && row <= until;
  }
};

/// The data again from their residuals, with a variable held: what would have been. Rows up to
/// `last`; without a hold the data themselves, but for rounding.
///
/// Requires hold.from >= max_lag.
std::vector<double> replay(const SvarModel& model, const Abducted& past, int last,
                           const std::optional<Hold>& hold);

/// What comes after the last row.
///
/// Shape    mean, deviation: (steps, variables): the expectation, and the standard deviation of
///          what the residuals to come add: the root of diag(sum_{s<h} Psi_s Sigma Psi_s^T), Sigma
///          the covariance of the structural residuals, whose lag-0 part is in Psi. A held variable
///          has deviation 0, and while it is held its residual adds to nothing.
struct SvarForecast {
  std::vector<double> mean;
  std::vector<double> deviation;
};

/// Forecasts after the last of `values` (rows, variables; at least max_lag rows). hold: in rows
/// counted on from these.
SvarForecast forecast(const SvarModel& model, std::span<const double> values, int steps,
                      const std::optional<Hold>& hold);

/// Half the width of an interval in standard deviations: 1.645 at level 0.9.
double interval_factor(double level);

/// How often values fell into the forecast intervals.
struct IntervalCoverage {
  std::vector<std::int64_t> inside;    ///< by step: [0] one step ahead
  std::vector<std::int64_t> compared;  ///< by step
  int rows_fitted = 0;
};

/// Fits on the first `rows_fitted` rows, forecasts from each row from there on up to `steps` rows
/// ahead, and counts. Left out: values that are masked (in_y), and a variable that the equations
/// determine exactly, whose interval has no width.
IntervalCoverage hold_out_coverage(const Series& series, int max_lag, const ParentLists& parents,
                                   int rows_fitted, int steps, double level, const Mask& mask = {});

}  // namespace sovren::kernels
