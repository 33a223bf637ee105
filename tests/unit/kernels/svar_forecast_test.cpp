// SPDX-License-Identifier: Apache-2.0
// Forecasts, interventions and replays against the definitions worked out step by step.
#include "kernels/causal/svar_forecast.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/causal/svar_effects.h"
#include "tests/unit/kernels/svar_systems.h"

namespace sovren::kernels {
namespace {

using testing::feedback_links;
using testing::known_model;
using testing::parents_of;
using testing::Path;
using testing::run_links;
using testing::series_of;

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

/// Steps that follow `values`, by the links, on the noise of a seed; a held variable has its value.
std::vector<double> continue_links(std::vector<double> values, int variables,
                                   const std::vector<Path>& links, int steps,
                                   const std::optional<Hold>& hold, std::uint64_t seed) {
  const std::vector<int> order = *order_at_lag0(parents_of(variables, links));
  const Philox random(seed, 4);
  const int rows = static_cast<int>(values.size()) / variables;
  values.resize(at((rows + steps) * variables));
  for (int t = rows; t < rows + steps; ++t)
    for (const int target : order) {
      double& value = values[at(t * variables + target)];
      value = random.normal(at((t - rows) * variables + target));
      for (const Path& link : links)
        if (link.target == target)
          value += link.coefficient * values[at((t - link.lag) * variables + link.source)];
      if (hold && hold->holds(target, t)) value = hold->value;
    }
  values.erase(values.begin(), values.begin() + rows * variables);
  return values;
}

struct Fitted {
  explicit Fitted(std::vector<double> data, std::vector<std::uint8_t> measured = {})
      : values(std::move(data)), valid(std::move(measured)) {
    Series series = series_of(values, 4);
    series.valid = valid;
    model = fit_svar(series, 2, parents_of(4, feedback_links()));
    past = abduct(model, standardise(model, series));
  }
  std::vector<double> values;
  std::vector<std::uint8_t> valid;
  SvarModel model;
  Abducted past;
};

TEST(SvarReplay, WithoutAHoldIsTheSeriesItself) {
  std::vector<double> values = run_links(4, feedback_links(), 1000, 1);
  for (std::size_t cell = 0; cell < values.size(); cell += 4) values[cell] = 1e5 + values[cell];
  const Fitted fitted(values);
  const std::vector<double> again = replay(fitted.model, fitted.past, 999, std::nullopt);
  ASSERT_EQ(again.size(), values.size());
  for (std::size_t cell = 0; cell < values.size(); ++cell)
    EXPECT_NEAR(fitted.model.scales[cell % 4].raw(again[cell]), values[cell],
                1e-12 * (cell % 4 == 0 ? 1e5 : 10));
}

TEST(SvarReplay, FillsWhatIsMissingWithWhatTheEquationsExpect) {
  const std::vector<double> values = run_links(4, feedback_links(), 300, 2);
  std::vector<std::uint8_t> valid(values.size(), 1);
  for (std::size_t cell = 3; cell < valid.size(); cell += 11) valid[cell] = 0;
  std::vector<double> holes = values;
  for (std::size_t cell = 0; cell < holes.size(); ++cell)
    if (valid[cell] == 0) holes[cell] = std::numeric_limits<double>::quiet_NaN();
  const Fitted fitted(holes, valid);
  const std::vector<double> again = replay(fitted.model, fitted.past, 299, std::nullopt);
  double off = 0;
  double spread = 0;
  for (std::size_t cell = 0; cell < values.size(); ++cell) {
    const double value = fitted.model.scales[cell % 4].raw(again[cell]);
    ASSERT_TRUE(std::isfinite(value));
    if (valid[cell] != 0) {
      EXPECT_NEAR(value, values[cell], 1e-12);
      continue;
    }
    EXPECT_EQ(fitted.past.residuals[cell], 0);
    off += std::pow(value - values[cell], 2);
    spread += std::pow(values[cell], 2);
  }
  EXPECT_LT(off, 0.9 * spread);  // better than the mean
}

TEST(SvarReplay, APulseMovesEverythingByItsTotalEffect) {
  const Fitted fitted(run_links(4, feedback_links(), 120, 3));
  for (int source = 0; source < 4; ++source) {
    const int row = 50;
    const double before = fitted.past.values[at(row * 4 + source)];
    const Hold pulse{source, before + 2.5, row, row};
    const std::vector<double> moved = replay(fitted.model, fitted.past, 119, pulse);
    const Responses total = total_effects(fitted.model, source, 69);
    for (int t = 0; t < 120; ++t)
      for (int j = 0; j < 4; ++j) {
        const double change = moved[at(t * 4 + j)] - fitted.past.values[at(t * 4 + j)];
        EXPECT_NEAR(change, t < row ? 0 : 2.5 * total[at((t - row) * 4 + j)], 1e-12);
      }
  }
}

TEST(SvarReplay, AHeldVariableTakesNothingBack) {
  const Fitted fitted(run_links(4, feedback_links(), 120, 4));
  const Hold hold{1, -1.5, 40, 60};
  const std::vector<double> moved = replay(fitted.model, fitted.past, 119, hold);
  // Up to its end each row adds its own push, which reaches the others with 1 cut: paths that come
  // back to 1 end there.
  const Responses cut = total_effects(fitted.model, 1, 20, 1);
  for (int t = 40; t <= 60; ++t)
    for (int j = 0; j < 4; ++j) {
      double change = 0;
      for (int u = 40; u <= t; ++u)
        change += cut[at((t - u) * 4 + j)] * (-1.5 - fitted.past.values[at(u * 4 + 1)]);
      EXPECT_NEAR(moved[at(t * 4 + j)] - fitted.past.values[at(t * 4 + j)], change, 1e-12);
    }
  for (int t = 40; t <= 60; ++t) EXPECT_EQ(moved[at(t * 4 + 1)], -1.5);
  EXPECT_NE(moved[at(61 * 4 + 1)], -1.5);
}

/// Variances of a forecast: every residual to come, of each row and variable, is run through the
/// links alone; with M(cell, residual) so found they are the diagonal of M Sigma M^T.
std::vector<double> plain_variances(const SvarModel& model, const std::vector<Path>& links,
                                    int steps, int rows, const std::optional<Hold>& hold) {
  const int n = model.variables;
  std::vector<std::vector<double>> effect;  // by residual (row, variable)
  for (int start = 0; start < steps * n; ++start) {
    std::vector<double> run(at(steps * n), 0.0);
    for (int step = 0; step < steps; ++step)
      for (const int target : model.order) {
        double& value = run[at(step * n + target)];
        if (hold && hold->holds(target, rows + step)) continue;
        value = step * n + target == start ? 1 : 0;
        for (const Path& link : links)
          if (link.target == target && link.lag <= step)
            value += link.coefficient * run[at((step - link.lag) * n + link.source)];
      }
    effect.push_back(std::move(run));
  }
  std::vector<double> variances(at(steps * n), 0.0);
  for (int cell = 0; cell < steps * n; ++cell)
    for (int step = 0; step < steps; ++step)
      for (int a = 0; a < n; ++a)
        for (int b = 0; b < n; ++b)
          variances[at(cell)] += effect[at(step * n + a)][at(cell)] *
                                 model.covariance[at(a * n + b)] *
                                 effect[at(step * n + b)][at(cell)];
  return variances;
}

TEST(SvarForecast, HasTheVarianceOfTheResidualsToCome) {
  const std::vector<Path> links = feedback_links();
  SvarModel model = known_model(4, 2, links);
  model.covariance = {1, 0.3, 0, 0, 0.3, 2, -0.4, 0.1, 0, -0.4, 1, 0, 0, 0.1, 0, 0.5};
  const std::vector<double> past = run_links(4, links, 10, 5);
  for (const auto& hold :
       {std::optional<Hold>(), std::optional(Hold{1, 0.5, 10, 16}),
        std::optional(Hold{1, 0.5, 10, 10}), std::optional(Hold{0, 0.5, 12, 14})}) {
    const SvarForecast ahead = forecast(model, past, 7, hold);
    const std::vector<double> plain = plain_variances(model, links, 7, 10, hold);
    ASSERT_EQ(ahead.deviation.size(), plain.size());
    for (std::size_t cell = 0; cell < plain.size(); ++cell)
      EXPECT_NEAR(std::pow(ahead.deviation[cell], 2), plain[cell], 1e-12);
  }
}

TEST(SvarForecast, HasTheSameVariancesWithFewLinksAndWithMany) {
  // A chain of 40: at most h + 1 sources reach a target after h steps. And all into all.
  constexpr int n = 40;
  std::vector<Path> chain;
  std::vector<Path> all;
  for (int j = 0; j < n; ++j) {
    chain.push_back({j, j, 1, 0.5});
    if (j > 0) chain.push_back({j - 1, j, 1, 0.4});
    for (int i = 0; i < n; ++i) all.push_back({i, j, 1, 0.02 + 0.0005 * (i - j)});
  }
  const std::vector<double> past(n, 0.5);
  for (const std::vector<Path>& links : {chain, all}) {
    SvarModel model = known_model(n, 1, links);
    for (int i = 1; i < n; ++i)
      model.covariance[at(i * n + i - 1)] = model.covariance[at((i - 1) * n + i)] = 0.3;
    const SvarForecast ahead = forecast(model, past, 4, std::nullopt);
    const std::vector<double> plain = plain_variances(model, links, 4, 1, std::nullopt);
    for (std::size_t cell = 0; cell < plain.size(); ++cell)
      EXPECT_NEAR(std::pow(ahead.deviation[cell], 2), plain[cell], 1e-12 * plain[cell]);
  }
}

TEST(SvarForecast, SpreadsNoFurtherThanItMattersOverALongTime) {
  const std::vector<Path> links{{0, 0, 1, 0.8}, {0, 1, 2, 0.5}};
  const SvarModel model = known_model(2, 2, links);
  const std::vector<double> past(8, 1.0);
  // Variances of x0: (1 - 0.8^2h) / (1 - 0.8^2). Held at first and free later, they start anew.
  const SvarForecast ahead = forecast(model, past, 20000, std::nullopt);
  const SvarForecast held = forecast(model, past, 20000, Hold{0, 0.5, 4, 103});
  for (const int h : {1, 2, 50, 500, 20000}) {
    const double variance = (1 - std::pow(0.64, h)) / 0.36;
    EXPECT_NEAR(std::pow(ahead.deviation[at((h - 1) * 2)], 2), variance, 1e-12);
    if (h > 2) {
      EXPECT_NEAR(std::pow(ahead.deviation[at((h - 1) * 2 + 1)], 2),
                  1 + 0.25 * (1 - std::pow(0.64, h - 2)) / 0.36, 1e-12);
    }
    EXPECT_EQ(held.deviation[at((std::min(h, 100) - 1) * 2)], 0);
    if (h < 10000) {
      EXPECT_NEAR(std::pow(held.deviation[at((h + 99) * 2)], 2), variance, 1e-12);
    }
  }
}

TEST(SvarForecast, ExpectsWhatTheEquationsGiveWithoutResiduals) {
  // x0(t) = 3 + 0.5 x0(t-1), x1(t) = 2 x0(t) - 1, in raw units.
  SvarModel model = known_model(2, 1, {{0, 0, 1, 0.5}, {0, 1, 0, 2}});
  model.equations[0].offset = 3;
  model.equations[1].offset = -1;
  const SvarForecast ahead = forecast(model, std::vector<double>{4, 7}, 2, std::nullopt);
  EXPECT_EQ(ahead.mean, (std::vector<double>{5, 9, 5.5, 10}));
  const SvarForecast held = forecast(model, std::vector<double>{4, 7}, 2, Hold{0, 1, 1, 1});
  EXPECT_EQ(held.mean, (std::vector<double>{1, 1, 3.5, 6}));
  EXPECT_EQ(held.deviation[0], 0);
  EXPECT_EQ(held.deviation[1], 1);         // its own residual alone
  EXPECT_DOUBLE_EQ(held.deviation[2], 1);  // free again
  EXPECT_DOUBLE_EQ(held.deviation[3], std::sqrt(5.0));
  EXPECT_TRUE(forecast(model, std::vector<double>{4, 7}, 0, std::nullopt).mean.empty());
}

TEST(SvarForecast, DifferenceToAnInterventionIsThePulseTimesTheEffect) {
  const Fitted fitted(run_links(4, feedback_links(), 200, 6));
  const SvarForecast plain = forecast(fitted.model, fitted.past.values, 8, std::nullopt);
  const SvarForecast pulse =
      forecast(fitted.model, fitted.past.values, 8, Hold{0, plain.mean[0] + 1.5, 200, 200});
  const Responses total = total_effects(fitted.model, 0, 7);
  for (std::size_t cell = 0; cell < plain.mean.size(); ++cell)
    EXPECT_NEAR(pulse.mean[cell] - plain.mean[cell], 1.5 * total[cell], 1e-12);
}

/// Share of the true continuations of many series that lie in their interval, by step.
std::vector<double> coverage_of(const std::optional<Hold>& hold, int steps) {
  constexpr int series = 600;
  constexpr int rows = 250;
  const std::vector<Path> links = feedback_links();
  std::vector<double> inside(at(steps), 0.0);
  const double factor = interval_factor(0.9);
  const int compared = hold ? 3 : 4;
  for (int k = 0; k < series; ++k) {
    const auto seed = static_cast<std::uint64_t>(1000 + k);
    const Fitted fitted(run_links(4, links, rows, seed));
    const std::vector<double> truth = continue_links(fitted.values, 4, links, steps, hold, seed);
    std::optional<Hold> standard = hold;
    if (standard)
      standard->value = fitted.model.scales[at(hold->variable)].standardised(hold->value);
    const SvarForecast ahead = forecast(fitted.model, fitted.past.values, steps, standard);
    for (std::size_t cell = 0; cell < truth.size(); ++cell) {
      if (hold && static_cast<int>(cell % 4) == hold->variable) continue;
      const double value = fitted.model.scales[cell % 4].standardised(truth[cell]);
      inside[cell / 4] += std::abs(value - ahead.mean[cell]) <= factor * ahead.deviation[cell];
    }
  }
  for (double& each : inside) each /= series * compared;
  return inside;
}

TEST(SvarForecast, NinetyPercentIntervalsHoldNinetyPercentOfWhatComes) {
  for (const double share : coverage_of(std::nullopt, 6)) {
    EXPECT_GT(share, 0.88);
    EXPECT_LT(share, 0.92);
  }
}

TEST(SvarForecast, NinetyPercentIntervalsHoldAlsoUnderAnIntervention) {
  for (const double share : coverage_of(Hold{1, 3, 250, 255}, 6)) {
    EXPECT_GT(share, 0.88);
    EXPECT_LT(share, 0.92);
  }
}

TEST(HoldOutCoverage, IsNearTheLevelAtEveryStep) {
  for (const double level : {0.5, 0.9}) {
    std::vector<double> inside(3, 0.0), compared(3, 0.0);
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const std::vector<double> values = run_links(4, feedback_links(), 3000, seed);
      const IntervalCoverage found = hold_out_coverage(
          series_of(values, 4), 2, parents_of(4, feedback_links()), 2400, 3, level);
      for (std::size_t step = 0; step < 3; ++step) {
        EXPECT_EQ(found.compared[step], 4 * (600 - static_cast<int>(step)));
        inside[step] += static_cast<double>(found.inside[step]);
        compared[step] += static_cast<double>(found.compared[step]);
      }
    }
    for (std::size_t step = 0; step < 3; ++step)
      EXPECT_NEAR(inside[step] / compared[step], level, 0.02);
  }
}

TEST(HoldOutCoverage, CountsNothingThatIsMissingOrHasNoWidth) {
  std::vector<double> values = run_links(4, feedback_links(), 500, 9);
  std::vector<std::uint8_t> valid(values.size(), 1);
  for (std::size_t row = 0; row < 500; ++row) {
    values[row * 4 + 3] = 7;  // constant
    if (row % 5 == 0) valid[row * 4 + 1] = 0;
  }
  Series series = series_of(values, 4);
  series.valid = valid;
  const IntervalCoverage found =
      hold_out_coverage(series, 2, parents_of(4, feedback_links()), 400, 1, 0.9);
  EXPECT_EQ(found.compared[0], 100 + 80 + 100);
  std::vector<std::uint8_t> masked(values.size(), 0);
  for (std::size_t row = 480; row < 500; ++row) masked[row * 4] = 1;
  const Mask targets{masked, false, true, false};
  EXPECT_EQ(hold_out_coverage(series, 2, parents_of(4, feedback_links()), 400, 1, 0.9, targets)
                .compared[0],
            80 + 80 + 100);
}

TEST(IntervalFactor, IsTheQuantileOfTheNormalDistribution) {
  EXPECT_NEAR(interval_factor(0.9), 1.6448536269514722, 1e-15);
  EXPECT_NEAR(interval_factor(0.95), 1.959963984540054, 1e-15);
}

}  // namespace
}  // namespace sovren::kernels
