// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "jobs/causal/table.h"
#include "kernels/causal/search.h"
#include "kernels/causal/svar_model.h"

namespace sovren::jobs {

struct Inputs;

/// A link of the fitted model: source(t - lag) stands in the equation of target. Standardised:
/// change of the target, in its standard deviations, per standard deviation of the source.
struct DirectEffect {
  int source = 0;
  int target = 0;
  int lag = 0;
  double raw = 0;  ///< units of the target per unit of the source
  double standardised = 0;
};

/// The equation of one variable: intercept + sum of raw x source(t - lag) + residual.
struct Equation {
  double intercept = 0;           ///< in the variable's units
  double residual_deviation = 0;  ///< standard deviation of the residual, in the variable's units
  double explained = 0;           ///< share of the variance, R squared
  int samples = 0;                ///< rows on which it was fitted
};

/// What of a total effect goes through one variable.
struct Mediator {
  int variable = 0;
  std::vector<double> raw;           ///< by lag
  std::vector<double> standardised;  ///< by lag
};

/// What a change of the cause by 1 at one time does to the effect 0, 1, ... steps later.
struct Effect {
  int cause = 0;
  int effect = 0;
  std::vector<double> direct;  ///< by lag: the coefficient of the link; 0: none
  std::vector<double> direct_standardised;
  std::vector<double> total;  ///< by lag: over all paths
  std::vector<double> total_standardised;
  std::vector<Mediator> mediators;  ///< those that carry any of it, the strongest first

  int max_lag() const { return static_cast<int>(total.size()) - 1; }
};

/// The part that a variable plays among the others: means of the strongest standardised effects.
struct Influence {
  double causing = 0;    ///< average causal effect (ACE): on the others
  double receiving = 0;  ///< average causal susceptibility (ACS): from the others
  double mediating = 0;  ///< average mediated causal effect (AMCE): between others, through it
};

/// A variable over the steps after the data, with the interval that holds it with probability
/// `level`.
struct Forecast {
  std::vector<double> mean;  ///< by step: [0] is the first step after the last row
  std::vector<double> low;
  std::vector<double> high;
};

/// A variable that an intervention moves. By row, from the first row of the intervention on.
struct Response {
  int variable = 0;
  std::vector<double> without;     ///< future: forecast. Past: as it was measured or filled in
  std::vector<double> with;        ///< future: expectation. Past: what would have been
  std::vector<double> difference;  ///< with - without
  std::vector<double> low;         ///< interval of `with`; empty in the past, where residuals are
                                   ///< known
  std::vector<double> high;
};

/// do(variable = value), held over the rows from .. until. Rows after the last one of the data are
/// steps of the forecast.
struct WhatIfDone {
  int variable = 0;
  double value = 0;
  int from = 0;
  int until = 0;
  bool is_past = false;             ///< a counterfactual: replayed with the residuals of the data
  std::vector<Response> responses;  ///< of the variables that change, the one that is set first
};

/// How often measured values fell into the forecast intervals: model fitted on the first 80 % of
/// the rows, forecasts made within the rest.
struct Coverage {
  double share = 0;             ///< of all values at all steps
  std::vector<double> by_step;  ///< [0]: forecasts one step ahead
  std::int64_t values = 0;      ///< values compared
  int rows_fitted = 0;
};

/// What the linear model on the graph's directed links tells: effects, forecasts, interventions.
/// Definitions: docs/causal.md, "Effects, forecasts, what if".
struct WhatIf {
  double level = 0.9;                     ///< of all intervals
  std::vector<Equation> equations;        ///< by variable
  std::vector<DirectEffect> links;        ///< by target, then as fitted
  std::vector<Influence> influences;      ///< by variable
  std::vector<Effect> effects;            ///< as asked for
  std::vector<Forecast> forecasts;        ///< by variable; no steps when horizon is 0
  std::vector<WhatIfDone> interventions;  ///< as asked for
  std::optional<Coverage> coverage;       ///< none: too few rows
  /// Largest difference between the data and their replay without an intervention, in standard
  /// deviations: rounding alone.
  double replay_error = 0;
  std::vector<std::string> notes;
};

/// Has the analysis numbers that a linear model can be fitted to? Not when the test is for
/// categories (chi2, g2).
bool has_model(const CausalSpec& spec);

/// Steps of the forecast: `horizon`, else max_lag, but at least 1.
int horizon_of(const CausalSpec& spec);

/// Can the effects and interventions that are asked for be worked out on these data? To be called
/// before the analysis.
///
/// Errors   data_invalid, where = "causal_analysis.effects[1].cause": no such variable (with the
///          nearest name), rows outside the data and the forecast, from after until; effects or
///          interventions where has_model() is false.
Result<void> check_what_if(const CausalSpec& spec, const Table& table);

/// The parents that the graph gives each variable: sources of directed links. Links at lag 0
/// without direction, in conflict or in a circle give none; notes tells how many.
kernels::ParentLists parents_of(const kernels::LinkTable& links, std::vector<std::string>& notes);

/// Fits the model on the graph's directed links and answers all that the spec asks for. Pure.
///
/// Requires has_model() and check_what_if().
/// Cost     about rows x parents^2 x variables, and variables^3 for each step of a forecast with
///          intervals.
WhatIf what_if(const CausalSpec& spec, const Inputs& inputs, const kernels::LinkTable& links);

/// A matrix for result.h5.
struct NamedArray {
  std::string name;
  std::string axes;  ///< "source,target,lag"
  std::vector<std::size_t> shape;
  std::vector<double> values;
};

/// `coefficient` and `standardised_coefficient` (source, target, lag); `forecast_mean`,
/// `forecast_low`, `forecast_high` (variable, step).
std::vector<NamedArray> what_if_arrays(const WhatIf& result, int max_lag);

}  // namespace sovren::jobs
