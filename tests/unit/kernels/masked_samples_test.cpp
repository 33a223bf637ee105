// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/masked_samples.h"

#include <gtest/gtest.h>

#include <limits>

#include "kernels/causal/mci.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::chain;

constexpr int N = 4;
constexpr int L = 3;
constexpr int T = 250;

struct Holed {
  std::vector<double> data = chain(T, N, L, 1);
  std::vector<std::uint8_t> valid = std::vector<std::uint8_t>(data.size(), 1);
  void hide(int t, int i) {
    data[static_cast<std::size_t>(t * N + i)] = std::numeric_limits<double>::quiet_NaN();
    valid[static_cast<std::size_t>(t * N + i)] = 0;
  }
  Series series() const { return {data, T, N, valid}; }
};

TEST(MaskedSamples, DropsExactlyTheSamplesWhereANodeIsMissing) {
  Holed holed;
  holed.hide(100, 1);  // seen by (1, 2) at t = 102
  holed.hide(130, 2);
  holed.hide(131, 2);
  holed.hide(3, 2);  // in no window of lag <= 2: those begin at t = 4
  const auto complete = *lag_correlation(holed.series(), L, Backend::cpu);
  const MaskedSamples source(holed.series(), complete);
  const std::vector<Node> z{{2, 1}};
  EXPECT_EQ(source.partial({1, 2}, {0, 0}, z).df, T - 2 * L - 3 - 3);
  EXPECT_EQ(source.partial({1, 2}, {0, 0}, {}).df, T - 2 * L - 1 - 2);
  EXPECT_EQ(source.partial({2, 2}, {2, 1}, {}).df, T - 2 * L - 3 - 2);  // 131..133
  EXPECT_EQ(source.fit({0, 0}, z).samples, T - 2 * L - 2);
}

TEST(MaskedSamples, EqualsTheTestOnTheRowsThatAreLeft) {
  Holed holed;
  for (int t = 20; t < 40; ++t) holed.hide(t, 1);
  const auto complete = *lag_correlation(holed.series(), L, Backend::cpu);
  const MaskedSamples source(holed.series(), complete);
  // Without lags the rows are independent of each other: drop them from the table itself.
  std::vector<double> left;
  for (int t = 0; t < T; ++t)
    for (int i = 0; i < N && (t < 20 || t >= 40); ++i)
      left.push_back(holed.data[static_cast<std::size_t>(t * N + i)]);
  left.erase(left.begin(), left.begin() + 2 * L * N);
  const double plain = testing::plain_parcorr(left, N, 0, {1, 0}, {2, 0}, {{0, 0}, {3, 0}});
  EXPECT_NEAR(source.partial({1, 0}, {2, 0}, std::vector<Node>{{0, 0}, {3, 0}}).value, plain,
              1e-14);
}

TEST(MaskedSamples, IsTheSharedCorrelationWhereNothingIsMissing) {
  Holed holed;
  holed.hide(50, 3);
  const auto complete = *lag_correlation(holed.series(), L, Backend::cpu);
  const MaskedSamples source(holed.series(), complete);
  const std::vector<Node> z{{0, 1}, {2, 2}};
  EXPECT_EQ(source.partial({1, 1}, {2, 0}, z).value, complete.partial({1, 1}, {2, 0}, z).value);
  EXPECT_EQ(source.fit({1, 0}, z).unexplained, complete.fit({1, 0}, z).unexplained);
}

TEST(MaskedSamples, AVariableThatIsNeverMeasuredHasNoLinks) {
  Holed holed;
  for (int t = 0; t < T; ++t) holed.hide(t, 1);
  const auto complete = *lag_correlation(holed.series(), L, Backend::cpu);
  const MaskedSamples source(holed.series(), complete);
  for (int j = 0; j < N; ++j)
    for (const Parent& parent :
         select_conditions(source, j, {.max_lag = L, .alphas = {0.9}}).parents) {
      EXPECT_NE(j, 1);
      EXPECT_NE(parent.node.variable, 1);
    }
}

TEST(MaskedSamples, AConstantAmongTheSamplesThatAreLeftIsNoCondition) {
  Holed holed;
  for (int t = 0; t < T; ++t) {
    if (t < 200) holed.hide(t, 1);
    if (t >= 100) holed.data[static_cast<std::size_t>(t * N + 2)] = 4;  // constant where 1 is known
  }
  const auto complete = *lag_correlation(holed.series(), L, Backend::cpu);
  const MaskedSamples source(holed.series(), complete);
  const Partial with = source.partial({1, 1}, {0, 0}, std::vector<Node>{{2, 1}});
  const Partial without = source.partial({1, 1}, {0, 0}, {});
  EXPECT_EQ(with.value, without.value);
  EXPECT_EQ(with.df, without.df);
  EXPECT_EQ(source.partial({2, 1}, {1, 0}, {}).value, 0);
}

}  // namespace
}  // namespace sovren::kernels
