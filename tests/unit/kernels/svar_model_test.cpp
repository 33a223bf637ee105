// SPDX-License-Identifier: Apache-2.0
// The fitted model against plain least squares, and its effects against all paths one by one.
#include "kernels/causal/svar_model.h"

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

/// Intercept, then a coefficient per parent: normal equations in long double with 1 as a column,
/// Gauss with pivoting.
std::vector<long double> plain_ols(const Series& series, int max_lag, int target,
                                   const std::vector<Node>& parents) {
  const auto cell = [&](int t, Node node) {
    return at((t - node.lag) * series.variables + node.variable);
  };
  const std::size_t n = parents.size() + 1;
  std::vector<std::vector<long double>> a(n, std::vector<long double>(n + 1, 0));
  for (int t = max_lag; t < series.steps; ++t) {
    std::vector<long double> row{1};
    bool is_whole = series.valid.empty() || series.valid[cell(t, {target, 0})] != 0;
    for (const Node parent : parents) {
      is_whole = is_whole && (series.valid.empty() || series.valid[cell(t, parent)] != 0);
      row.push_back(series.values[cell(t, parent)]);
    }
    if (!is_whole) continue;
    row.push_back(series.values[cell(t, {target, 0})]);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k <= n; ++k) a[i][k] += row[i] * row[k];
  }
  for (std::size_t i = 0; i < n; ++i) {
    const auto pivot = std::max_element(a.begin() + static_cast<std::ptrdiff_t>(i), a.end(),
                                        [&](const auto& left, const auto& right) {
                                          return std::abs(left[i]) < std::abs(right[i]);
                                        });
    std::swap(a[i], *pivot);
    for (std::size_t r = 0; r < n; ++r) {
      if (r == i) continue;
      const long double factor = a[r][i] / a[i][i];
      for (std::size_t k = i; k <= n; ++k) a[r][k] -= factor * a[i][k];
    }
  }
  std::vector<long double> solution;
  for (std::size_t i = 0; i < n; ++i) solution.push_back(a[i][n] / a[i][i]);
  return solution;
}

void expect_plain_ols(const SvarModel& model, const Series& series, double tolerance) {
  for (int target = 0; target < model.variables; ++target) {
    const std::vector<Node>& parents = model.equations[at(target)].parents;
    const auto plain = plain_ols(series, model.max_lag, target, parents);
    EXPECT_NEAR(model.intercept(target), static_cast<double>(plain[0]), tolerance);
    for (std::size_t k = 0; k < parents.size(); ++k)
      EXPECT_NEAR(model.raw_coefficient(target, parents[k]), static_cast<double>(plain[k + 1]),
                  tolerance);
  }
}

TEST(SvarModel, IsLeastSquaresOfEachTarget) {
  std::vector<double> values = run_links(4, feedback_links(), 300, 1);
  for (std::size_t cell = 0; cell < values.size(); ++cell)
    values[cell] = values[cell] * (cell % 4 == 1 ? 20 : 1) + static_cast<double>(cell % 4);
  const Series series = series_of(values, 4);
  const SvarModel model = fit_svar(series, 2, parents_of(4, feedback_links()));
  expect_plain_ols(model, series, 1e-9);
  for (const SvarEquation& equation : model.equations) {
    EXPECT_EQ(equation.samples, 298);
    EXPECT_EQ(equation.rank, std::ssize(equation.parents));
  }
  EXPECT_EQ(model.raw_coefficient(0, {3, 1}), 0);  // no parent
}

TEST(SvarModel, UsesTheRowsAtWhichTargetAndParentsAreMeasured) {
  const std::vector<double> values = run_links(4, feedback_links(), 300, 2);
  std::vector<std::uint8_t> valid(values.size(), 1);
  for (std::size_t cell = 0; cell < valid.size(); cell += 7) valid[cell] = 0;
  Series series = series_of(values, 4);
  series.valid = valid;
  std::vector<double> residuals;
  const SvarModel model = fit_svar(series, 2, parents_of(4, feedback_links()), {}, &residuals);
  expect_plain_ols(model, series, 1e-9);
  for (int target = 0; target < 4; ++target) {
    int defined = 0;
    for (int t = 0; t < 300; ++t) defined += !std::isnan(residuals[at(t * 4 + target)]);
    EXPECT_EQ(defined, model.equations[at(target)].samples);
    EXPECT_LT(defined, 250);
  }
}

TEST(SvarModel, IsFittedToRowsThatAreNotMaskedInTheirRole) {
  const std::vector<double> values = run_links(4, feedback_links(), 300, 8);
  std::vector<std::uint8_t> masked(values.size(), 0);
  for (std::size_t cell = 0; cell < 400; ++cell) masked[cell] = 1;  // the first 100 rows
  const ParentLists parents = parents_of(4, feedback_links());
  for (const bool in_z : {false, true}) {
    const SvarModel model = fit_svar(series_of(values, 4), 2, parents, {masked, true, true, in_z});
    // Targets from row 100 on; where parents are masked too, two rows later for those of lag 2.
    for (int target = 0; target < 4; ++target) {
      int lag_max = 0;
      for (const Node parent : parents[at(target)]) lag_max = std::max(lag_max, parent.lag);
      const int first = 100 + (in_z ? lag_max : 0);
      EXPECT_EQ(model.equations[at(target)].samples, 300 - first);
      const std::vector<double> rest(values.begin() + (first - 2) * 4, values.end());
      const auto plain = plain_ols(series_of(rest, 4), 2, target, parents[at(target)]);
      EXPECT_NEAR(model.intercept(target), static_cast<double>(plain[0]), 1e-9);
      EXPECT_NEAR(model.raw_coefficient(target, parents[at(target)][0]),
                  static_cast<double>(plain[1]), 1e-9);
    }
  }
}

TEST(SvarModel, LeavesResidualsWithTheVarianceOfTheDegreesOfFreedom) {
  const std::vector<double> values = run_links(4, feedback_links(), 300, 3);
  const Series series = series_of(values, 4);
  std::vector<double> residuals;
  const SvarModel model = fit_svar(series, 2, parents_of(4, feedback_links()), {}, &residuals);
  const std::vector<double> data = standardise(model, series);
  for (int target = 0; target < 4; ++target) {
    const SvarEquation& equation = model.equations[at(target)];
    double squares = 0;
    for (int t = 2; t < 300; ++t) {
      double rest = data[at(t * 4 + target)] - equation.offset;
      for (std::size_t k = 0; k < equation.parents.size(); ++k) {
        const Node parent = equation.parents[k];
        rest -= equation.coefficients[k] * data[at((t - parent.lag) * 4 + parent.variable)];
      }
      EXPECT_NEAR(residuals[at(t * 4 + target)], rest, 1e-12);
      squares += rest * rest;
    }
    EXPECT_NEAR(equation.variance, squares / (298 - 1 - equation.rank), 1e-12);
    EXPECT_NEAR(model.covariance[at(target * 5)], equation.variance, 1e-12);
    // Noise of variance 1 in raw units.
    EXPECT_NEAR(equation.variance * std::pow(model.scales[at(target)].spread, 2), 1, 0.25);
  }
}

TEST(SvarModel, KnowsNoUnits) {
  const std::vector<double> values = run_links(4, feedback_links(), 300, 4);
  const ParentLists parents = parents_of(4, feedback_links());
  const SvarModel plain = fit_svar(series_of(values, 4), 2, parents);
  for (const double scale : {1e-200, 1e-30, 1e30, 1e150}) {
    std::vector<double> scaled = values;
    for (std::size_t cell = 2; cell < scaled.size(); cell += 4) scaled[cell] *= scale;
    const SvarModel model = fit_svar(series_of(scaled, 4), 2, parents);
    for (int target = 0; target < 4; ++target)
      for (const Node parent : parents[at(target)])
        EXPECT_NEAR(model.standardised_coefficient(target, parent),
                    plain.standardised_coefficient(target, parent), 1e-12);
    EXPECT_NEAR(model.raw_coefficient(2, {1, 0}) / scale, plain.raw_coefficient(2, {1, 0}), 1e-12);
  }
}

TEST(SvarModel, LosesNoDigitsToALargeOffset) {
  std::vector<double> values = run_links(4, feedback_links(), 300, 5);
  std::vector<double> offset = values;
  // What is left of the signal after rounding is the truth for both.
  for (std::size_t cell = 0; cell < values.size(); ++cell) {
    offset[cell] = 1e5 + 1e-6 * values[cell];
    values[cell] = offset[cell] - 1e5;
  }
  const ParentLists parents = parents_of(4, feedback_links());
  const SvarModel plain = fit_svar(series_of(values, 4), 2, parents);
  const SvarModel model = fit_svar(series_of(offset, 4), 2, parents);
  for (int target = 0; target < 4; ++target) {
    EXPECT_NEAR(model.equations[at(target)].variance, plain.equations[at(target)].variance, 1e-11);
    for (const Node parent : parents[at(target)])
      EXPECT_NEAR(model.raw_coefficient(target, parent), plain.raw_coefficient(target, parent),
                  1e-11);
  }
}

TEST(SvarModel, GivesZeroToParentsThatOthersDetermine) {
  std::vector<double> values = run_links(2, {{0, 1, 1, 0.8}}, 200, 6);
  std::vector<double> wide;
  for (std::size_t row = 0; row < 200; ++row) {
    const double x = values[row * 2];
    wide.insert(wide.end(), {x, values[row * 2 + 1], 3 * x - 7});  // the third is a copy
  }
  const SvarModel model = fit_svar(series_of(wide, 3), 1, {{}, {{0, 1}, {2, 1}}, {}});
  const SvarEquation& equation = model.equations[1];
  EXPECT_EQ(equation.rank, 1);
  EXPECT_TRUE(equation.coefficients[0] == 0 || equation.coefficients[1] == 0);
  const SvarModel one = fit_svar(series_of(wide, 3), 1, {{}, {{0, 1}}, {}});
  EXPECT_NEAR(equation.coefficients[0] + equation.coefficients[1],
              one.standardised_coefficient(1, {0, 1}), 1e-12);
  EXPECT_NEAR(equation.variance, one.equations[1].variance, 1e-12);
}

TEST(SvarModel, TakesConstantsMissingColumnsAndShortSeries) {
  std::vector<double> values = run_links(4, {{0, 1, 1, 0.8}}, 60, 7);
  std::vector<std::uint8_t> valid(values.size(), 1);
  for (std::size_t row = 0; row < 60; ++row) {
    values[row * 4 + 2] = 0.1;  // constant
    valid[row * 4 + 3] = 0;     // never measured
  }
  Series series = series_of(values, 4);
  series.valid = valid;
  const SvarModel model = fit_svar(series, 1, {{{3, 1}}, {{0, 1}, {2, 1}}, {{0, 1}}, {{1, 1}}});
  EXPECT_TRUE(model.equations[0].is_short);  // needs what was never measured
  EXPECT_EQ(model.equations[0].samples, 59);
  EXPECT_EQ(model.equations[1].coefficients[1], 0);
  EXPECT_EQ(model.equations[1].rank, 1);
  EXPECT_FALSE(model.equations[1].is_short);
  EXPECT_NEAR(model.intercept(1), static_cast<double>(plain_ols(series, 1, 1, {{0, 1}})[0]), 1e-12);
  EXPECT_EQ(model.raw_coefficient(2, {0, 1}), 0);
  EXPECT_DOUBLE_EQ(model.intercept(2), 0.1);
  EXPECT_EQ(model.equations[3].samples, 0);
  EXPECT_TRUE(std::isnan(model.intercept(3)));
  EXPECT_TRUE(std::ranges::all_of(model.covariance, [](double v) { return std::isfinite(v); }));
}

TEST(SvarModel, OrdersCausesAtLagZeroFirstAndRefusesCircles) {
  EXPECT_EQ(order_at_lag0({{{2, 0}}, {{0, 0}, {2, 1}}, {}}), (std::vector{2, 0, 1}));
  EXPECT_EQ(order_at_lag0({{{1, 1}}, {{0, 1}}, {}}), (std::vector{0, 1, 2}));
  EXPECT_FALSE(order_at_lag0({{{2, 0}}, {{0, 0}}, {{1, 0}}}));
}

/// Sum over the directed paths from source(t) to target(t + left) of products of coefficients, all
/// paths walked one by one; not through `avoided`.
double wright(const std::vector<Path>& links, int from, int target, int left, int avoided = -1) {
  double sum = from == target && left == 0 ? 1 : 0;
  for (const Path& link : links)
    if (link.source == from && link.lag <= left && link.target != avoided)
      sum += link.coefficient * wright(links, link.target, target, left - link.lag, avoided);
  return sum;
}

TEST(SvarEffects, TotalEffectIsTheSumOverAllPaths) {
  const std::vector<Path> links = feedback_links();
  const SvarModel model = known_model(4, 2, links);
  for (int source = 0; source < 4; ++source) {
    const Responses total = total_effects(model, source, 9);
    for (int lag = 0; lag <= 9; ++lag)
      for (int target = 0; target < 4; ++target)
        EXPECT_NEAR(total[at(lag * 4 + target)], wright(links, source, target, lag), 1e-12);
  }
}

TEST(SvarEffects, WhatGoesThroughAVariableIsTheTotalLessThePathsAroundIt) {
  const std::vector<Path> links = feedback_links();
  const SvarModel model = known_model(4, 2, links);
  for (int source = 0; source < 4; ++source)
    for (int k = 0; k < 4; ++k) {
      if (k == source) continue;
      const Responses total = total_effects(model, source, 8);
      const Responses cut = total_effects(model, source, 8, k);
      const Responses through = mediated_effects(4, total, total_effects(model, k, 8), k);
      for (int lag = 0; lag <= 8; ++lag)
        for (int target = 0; target < 4; ++target) {
          if (target == k) continue;
          const std::size_t cell = at(lag * 4 + target);
          const double around = wright(links, source, target, lag, k);
          EXPECT_NEAR(cut[cell], around, 1e-12);
          EXPECT_NEAR(through[cell], total[cell] - around, 1e-12);
        }
    }
}

TEST(SvarEffects, OfAChainAllGoesThroughItsMiddle) {
  const SvarModel model = known_model(3, 2, {{0, 1, 1, 0.5}, {1, 2, 2, -0.8}});
  const Responses total = total_effects(model, 0, 4);
  EXPECT_DOUBLE_EQ(total[3 * 3 + 2], -0.4);
  const Responses through = mediated_effects(3, total, total_effects(model, 1, 4), 1);
  EXPECT_DOUBLE_EQ(through[3 * 3 + 2], -0.4);
  const AverageEffects averages = average_effects(model, 3);
  EXPECT_DOUBLE_EQ(averages.causal[0], (0.5 + 0.4) / 2);
  EXPECT_DOUBLE_EQ(averages.causal[1], 0.8 / 2);
  EXPECT_DOUBLE_EQ(averages.causal[2], 0);
  EXPECT_DOUBLE_EQ(averages.susceptibility[2], (0.8 + 0.4) / 2);
  EXPECT_DOUBLE_EQ(averages.susceptibility[0], 0);
  EXPECT_DOUBLE_EQ(averages.mediated[1], 0.4 / 2);  // of the pairs 0 -> 2 and 2 -> 0
  EXPECT_DOUBLE_EQ(averages.mediated[0], 0);
}

TEST(SvarEffects, OfADiamondEachSideCarriesItsOwn) {
  // 0 -> 1 -> 3 and 0 -> 2 -> 3, the second at lag 0 first; and 0 -> 3 directly.
  const SvarModel model = known_model(
      4, 2, {{0, 1, 1, 0.6}, {1, 3, 1, 0.5}, {0, 2, 0, 0.4}, {2, 3, 2, -1.5}, {0, 3, 2, 0.1}});
  const Responses total = total_effects(model, 0, 2);
  EXPECT_NEAR(total[2 * 4 + 3], 0.3 - 0.6 + 0.1, 1e-15);
  EXPECT_NEAR(mediated_effects(4, total, total_effects(model, 1, 2), 1)[2 * 4 + 3], 0.3, 1e-15);
  EXPECT_NEAR(mediated_effects(4, total, total_effects(model, 2, 2), 2)[2 * 4 + 3], -0.6, 1e-15);
}

TEST(SvarEffects, AveragesAreMeansOfTheStrongest) {
  const std::vector<Path> links = feedback_links();
  const SvarModel model = known_model(4, 2, links);
  const AverageEffects averages = average_effects(model, 5);
  const auto strongest = [&](int i, int j, int around) {
    double most = 0;
    for (int lag = 0; lag <= 5; ++lag)
      most = std::max(most, std::abs(wright(links, i, j, lag) -
                                     (around < 0 ? 0 : wright(links, i, j, lag, around))));
    return most;
  };
  for (int k = 0; k < 4; ++k) {
    double causal = 0, susceptible = 0, mediated = 0;
    for (int i = 0; i < 4; ++i) {
      if (i == k) continue;
      causal += strongest(k, i, -1) / 3;
      susceptible += strongest(i, k, -1) / 3;
      for (int j = 0; j < 4; ++j)
        if (j != i && j != k) mediated += strongest(i, j, k) / 6;
    }
    EXPECT_NEAR(averages.causal[at(k)], causal, 1e-12);
    EXPECT_NEAR(averages.susceptibility[at(k)], susceptible, 1e-12);
    EXPECT_NEAR(averages.mediated[at(k)], mediated, 1e-12);
  }
}

TEST(SvarEffects, OfOneOrTwoVariablesHaveNothingToAverage) {
  const AverageEffects one = average_effects(known_model(1, 1, {{0, 0, 1, 0.5}}), 2);
  EXPECT_EQ(one.causal, std::vector{0.0});
  const AverageEffects two = average_effects(known_model(2, 1, {{0, 1, 1, 0.5}}), 2);
  EXPECT_EQ(two.causal, (std::vector{0.5, 0.0}));
  EXPECT_EQ(two.mediated, (std::vector{0.0, 0.0}));
}

}  // namespace
}  // namespace sovren::kernels
