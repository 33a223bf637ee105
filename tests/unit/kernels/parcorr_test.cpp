// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/parcorr.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/causal/lag_covariance.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::chain;
using testing::correlation_of;
using testing::noise;
using testing::plain_parcorr;

TEST(Parcorr, EqualsResidualCorrelationForAnyConditionSet) {
  const int N = 10;
  const int L = 5;
  const auto data = chain(1000, N, L, 1);
  const auto source = correlation_of(data, N, L);
  std::vector<Node> z;
  for (int size = 0; size <= 25; ++size) {
    const TestResult result = parcorr(source, {3, 1}, {4, 0}, z);
    const double plain = plain_parcorr(data, N, L, {3, 1}, {4, 0}, z);
    EXPECT_NEAR(result.value, plain, 1e-14);
    EXPECT_EQ(result.df, 1000 - 2 * L - 2 - size);
    const double p = student_t_two_sided_p(plain, result.df);
    EXPECT_NEAR(result.p_value / p, 1, 1e-10);
    z.push_back({size % N, 2 + size % 9});
  }
}

TEST(Parcorr, FallsBackToTheDataWhenConditionsAreNearlyDependent) {
  auto data = chain(400, 5, 2, 2);
  const auto extra = noise(400, 1, 3);
  for (std::size_t t = 0; t < 400; ++t) data[t * 5 + 4] = data[t * 5] + 1e-5 * extra[t];
  const auto source = correlation_of(data, 5, 2);
  const std::vector<Node> z{{0, 1}, {4, 1}, {2, 2}};
  const Partial partial = source.partial({1, 1}, {2, 0}, z);
  EXPECT_TRUE(partial.by_qr);
  EXPECT_FALSE(partial.determined);
  EXPECT_NEAR(partial.value, plain_parcorr(data, 5, 2, {1, 1}, {2, 0}, z), 1e-9);
  const Partial tested = source.partial({0, 1}, {2, 0}, std::vector<Node>{{4, 1}});
  EXPECT_TRUE(tested.by_qr);
  EXPECT_NEAR(tested.value, plain_parcorr(data, 5, 2, {0, 1}, {2, 0}, {{4, 1}}), 1e-9);
}

TEST(Parcorr, SaysDeterminedWhenConditionsExplainASideFully) {
  auto data = noise(200, 5, 4);
  for (std::size_t t = 0; t < 200; ++t) {
    data[t * 5 + 3] = data[t * 5];                        // a duplicate
    data[t * 5 + 4] = data[t * 5 + 1] + data[t * 5 + 2];  // a sum
  }
  const auto source = correlation_of(data, 5, 1);
  for (const auto& [x, y, z] :
       std::vector<std::tuple<Node, Node, std::vector<Node>>>{{{3, 1}, {1, 0}, {{0, 1}}},
                                                              {{1, 0}, {3, 1}, {{0, 1}}},
                                                              {{4, 1}, {0, 0}, {{1, 1}, {2, 1}}}}) {
    const TestResult result = parcorr(source, x, y, z);
    EXPECT_TRUE(result.determined);
    EXPECT_EQ(result.value, 0);
    EXPECT_EQ(result.p_value, 1);
  }
  const TestResult twins = parcorr(source, {0, 1}, {3, 1}, std::vector<Node>{{1, 0}});
  EXPECT_FALSE(twins.determined);
  EXPECT_NEAR(twins.value, 1, 1e-12);
  EXPECT_EQ(twins.p_value, 0);
  // A set that holds twins is worth what one of them is.
  const Partial both = source.partial({1, 1}, {2, 0}, std::vector<Node>{{0, 1}, {3, 1}});
  const Partial one = source.partial({1, 1}, {2, 0}, std::vector<Node>{{0, 1}});
  EXPECT_NEAR(both.value, one.value, 1e-12);
  EXPECT_EQ(both.df, one.df - 1);
}

TEST(Parcorr, LeavesConstantsOutOfTheConditionsAndTheirCount) {
  auto data = noise(100, 3, 5);
  for (std::size_t t = 0; t < 100; ++t) data[t * 3 + 2] = -7.3;
  const auto source = correlation_of(data, 3, 1);
  const TestResult with = parcorr(source, {0, 1}, {1, 0}, std::vector<Node>{{2, 1}, {1, 1}});
  const TestResult without = parcorr(source, {0, 1}, {1, 0}, std::vector<Node>{{1, 1}});
  EXPECT_EQ(with.value, without.value);
  EXPECT_EQ(with.df, without.df);
  const TestResult itself = parcorr(source, {2, 1}, {2, 0}, {});
  EXPECT_EQ(itself.value, 0);
  EXPECT_EQ(itself.p_value, 1);
}

TEST(Parcorr, IsNeverSignificantWithoutADegreeOfFreedom) {
  const auto source = correlation_of(noise(10, 9, 6), 9, 1);  // 8 samples
  std::vector<Node> z;
  for (int i = 2; i < 8; ++i) z.push_back({i, 1});
  const TestResult result = parcorr(source, {0, 1}, {1, 0}, z);
  EXPECT_EQ(result.df, 0);
  EXPECT_EQ(result.value, 0);
  EXPECT_EQ(result.p_value, 1);
}

}  // namespace
}  // namespace sovren::kernels
