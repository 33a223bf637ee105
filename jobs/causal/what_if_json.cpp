// SPDX-License-Identifier: Apache-2.0
// The parts of graph.json and result.h5 that the fitted model gives.
#include "jobs/causal/what_if_json.h"

namespace sovren::jobs {

namespace {

using text::Json;
using Names = std::vector<std::string>;

const std::string& name(const Names& names, int variable) {
  return names[static_cast<std::size_t>(variable)];
}

Json model_json(const WhatIf& result, const Names& names) {
  Json equations = Json::array();
  for (std::size_t j = 0; j < result.equations.size(); ++j) {
    const Equation& equation = result.equations[j];
    const Influence& influence = result.influences[j];
    equations.push_back({{"variable", names[j]},
                         {"intercept", equation.intercept},
                         {"residual_deviation", equation.residual_deviation},
                         {"explained", equation.explained},
                         {"samples", equation.samples},
                         {"ace", influence.causing},
                         {"acs", influence.receiving},
                         {"amce", influence.mediating}});
  }
  Json links = Json::array();
  for (const DirectEffect& link : result.links)
    links.push_back({{"source", name(names, link.source)},
                     {"target", name(names, link.target)},
                     {"lag", link.lag},
                     {"coefficient", link.raw},
                     {"standardised", link.standardised}});
  Json coverage = nullptr;
  if (result.coverage)
    coverage = {{"share", result.coverage->share},
                {"by_step", result.coverage->by_step},
                {"values", result.coverage->values},
                {"rows_fitted", result.coverage->rows_fitted}};
  return {{"level", result.level},
          {"equations", std::move(equations)},
          {"links", std::move(links)},
          {"coverage", std::move(coverage)},
          {"replay_error", result.replay_error},
          {"notes", result.notes}};
}

Json effect_json(const Effect& effect, const Names& names) {
  Json mediators = Json::array();
  for (const Mediator& mediator : effect.mediators)
    mediators.push_back({{"variable", name(names, mediator.variable)},
                         {"effect", mediator.raw},
                         {"standardised", mediator.standardised}});
  return {{"cause", name(names, effect.cause)},
          {"effect", name(names, effect.effect)},
          {"max_lag", effect.max_lag()},
          {"direct", effect.direct},
          {"direct_standardised", effect.direct_standardised},
          {"total", effect.total},
          {"total_standardised", effect.total_standardised},
          {"mediators", std::move(mediators)}};
}

Json forecast_json(const WhatIf& result, const Names& names, int rows) {
  Json variables = Json::array();
  for (std::size_t j = 0; j < result.forecasts.size(); ++j) {
    const Forecast& forecast = result.forecasts[j];
    variables.push_back({{"variable", names[j]},
                         {"mean", forecast.mean},
                         {"low", forecast.low},
                         {"high", forecast.high}});
  }
  return {{"first_row", rows}, {"level", result.level}, {"variables", std::move(variables)}};
}

Json intervention_json(const WhatIfDone& done, const Names& names) {
  Json responses = Json::array();
  for (const Response& response : done.responses) {
    Json each = {{"variable", name(names, response.variable)},
                 {"without", response.without},
                 {"with", response.with},
                 {"difference", response.difference}};
    if (!done.is_past) {
      each["low"] = response.low;
      each["high"] = response.high;
    }
    responses.push_back(std::move(each));
  }
  return {{"set", name(names, done.variable)},
          {"to", done.value},
          {"from", done.from},
          {"until", done.until},
          {"counterfactual", done.is_past},
          {"responses", std::move(responses)}};
}

/// (variable, step)
NamedArray forecast_array(const WhatIf& result, const std::string& name,
                          std::vector<double> Forecast::*part) {
  const std::size_t steps = result.forecasts.empty() ? 0 : result.forecasts[0].mean.size();
  NamedArray array{name, "variable,step", {result.forecasts.size(), steps}, {}};
  for (const Forecast& forecast : result.forecasts)
    array.values.insert(array.values.end(), (forecast.*part).begin(), (forecast.*part).end());
  return array;
}

/// (source, target, lag)
NamedArray coefficient_array(const WhatIf& result, const std::string& name, int max_lag,
                             double DirectEffect::*part) {
  const std::size_t n = result.equations.size();
  const auto lags = static_cast<std::size_t>(max_lag) + 1;
  NamedArray array{name, "source,target,lag", {n, n, lags}, std::vector<double>(n * n * lags, 0.0)};
  for (const DirectEffect& link : result.links)
    array.values[(static_cast<std::size_t>(link.source) * n +
                  static_cast<std::size_t>(link.target)) *
                     lags +
                 static_cast<std::size_t>(link.lag)] = link.*part;
  return array;
}

}  // namespace

Json what_if_json(const WhatIf& result, const Names& variables, int rows) {
  Json effects = Json::array();
  for (const Effect& effect : result.effects) effects.push_back(effect_json(effect, variables));
  Json interventions = Json::array();
  for (const WhatIfDone& done : result.interventions)
    interventions.push_back(intervention_json(done, variables));
  return {{"model", model_json(result, variables)},
          {"effects", std::move(effects)},
          {"forecast", forecast_json(result, variables, rows)},
          {"interventions", std::move(interventions)}};
}

std::vector<NamedArray> what_if_arrays(const WhatIf& result, int max_lag) {
  std::vector<NamedArray> arrays{
      coefficient_array(result, "coefficient", max_lag, &DirectEffect::raw),
      coefficient_array(result, "standardised_coefficient", max_lag, &DirectEffect::standardised)};
  if (result.forecasts.empty() || result.forecasts[0].mean.empty()) return arrays;
  arrays.push_back(forecast_array(result, "forecast_mean", &Forecast::mean));
  arrays.push_back(forecast_array(result, "forecast_low", &Forecast::low));
  arrays.push_back(forecast_array(result, "forecast_high", &Forecast::high));
  return arrays;
}

}  // namespace sovren::jobs
