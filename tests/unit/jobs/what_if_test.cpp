// SPDX-License-Identifier: Apache-2.0
// Effects, forecasts and interventions as the job asks for them.
#include "jobs/causal/what_if.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/rng.h"
#include "jobs/causal/share.h"
#include "jobs/causal/what_if_json.h"

namespace sovren::jobs {
namespace {

using kernels::LinkTable;
using kernels::Mark;

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

/// wind -> rain (lag 1) -> snow (lag 2), and wind -> sun at lag 0; all remember themselves. Wind in
/// units of 100, rain around 1000.
struct Weather {
  struct Link {
    int source, target, lag;
    double coefficient;
  };
  static constexpr int variables = 4;
  std::vector<Link> links{
      {0, 0, 1, 0.5}, {1, 1, 1, 0.3}, {0, 1, 1, 0.8}, {1, 2, 2, -0.7}, {0, 3, 0, 0.9}};
  Inputs inputs;
  Table& table = inputs.table;
  LinkTable found;
  CausalSpec spec;

  explicit Weather(int rows = 400, std::uint64_t seed = 1) : found(variables, 0, 2) {
    table.names = table.all_names = {"wind", "rain", "snow", "sun"};
    table.rows = rows;
    table.columns = variables;
    table.values.resize(at(rows * variables));
    const Philox random(seed);
    for (int t = 0; t < rows; ++t)
      for (int j = 0; j < variables; ++j) {
        double& value = table.values[at(t * variables + j)];
        value = random.normal(at(t * variables + j));
        for (const Link& link : links)
          if (link.target == j && link.lag <= t)
            value += link.coefficient * table.at(t - link.lag, link.source);
      }
    for (int t = 0; t < rows; ++t) {
      table.values[at(t * variables)] *= 100;
      table.values[at(t * variables + 1)] += 1000;
    }
    for (const Link& link : links)
      found.mark[found.index(link.source, link.target, link.lag)] = Mark::directed;
    found.mark[found.index(3, 0, 0)] = Mark::reversed;
    spec.max_lag = 2;
    spec.test = CausalSpec::Test::parcorr;
  }
  WhatIf answer() const {
    const auto checked = check_what_if(spec, table);
    EXPECT_TRUE(checked) << to_text(checked.error());
    return what_if(spec, inputs, found);
  }
  void lose(int row, int column) {
    table.values[at(row * variables + column)] = std::numeric_limits<double>::quiet_NaN();
    table.has_missing = true;
  }
};

double coefficient(const WhatIf& result, int source, int target, int lag) {
  for (const DirectEffect& link : result.links)
    if (link.source == source && link.target == target && link.lag == lag) return link.raw;
  ADD_FAILURE() << "no link " << source << " " << target << " " << lag;
  return 0;
}

bool says(const std::vector<std::string>& notes, const std::string& text) {
  return std::ranges::any_of(notes, [&](const auto& note) { return note.find(text) != note.npos; });
}

TEST(CheckWhatIf, NamesThePlaceAndTheNearestName) {
  Weather weather;
  weather.table.all_names.push_back("date");
  const auto error = [&] { return check_what_if(weather.spec, weather.table).error(); };
  weather.spec.effects = {{"wind", "rain", 1}, {"rian", "snow", 1}};
  EXPECT_EQ(error().code, Code::data_invalid);
  EXPECT_EQ(error().where, "causal_analysis.effects[1].cause");
  EXPECT_EQ(error().hint, "did you mean 'rain'?");
  weather.spec.effects = {{"wind", "date", 1}};
  EXPECT_EQ(error().where, "causal_analysis.effects[0].effect");
  EXPECT_NE(error().what.find("not part of the analysis"), std::string::npos);
  weather.spec.effects.clear();
  weather.spec.interventions = {{"winds", 1, {}, {}}};
  EXPECT_EQ(error().where, "causal_analysis.interventions[0].set");
  EXPECT_EQ(error().hint, "did you mean 'wind'?");
}

TEST(CheckWhatIf, RefusesRowsThatAreNotThere) {
  struct Case {
    std::optional<int> from, until;
    std::string key;  // empty: allowed
  };
  // 400 rows, max_lag 2, so a forecast of rows 400 and 401.
  for (const Case& each : {
           Case{{}, {}, ""},
           Case{2, {}, ""},
           Case{2, 2, ""},
           Case{399, 399, ""},
           Case{400, 401, ""},
           Case{{}, 400, ""},
           Case{1, 5, "from"},
           Case{-1, 5, "from"},
           Case{402, {}, "from"},
           Case{10, 402, "until"},
           Case{10, 9, "from"},
           Case{{}, 10, "from"},
           Case{399, 400, "until"},
       }) {
    Weather weather;
    weather.spec.interventions = {{"wind", 1, each.from, each.until}};
    const auto checked = check_what_if(weather.spec, weather.table);
    ASSERT_EQ(checked.has_value(), each.key.empty()) << each.key;
    if (each.key.empty()) continue;
    EXPECT_EQ(checked.error().where, "causal_analysis.interventions[0]." + each.key);
    EXPECT_EQ(checked.error().code, Code::data_invalid);
    EXPECT_FALSE(checked.error().what.empty());
  }
}

TEST(CheckWhatIf, NeedsAFutureForAnInterventionInIt) {
  Weather weather;
  weather.spec.horizon = 0;
  weather.spec.interventions = {{"wind", 1, {}, {}}};
  EXPECT_EQ(check_what_if(weather.spec, weather.table).error().where,
            "causal_analysis.interventions[0].from");
  weather.spec.interventions[0].from = 5;
  EXPECT_TRUE(check_what_if(weather.spec, weather.table));
}

TEST(CheckWhatIf, RefusesCategories) {
  Weather weather;
  weather.spec.test = CausalSpec::Test::chi2;
  EXPECT_FALSE(has_model(weather.spec));
  EXPECT_TRUE(check_what_if(weather.spec, weather.table));  // nothing is asked for
  weather.spec.interventions = {{"wind", 1, {}, {}}};
  EXPECT_EQ(check_what_if(weather.spec, weather.table).error().where,
            "causal_analysis.interventions");
}

TEST(WhatIfParents, AreTheSourcesOfDirectedLinks) {
  LinkTable links(4, 0, 1);
  links.mark[links.index(0, 1, 1)] = Mark::directed;
  links.mark[links.index(2, 1, 0)] = Mark::directed;
  links.mark[links.index(1, 2, 0)] = Mark::reversed;
  links.mark[links.index(0, 3, 0)] = links.mark[links.index(3, 0, 0)] = Mark::undirected;
  links.mark[links.index(2, 3, 0)] = links.mark[links.index(3, 2, 0)] = Mark::conflict;
  std::vector<std::string> notes;
  const kernels::ParentLists parents = parents_of(links, notes);
  EXPECT_EQ(parents, (kernels::ParentLists{{}, {{2, 0}, {0, 1}}, {}, {}}));
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_TRUE(says(notes, "1 link at lag 0 without direction"));
  EXPECT_TRUE(says(notes, "1 link at lag 0 in conflict"));
}

TEST(WhatIfParents, AreNotTakenFromCirclesAtLagZero) {
  LinkTable links(5, 0, 1);
  // 0 -> 1 -> 2 -> 3 -> 1 and 3 -> 4: the circle goes, what leads to it and from it stays.
  for (const auto& [source, target] : {std::pair{0, 1}, {1, 2}, {2, 3}, {3, 1}, {3, 4}})
    links.mark[links.index(source, target, 0)] = Mark::directed;
  links.mark[links.index(2, 3, 1)] = Mark::directed;
  std::vector<std::string> notes;
  EXPECT_EQ(parents_of(links, notes), (kernels::ParentLists{{}, {{0, 0}}, {}, {{2, 1}}, {{3, 0}}}));
  EXPECT_TRUE(says(notes, "3 links at lag 0 in circles"));
}

TEST(WhatIf, FitsTheLinksInUnitsOfTheData) {
  const Weather weather;
  const WhatIf result = weather.answer();
  ASSERT_EQ(result.links.size(), weather.links.size());
  EXPECT_NEAR(coefficient(result, 0, 1, 1), 0.8 / 100, 0.15 / 100);
  EXPECT_NEAR(coefficient(result, 1, 2, 2), -0.7, 0.15);
  EXPECT_NEAR(coefficient(result, 0, 3, 0), 0.9 / 100, 0.15 / 100);
  EXPECT_NEAR(result.equations[0].residual_deviation, 100, 15);
  EXPECT_NEAR(result.equations[1].intercept, 700, 100);
  EXPECT_EQ(result.equations[1].samples, 398);
  EXPECT_GT(result.equations[1].explained, 0.3);
  EXPECT_LT(result.equations[1].explained, 0.7);
  EXPECT_LT(result.replay_error, 1e-12);
  EXPECT_TRUE(result.notes.empty());
}

TEST(WhatIf, EffectsAreProductsAlongPathsAndGoThroughTheirMediators) {
  Weather weather;
  weather.spec.effects = {{"wind", "snow", 3}, {"sun", "snow", 0}, {"wind", "sun", 0}};
  const WhatIf result = weather.answer();
  ASSERT_EQ(result.effects.size(), 3U);
  const Effect& snow = result.effects[0];
  EXPECT_EQ(snow.max_lag(), 3);
  const double both = coefficient(result, 0, 1, 1) * coefficient(result, 1, 2, 2);
  EXPECT_NEAR(snow.total[3], both, 1e-12 * std::abs(both));
  EXPECT_EQ(snow.direct, std::vector<double>(4, 0.0));
  ASSERT_EQ(snow.mediators.size(), 1U);
  EXPECT_EQ(snow.mediators[0].variable, 1);
  EXPECT_NEAR(snow.mediators[0].raw[3], both, 1e-12 * std::abs(both));
  EXPECT_EQ(snow.total[2], 0);
  EXPECT_NEAR(snow.total_standardised[3] / snow.total[3],
              snow.mediators[0].standardised[3] / snow.mediators[0].raw[3], 1e-9);
  EXPECT_EQ(result.effects[1].total, std::vector<double>(3, 0.0));  // max_lag of the analysis
  EXPECT_TRUE(result.effects[1].mediators.empty());
  const Effect& sun = result.effects[2];
  EXPECT_EQ(sun.direct[0], coefficient(result, 0, 3, 0));
  EXPECT_EQ(sun.total[0], sun.direct[0]);
  EXPECT_NEAR(sun.total[1], sun.direct[0] * coefficient(result, 0, 0, 1), 1e-15);
}

TEST(WhatIf, ListsTheStrongestMediatorFirst) {
  Weather weather(2000);
  // wind -> snow also by sun, more weakly than by rain.
  for (int t = 1; t < 2000; ++t)
    weather.table.values[at(t * 4 + 2)] += 0.2 * weather.table.at(t - 1, 3);
  weather.found.mark[weather.found.index(3, 2, 1)] = Mark::directed;
  weather.spec.effects = {{"wind", "snow", 3}};
  const Effect effect = weather.answer().effects[0];
  ASSERT_EQ(effect.mediators.size(), 2U);
  EXPECT_EQ(effect.mediators[0].variable, 1);
  EXPECT_EQ(effect.mediators[1].variable, 3);
  EXPECT_GT(effect.mediators[1].raw[1], 0);
}

TEST(WhatIf, InfluencesTellWhoDrivesAndWhoIsDriven) {
  const WhatIf result = Weather().answer();
  ASSERT_EQ(result.influences.size(), 4U);
  EXPECT_GT(result.influences[0].causing, result.influences[1].causing);
  EXPECT_EQ(result.influences[2].causing, 0);
  EXPECT_EQ(result.influences[0].receiving, 0);
  EXPECT_GT(result.influences[1].receiving, 0);
  EXPECT_EQ(result.influences[1].mediating, 0);  // wind reaches snow after 3 steps, max_lag is 2
}

TEST(WhatIf, ForecastsWithTheEquationsAndTheirResiduals) {
  Weather weather;
  weather.spec.horizon = 5;
  const WhatIf result = weather.answer();
  ASSERT_EQ(result.forecasts.size(), 4U);
  const auto last = [&](int back, int j) { return weather.table.at(400 - back, j); };
  const auto intercept = [&](int j) { return result.equations[at(j)].intercept; };
  const double wind = intercept(0) + coefficient(result, 0, 0, 1) * last(1, 0);
  const double rain = intercept(1) + coefficient(result, 1, 1, 1) * last(1, 1) +
                      coefficient(result, 0, 1, 1) * last(1, 0);
  EXPECT_NEAR(result.forecasts[0].mean[0], wind, 1e-9);
  EXPECT_NEAR(result.forecasts[1].mean[0], rain, 1e-9);
  EXPECT_NEAR(result.forecasts[2].mean[2],
              intercept(2) + coefficient(result, 1, 2, 2) * result.forecasts[1].mean[0], 1e-9);
  EXPECT_NEAR(result.forecasts[3].mean[0], intercept(3) + coefficient(result, 0, 3, 0) * wind,
              1e-9);
  const double reach = 1.6448536269514722 * result.equations[1].residual_deviation;
  EXPECT_NEAR(result.forecasts[1].low[0], rain - reach, 1e-9);
  EXPECT_NEAR(result.forecasts[1].high[0], rain + reach, 1e-9);
  for (const Forecast& forecast : result.forecasts) {
    ASSERT_EQ(forecast.mean.size(), 5U);
    for (std::size_t step = 1; step < 5; ++step)  // no step is surer than the one before
      EXPECT_GE(forecast.high[step] - forecast.low[step],
                (forecast.high[step - 1] - forecast.low[step - 1]) * (1 - 1e-12));
  }
}

TEST(WhatIf, AnInterventionAheadMovesWhatItReaches) {
  Weather weather;
  weather.spec.horizon = 6;
  weather.spec.interventions = {{"rain", 1010, {}, {}}, {"wind", 500, 401, 401}};
  const WhatIf result = weather.answer();
  ASSERT_EQ(result.interventions.size(), 2U);
  const WhatIfDone& rain = result.interventions[0];
  EXPECT_FALSE(rain.is_past);
  EXPECT_EQ(rain.from, 400);
  EXPECT_EQ(rain.until, 405);
  ASSERT_EQ(rain.responses.size(), 2U);  // rain itself and snow; not wind, not sun
  EXPECT_EQ(rain.responses[0].variable, 1);
  for (std::size_t step = 0; step < 6; ++step) {
    EXPECT_DOUBLE_EQ(rain.responses[0].with[step], 1010);
    EXPECT_DOUBLE_EQ(rain.responses[0].low[step], 1010);
    EXPECT_DOUBLE_EQ(rain.responses[0].high[step], 1010);
    EXPECT_EQ(rain.responses[0].without[step], result.forecasts[1].mean[step]);
  }
  const Response& snow = rain.responses[1];
  EXPECT_EQ(snow.variable, 2);
  EXPECT_EQ(snow.difference[1], 0);
  EXPECT_NEAR(snow.difference[2],
              coefficient(result, 1, 2, 2) * (1010 - result.forecasts[1].mean[0]), 1e-9);
  EXPECT_LT(snow.low[2], snow.with[2]);
  // Rain is held, so its own residuals no longer reach snow.
  EXPECT_LT(snow.high[3] - snow.low[3], result.forecasts[2].high[3] - result.forecasts[2].low[3]);

  const WhatIfDone& wind = result.interventions[1];
  EXPECT_EQ(wind.responses.size(), 4U);
  EXPECT_EQ(wind.responses[0].with.size(), 5U);  // rows 401 .. 405
  const double push = 500 - result.forecasts[0].mean[1];
  EXPECT_NEAR(wind.responses[0].difference[0], push, 1e-9);
  EXPECT_NEAR(wind.responses[0].difference[2], push * std::pow(coefficient(result, 0, 0, 1), 2),
              1e-9);
}

TEST(WhatIf, ACounterfactualKeepsTheResidualsOfThePast) {
  Weather weather;
  weather.spec.max_lag = 2;
  weather.spec.horizon = 6;
  weather.spec.interventions = {{"wind", 900, 100, 100}, {"rain", 990, 396, {}}};
  weather.spec.effects = {{"wind", "rain", 6}};
  const WhatIf result = weather.answer();
  const WhatIfDone& wind = result.interventions[0];
  EXPECT_TRUE(wind.is_past);
  ASSERT_EQ(wind.responses.size(), 4U);
  const Response& rain = wind.responses[1];
  ASSERT_EQ(rain.variable, 1);
  ASSERT_EQ(rain.with.size(), 7U);  // the row and six after it
  EXPECT_TRUE(rain.low.empty());
  const double push = 900 - weather.table.at(100, 0);
  EXPECT_NEAR(wind.responses[0].with[0], 900, 1e-9);
  for (int h = 0; h <= 6; ++h) {
    EXPECT_NEAR(rain.without[at(h)], weather.table.at(100 + h, 1), 1e-9);
    EXPECT_NEAR(rain.difference[at(h)], push * result.effects[0].total[at(h)], 1e-10);
  }
  const WhatIfDone& held = result.interventions[1];
  EXPECT_EQ(held.until, 399);
  EXPECT_EQ(held.responses[0].with.size(), 4U);
  for (const double value : held.responses[0].with) EXPECT_NEAR(value, 990, 1e-9);
}

TEST(WhatIf, SaysWhenAnInterventionChangesNothing) {
  Weather weather;
  weather.spec.interventions = {{"snow", 1, {}, {}}};
  const WhatIf result = weather.answer();
  EXPECT_EQ(result.interventions[0].responses.size(), 1U);
  EXPECT_TRUE(says(result.notes, "setting 'snow' changes no other variable"));
}

TEST(WhatIf, ForecastIntervalsHoldOnRowsThatWereKeptBack) {
  const WhatIf result = Weather(5000).answer();
  ASSERT_TRUE(result.coverage);
  EXPECT_EQ(result.coverage->rows_fitted, 4000);
  EXPECT_EQ(result.coverage->values, 4 * (1000 + 999));
  ASSERT_EQ(result.coverage->by_step.size(), 2U);
  for (const double share : result.coverage->by_step) EXPECT_NEAR(share, 0.9, 0.02);
  EXPECT_NEAR(result.coverage->share, 0.9, 0.02);
}

TEST(WhatIf, HasNoCoverageOfAShortSeries) {
  const WhatIf result = Weather(14).answer();
  EXPECT_FALSE(result.coverage);
  EXPECT_TRUE(says(result.notes, "too few rows to see"));
}

TEST(WhatIf, TakesMissingValuesConstantsAndNoHorizon) {
  Weather weather;
  for (int row = 3; row < 400; row += 9) weather.lose(row, row % 3);
  weather.lose(399, 0);
  for (int row = 0; row < 400; ++row) weather.table.values[at(row * 4 + 3)] = 0.1;
  weather.spec.horizon = 0;
  weather.spec.interventions = {{"wind", 0, 200, 210}};
  const WhatIf result = weather.answer();
  EXPECT_TRUE(says(result.notes, "missing values"));
  EXPECT_LT(result.equations[1].samples, 398);
  EXPECT_EQ(result.equations[3].residual_deviation, 0);
  EXPECT_EQ(coefficient(result, 0, 3, 0), 0);
  EXPECT_TRUE(result.forecasts[0].mean.empty());
  EXPECT_LT(result.replay_error, 1e-12);
  const WhatIfDone& done = result.interventions[0];
  ASSERT_EQ(done.responses.size(), 3U);  // the constant is not moved
  for (const Response& response : done.responses) {
    EXPECT_EQ(response.with.size(), 11U);
    for (const double value : response.with) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(WhatIf, FitsNoRowsThatAreMasked) {
  Weather weather;
  weather.inputs.mask = weather.table;
  for (int row = 0; row < 400; ++row)
    for (int j = 0; j < 4; ++j) weather.inputs.mask->values[at(row * 4 + j)] = row < 100 ? 1 : 0;
  EXPECT_EQ(weather.answer().equations[1].samples, 300);
  weather.spec.mask_type = CausalSpec::MaskType::yz;
  EXPECT_EQ(weather.answer().equations[1].samples, 299);  // lag 1
  weather.spec.mask_type = CausalSpec::MaskType::x;
  EXPECT_EQ(weather.answer().equations[1].samples, 398);
}

TEST(WhatIf, OfUnrelatedRowsForecastsTheNextOne) {
  Weather weather;
  weather.spec.method = CausalSpec::Method::pc;
  weather.spec.max_lag = 0;
  weather.found = LinkTable(4, 0, 0);
  weather.found.mark[weather.found.index(0, 3, 0)] = Mark::directed;
  weather.found.mark[weather.found.index(3, 0, 0)] = Mark::reversed;
  weather.spec.interventions = {{"wind", 300, {}, {}}};
  weather.spec.effects = {{"wind", "sun", 0}};
  const WhatIf result = weather.answer();
  EXPECT_EQ(result.equations[3].samples, 400);
  ASSERT_EQ(result.forecasts[3].mean.size(), 1U);
  const Response& sun = result.interventions[0].responses[1];
  EXPECT_NEAR(sun.with[0], result.equations[3].intercept + 300 * coefficient(result, 0, 3, 0),
              1e-9);
  EXPECT_EQ(result.effects[0].total.size(), 1U);
  EXPECT_TRUE(result.coverage);
}

TEST(WhatIfJson, NamesWhatItTells) {
  Weather weather;
  weather.spec.effects = {{"wind", "snow", 3}};
  weather.spec.interventions = {{"rain", 1010, {}, {}}, {"wind", 900, 100, 101}};
  const WhatIf result = weather.answer();
  const text::Json json = what_if_json(result, weather.table.names, 400);
  EXPECT_EQ(json["model"]["equations"][1]["variable"], "rain");
  EXPECT_EQ(json["model"]["equations"][1]["samples"], 398);
  EXPECT_EQ(json["model"]["links"].size(), 5U);
  EXPECT_EQ(json["model"]["links"][0]["source"], "wind");
  EXPECT_GT(json["model"]["coverage"]["share"], 0.8);
  EXPECT_EQ(json["effects"][0]["cause"], "wind");
  EXPECT_EQ(json["effects"][0]["total"].size(), 4U);
  EXPECT_EQ(json["effects"][0]["mediators"][0]["variable"], "rain");
  EXPECT_EQ(json["forecast"]["first_row"], 400);
  EXPECT_EQ(json["forecast"]["variables"][3]["variable"], "sun");
  EXPECT_EQ(json["forecast"]["variables"][3]["low"].size(), 2U);
  EXPECT_EQ(json["interventions"][0]["set"], "rain");
  EXPECT_EQ(json["interventions"][0]["counterfactual"], false);
  EXPECT_TRUE(json["interventions"][0]["responses"][0].contains("low"));
  EXPECT_EQ(json["interventions"][1]["counterfactual"], true);
  EXPECT_FALSE(json["interventions"][1]["responses"][0].contains("low"));
}

TEST(WhatIfArrays, HaveTheShapeOfTheOtherMatrices) {
  const WhatIf result = Weather().answer();
  const std::vector<NamedArray> arrays = what_if_arrays(result, 2);
  ASSERT_EQ(arrays.size(), 5U);
  EXPECT_EQ(arrays[0].name, "coefficient");
  EXPECT_EQ(arrays[0].shape, (std::vector<std::size_t>{4, 4, 3}));
  EXPECT_EQ(arrays[0].values[(1 * 4 + 2) * 3 + 2], coefficient(result, 1, 2, 2));
  EXPECT_EQ(arrays[2].name, "forecast_mean");
  EXPECT_EQ(arrays[2].shape, (std::vector<std::size_t>{4, 2}));
  EXPECT_EQ(arrays[2].values[1 * 2 + 1], result.forecasts[1].mean[1]);
  EXPECT_EQ(arrays[4].values[7], result.forecasts[3].high[1]);
}

}  // namespace
}  // namespace sovren::jobs
