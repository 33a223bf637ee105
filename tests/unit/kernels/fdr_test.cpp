// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/fdr.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sovren::kernels {
namespace {

TEST(BenjaminiHochberg, MatchesTheWorkedExampleOfThePaper) {
  // Benjamini, Hochberg 1995, section 4.1: at 0.05 the first four of the fifteen are rejected.
  const std::vector<double> p{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                              0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
  const auto q = benjamini_hochberg(p);
  EXPECT_NEAR(q[3], 0.0095 * 15 / 4, 1e-15);
  EXPECT_LE(q[3], 0.05);
  EXPECT_GT(q[4], 0.05);
  EXPECT_EQ(q[14], 1);
  for (std::size_t i = 1; i < q.size(); ++i) EXPECT_LE(q[i - 1], q[i]);
}

TEST(BenjaminiHochberg, KeepsNanOutOfTheCountAndAcceptsAnyOrder) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto q = benjamini_hochberg(std::vector<double>{0.5, nan, 0.01, 0.02, nan});
  EXPECT_NEAR(q[2], 0.03, 1e-15);
  EXPECT_NEAR(q[3], 0.03, 1e-15);
  EXPECT_NEAR(q[0], 0.5, 1e-15);
  EXPECT_TRUE(std::isnan(q[1]) && std::isnan(q[4]));
  EXPECT_TRUE(benjamini_hochberg({}).empty());
}

TEST(LaggedQValues, LeaveLagZeroAndUntestedLagsAlone) {
  const std::vector<double> p{0.01, 0.01, 0.02, 1, 0.03, 0.04, 0.5, 0.04, 0.5, 1, 1, 1};
  const auto q = lagged_q_values(p, {.N = 2, .min_lag = 0, .max_lag = 2});
  for (std::size_t pair = 0; pair < 4; ++pair) EXPECT_EQ(q[pair * 3], p[pair * 3]);
  // Eight are tested; of 0.01, 0.02, 0.03, 0.04, 0.04 the fifth decides for all.
  EXPECT_NEAR(q[1], 0.04 * 8 / 5, 1e-15);
  EXPECT_NEAR(q[2], 0.04 * 8 / 5, 1e-15);
  const auto from_two = lagged_q_values(p, {.N = 2, .min_lag = 2, .max_lag = 2});
  EXPECT_NEAR(from_two[2], 0.02 * 4, 1e-15);
  EXPECT_EQ(from_two[1], p[1]);
}

TEST(SymmetriseLag0, TheLargerPGoesToBothSidesWithItsValue) {
  std::vector<double> p{1, 0.1, 0.001, 0.2, 0.03, 0.3, 1, 0.4};
  std::vector<double> value{0, 0.1, 0.7, 0.2, -0.5, 0.3, 0, 0.4};
  symmetrise_lag0(value, p, {.N = 2, .min_lag = 0, .max_lag = 1});
  EXPECT_EQ(p, (std::vector<double>{1, 0.1, 0.03, 0.2, 0.03, 0.3, 1, 0.4}));
  EXPECT_EQ(value, (std::vector<double>{0, 0.1, -0.5, 0.2, -0.5, 0.3, 0, 0.4}));
}

}  // namespace
}  // namespace sovren::kernels
