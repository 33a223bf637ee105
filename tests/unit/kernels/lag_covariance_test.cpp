// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/lag_covariance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::chain;
using testing::correlation_of;
using testing::noise;
using testing::plain_parcorr;

std::vector<Node> all_nodes(int N, int max_lag) {
  std::vector<Node> nodes;
  for (int i = 0; i < N; ++i)
    for (int lag = 0; lag <= 2 * max_lag; ++lag) nodes.push_back({i, lag});
  return nodes;
}

double worst_error(const std::vector<double>& data, int N, int max_lag) {
  const auto correlation = correlation_of(data, N, max_lag);
  double worst = 0;
  for (const Node a : all_nodes(N, max_lag))
    for (const Node b : all_nodes(N, max_lag))
      worst = std::max(worst, std::abs(correlation.correlation(a, b) -
                                       plain_parcorr(data, N, max_lag, a, b, {})));
  return worst;
}

TEST(LagCorrelation, EqualsTheDefinitionForEveryPairOfLagsAndAnyLength) {
  EXPECT_LT(worst_error(chain(200, 4, 3, 1), 4, 3), 2e-15);
  EXPECT_LT(worst_error(chain(60, 3, 1, 2), 3, 1), 2e-15);
  EXPECT_LT(worst_error(noise(50, 3, 3), 3, 0 + 5), 2e-15);
  for (const int T : {14, 15, 19, 20, 21, 25}) EXPECT_LT(worst_error(noise(T, 3, 4), 3, 5), 4e-15);
  EXPECT_LT(worst_error(noise(30, 3, 5), 3, 0), 2e-15);
}

TEST(LagCorrelation, KeepsItsDigitsUnderOffsetsTrendsAndScales) {
  auto data = chain(300, 4, 2, 5);
  for (std::size_t t = 0; t < 300; ++t) {
    data[t * 4] += 1e6;
    data[t * 4 + 1] += 10.0 * static_cast<double>(t);
    data[t * 4 + 2] *= 1e100;
    data[t * 4 + 3] *= 1e-100;
  }
  EXPECT_LT(worst_error(data, 4, 2), 1e-13);
}

TEST(LagCorrelation, AnOutlierAtAnEndSpoilsOnlyTheWindowsThatHoldIt) {
  auto data = chain(300, 3, 2, 6);
  data[0] = 1e9;            // x_0(0): in the window of lag 4 alone
  data[299 * 3 + 1] = 1e9;  // x_1(T-1): in the window of lag 0 alone
  EXPECT_LT(worst_error(data, 3, 2), 1e-14);
}

TEST(LagCorrelation, RowsAndMirrorImagesHaveTheSameBits) {
  for (const int T : {17, 90}) {
    const int N = 5;
    const auto correlation = correlation_of(chain(T, N, 4, 7), N, 4);
    std::vector<double> row(N);
    for (const Node a : all_nodes(N, 4)) {
      for (int lag = 0; lag <= 8; ++lag) {
        correlation.row(a, lag, row);
        for (int k = 0; k < N; ++k) {
          EXPECT_EQ(row[static_cast<std::size_t>(k)], correlation.correlation(a, {k, lag}));
          EXPECT_EQ(row[static_cast<std::size_t>(k)], correlation.correlation({k, lag}, a));
        }
      }
    }
  }
}

TEST(LagCorrelation, FindsConstantsInEachWindowAndGivesThemNoCorrelation) {
  auto data = noise(100, 3, 8);
  for (std::size_t t = 0; t < 100; ++t) data[t * 3] = 0.1;  // its mean is not exactly 0.1
  for (std::size_t t = 0; t < 100; ++t) data[t * 3 + 1] = t == 0 ? 2 : 1;
  const auto correlation = correlation_of(data, 3, 2);
  for (int lag = 0; lag <= 4; ++lag) {
    EXPECT_TRUE(correlation.is_constant({0, lag}));
    EXPECT_EQ(correlation.is_constant({1, lag}), lag < 4);
    EXPECT_FALSE(correlation.is_constant({2, lag}));
    EXPECT_EQ(correlation.correlation({0, 0}, {0, lag}), 0);
    EXPECT_EQ(correlation.correlation({0, lag}, {2, 1}), 0);
  }
  EXPECT_NE(correlation.correlation({1, 4}, {2, 1}), 0);
}

TEST(LagCorrelation, NeverReadsAMissingValue) {
  const auto data = noise(80, 3, 9);
  auto holed = data;
  std::vector<std::uint8_t> valid(data.size(), 1);
  holed[40 * 3 + 1] = std::numeric_limits<double>::quiet_NaN();
  valid[40 * 3 + 1] = 0;
  const auto made = lag_correlation({holed, 80, 3, valid}, 2, Backend::cpu);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->is_incomplete({1, 0}));
  EXPECT_FALSE(made->is_incomplete({0, 0}));
  EXPECT_EQ(made->correlation({0, 1}, {2, 0}),
            correlation_of(data, 3, 2).correlation({0, 1}, {2, 0}));
}

TEST(LagTiles, GiveTheSameBitsHoweverTheyAreShared) {
  const int N = 150;  // three tiles
  const auto data = noise(60, N, 10);
  const Series series{.values = data, .steps = 60, .variables = N};
  const auto whole = correlation_of(data, N, 2);
  auto tiles = *LagTiles::make(series, 2);
  ASSERT_EQ(tiles.count(), 3);
  std::vector<double> products(tiles.size(0, 3));
  for (const int tile : {2, 0, 1})
    ASSERT_TRUE(tiles.compute(tile, tile + 1,
                              std::span(products).subspan(tiles.size(0, tile), tiles.size(tile)),
                              Backend::cpu));
  const auto shared = std::move(tiles).assemble(products);
  for (int i = 0; i < N; i += 7)
    for (int k = 0; k < N; ++k)
      EXPECT_EQ(whole.correlation({i, 1}, {k, 3}), shared.correlation({i, 1}, {k, 3}));
}

TEST(LagTiles, RefuseASeriesThatIsTooShortOrNotFinite) {
  const auto data = noise(13, 2, 11);
  const auto too_short = LagTiles::make({.values = data, .steps = 13, .variables = 2}, 5);
  ASSERT_FALSE(too_short);
  EXPECT_EQ(too_short.error().code, Code::data_invalid);
  auto infinite = noise(20, 2, 11);
  infinite[7] = std::numeric_limits<double>::infinity();
  const auto refused = LagTiles::make({.values = infinite, .steps = 20, .variables = 2}, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::data_invalid);
  EXPECT_NE(refused.error().what.find("time step 3, variable 1"), std::string::npos);
}

}  // namespace
}  // namespace sovren::kernels
