// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/cmi_knn.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/causal/pc1.h"
#include "kernels/causal/resample.h"
#include "kernels/causal/student_t.h"
#include "tests/unit/kernels/plain_cmi.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

constexpr int N = 3;
constexpr int L = 1;

CmiKnn knn(const std::vector<double>& data, int variables, const CmiKnnOptions& options,
           int max_lag = L) {
  const int steps = static_cast<int>(data.size()) / variables;
  const Series series{data, steps, variables, {}};
  return *CmiKnn::make(series, UsableTimes(series, max_lag, all_times(steps, max_lag)), options);
}

/// x and y follow z (column 2), and each its own noise; y also follows x^2 `link` times.
std::vector<double> common_driver(int steps, double link, std::uint64_t seed) {
  auto data = testing::noise(steps, 3, seed);
  for (std::size_t t = 0; t < data.size(); t += 3) {
    data[t] = data[t + 2] + 0.5 * data[t];
    data[t + 1] = std::tanh(data[t + 2]) + 0.5 * data[t + 1] + link * data[t] * data[t];
  }
  return data;
}

TEST(CmiKnn, EqualsTheDefinitionOnTheSamplesThatAreLeft) {
  const int T = 120;
  auto data = testing::chain(T, N, L, 1);
  std::vector<std::uint8_t> valid(data.size(), 1);
  std::vector<std::uint8_t> masked(data.size(), 0);
  for (std::size_t t = 10; t < T; t += 9) {
    data[t * N + 1] = std::numeric_limits<double>::quiet_NaN();
    valid[t * N + 1] = 0;
    masked[(t + 4) % T * N] = 1;
  }
  const Series series{data, T, N, valid};
  const UsableTimes times(series, L, all_times(T, L), {masked, false, true, false});
  for (const double neighbors : {0.1, 0.3, 7.0}) {
    const auto source = *CmiKnn::make(series, times, {.neighbors = neighbors, .shuffles = 1});
    for (const std::vector<Node>& z : {std::vector<Node>{}, {{0, 1}}, {{2, 1}, {1, 2}}}) {
      std::vector<Node> nodes{{1, 1}, {0, 0}};
      nodes.insert(nodes.end(), z.begin(), z.end());
      std::vector<std::vector<double>> columns(nodes.size());
      for (int t = 2 * L; t < T; ++t) {
        bool is_left = masked[static_cast<std::size_t>(t * N)] == 0;
        const auto at = [&](Node node) {
          return static_cast<std::size_t>((t - node.lag) * N + node.variable);
        };
        for (const Node node : nodes) is_left = is_left && valid[at(node)] != 0;
        for (std::size_t c = 0; c < nodes.size() && is_left; ++c)
          columns[c].push_back(data[at(nodes[c])]);
      }
      const auto n = columns[0].size();
      const int k = neighbors < 1 ? static_cast<int>(neighbors * static_cast<double>(n)) : 7;
      const Partial result = source.partial(nodes[0], nodes[1], z);
      EXPECT_EQ(result.df, static_cast<int>(n));
      EXPECT_NEAR(
          result.value,
          testing::plain_cmi(columns[0], columns[1], {columns.begin() + 2, columns.end()}, k),
          1e-11);
    }
  }
}

TEST(CmiKnn, FindsADependenceThatNoCorrelationShows) {
  const auto data = common_driver(400, 0.5, 1);
  const auto source = knn(data, 3, {.shuffles = 200}, 0);
  EXPECT_EQ(source.partial({0, 0}, {1, 0}, std::vector<Node>{{2, 0}}).p_value, 0);
  auto square = testing::noise(300, 2, 2);
  for (std::size_t t = 0; t < square.size(); t += 2)
    square[t + 1] = square[t] * square[t] + 0.3 * square[t + 1];
  EXPECT_EQ(knn(square, 2, {.shuffles = 200}, 0).partial({0, 0}, {1, 0}, {}).p_value, 0);
}

TEST(CmiKnn, IsCalibratedWhereAConditionExplainsTheDependence) {
  // x and y are strongly dependent, and independent given z: 100 tests of a true null.
  int found = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto source = knn(common_driver(120, 0, 100 + seed), 3, {.shuffles = 60}, 0);
    found += source.partial({0, 0}, {1, 0}, std::vector<Node>{{2, 0}}).p_value <= 0.1;
    if (seed < 10) {
      EXPECT_LE(source.partial({0, 0}, {1, 0}, {}).p_value, 0.1);
    }
  }
  EXPECT_NEAR(found, 10, 12);  // 4 standard deviations
  EXPECT_GE(found, 1);
}

TEST(CmiKnn, IsCalibratedOnIndependentNoise) {
  int found = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    found += knn(testing::noise(80, 2, seed), 2, {.shuffles = 60}, 0)
                 .partial({0, 0}, {1, 0}, {})
                 .p_value <= 0.1;
  EXPECT_NEAR(found, 20, 4 * std::sqrt(18.0));
}

TEST(CmiKnn, DependsOnTheOrderOfTheValuesAlone) {
  auto data = common_driver(200, 0.1, 3);
  const std::vector<Node> z{{2, 0}, {1, 1}};
  const Partial result = knn(data, 3, {.shuffles = 50}).partial({0, 1}, {1, 0}, z);
  for (double& v : data) v = std::exp(3 * v) + 1e6;
  const Partial transformed = knn(data, 3, {.shuffles = 50}).partial({0, 1}, {1, 0}, z);
  EXPECT_EQ(result.value, transformed.value);
  EXPECT_EQ(result.p_value, transformed.p_value);
}

TEST(CmiKnn, AResultDependsOnSeedAndNodesAlone) {
  const auto data = testing::noise(120, 4, 4);
  const auto source = knn(data, 4, {.shuffles = 40, .seed = 1});
  const std::vector<Node> z{{2, 1}, {3, 0}};
  const std::vector<Node> reversed{{3, 0}, {2, 1}};
  const Partial result = source.partial({0, 1}, {1, 0}, z);
  source.partial({1, 1}, {1, 0}, z);
  EXPECT_EQ(source.partial({0, 1}, {1, 0}, reversed).p_value, result.p_value);
  EXPECT_EQ(source.partial({0, 1}, {1, 0}, z).value, result.value);
  std::vector<double> p;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    p.push_back(knn(data, 4, {.shuffles = 40, .seed = seed}).partial({0, 1}, {1, 0}, z).p_value);
  EXPECT_EQ(p[1], result.p_value);
  EXPECT_GT(*std::ranges::max_element(p), *std::ranges::min_element(p));
}

TEST(CmiKnn, TakesTiesConstantsAndRepeatedTimePoints) {
  const int T = 90;
  auto data = testing::noise(T, 4, 5);
  for (std::size_t t = 0; t < T; ++t) {
    data[4 * t] = std::round(data[4 * t]);  // ties
    data[4 * t + 1] = 0.1;
    data[4 * t + 3] = data[4 * t];
  }
  const auto source = knn(data, 4, {.shuffles = 100});
  EXPECT_EQ(source.partial({0, 1}, {3, 1}, {}).p_value, 0);  // twins, each with ties of its own
  EXPECT_GT(source.partial({0, 1}, {2, 0}, {}).p_value, 0.01);
  const Partial constant = source.partial({1, 0}, {2, 0}, {});
  EXPECT_EQ(constant.value, 0);
  EXPECT_EQ(p_value_of(constant), 1);
  EXPECT_EQ(source.partial({0, 1}, {2, 0}, std::vector<Node>{{1, 1}}).value,
            source.partial({0, 1}, {2, 0}, {}).value);

  const Series series{data, T, 4, {}};
  const auto replicate = *CmiKnn::make(
      series, UsableTimes(series, L, bootstrap_times(T, L, 1, 1, 0, 0)), {.shuffles = 100});
  EXPECT_EQ(replicate.partial({0, 1}, {3, 1}, {}).p_value, 0);
  EXPECT_EQ(replicate.partial({0, 1}, {3, 1}, {}).df, T - 2 * L);
}

TEST(CmiKnn, SaysNothingOnTooFewSamples) {
  const int T = 60;
  const auto data = testing::noise(T, 3, 6);
  std::vector<std::uint8_t> valid(data.size(), 1);
  for (std::size_t t = 0; t + 6 < T; ++t) valid[t * 3] = 0;
  const Series series{data, T, 3, valid};
  const auto times = UsableTimes(series, L, all_times(T, L));
  const auto source = *CmiKnn::make(series, times, {.neighbors = 2, .shuffles = 10});
  EXPECT_EQ(source.partial({1, 0}, {0, 0}, std::vector<Node>{{2, 0}, {2, 1}, {1, 1}}).df, 6);
  const Partial too_many =
      source.partial({1, 0}, {0, 0}, std::vector<Node>{{2, 0}, {2, 1}, {1, 1}, {1, 2}});
  EXPECT_LT(too_many.df, 1);
  EXPECT_EQ(p_value_of(too_many), 1);
  const auto many = *CmiKnn::make(series, times, {.neighbors = 6, .shuffles = 10});
  EXPECT_LT(many.partial({1, 0}, {0, 0}, {}).df, 1);  // 6 samples have 5 neighbours
  EXPECT_EQ(Significance(0.99).is_dependent(many.partial({1, 0}, {0, 0}, {})), false);
}

TEST(CmiKnn, RefusesMoreSamplesThanRanksHold) {
  const std::vector<double> data(65'538, 1.0);
  const Series series{data, 65'538, 1, {}};
  const auto refused = CmiKnn::make(series, UsableTimes(series, L, all_times(65'538, L)), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::data_invalid);
  EXPECT_EQ(refused.error().what, "cmi-knn ranks at most 65535 samples, and there are 65536");
}

TEST(CmiKnn, SelectsTheNonlinearParents) {
  const int T = 300;
  auto data = testing::noise(T, 2, 8);
  for (std::size_t t = 1; t < T; ++t)
    data[2 * t + 1] = std::abs(data[2 * (t - 1)]) + 0.3 * data[2 * t + 1];
  const auto source = knn(data, 2, {.shuffles = 100});
  const auto parents = select_conditions(source, 1, {.max_lag = L, .alphas = {0.01}}).parents;
  ASSERT_EQ(parents.size(), 1u);
  EXPECT_EQ(parents[0].node, (Node{0, 1}));
  EXPECT_TRUE(select_conditions(source, 0, {.max_lag = L, .alphas = {0.01}}).parents.empty());
}

}  // namespace
}  // namespace sovren::kernels
