// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/fisher_z.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace sovren::kernels {
namespace {

/// Both tails of the standard normal distribution beyond z, from its density (Simpson).
long double tails(long double z) {
  constexpr int panels = 20000;
  const long double h = std::min(16.0L, 45 / z) / panels;  // beyond, the density is 1e-19 of here
  long double sum = 0;
  for (int k = 0; k <= panels; ++k) {
    const long double x = z + h * k;
    sum += (k == 0 || k == panels ? 1 : k % 2 == 1 ? 4 : 2) * std::exp(-x * x / 2);
  }
  return 2 * sum * h / 3 / std::sqrt(2 * std::numbers::pi_v<long double>);
}

TEST(FisherZ, PIsTheAreaOfTheTails) {
  for (const int df : {2, 3, 17, 495, 9997}) {
    for (const double r : {1e-4, 0.01, -0.05, 0.2, -0.5, 0.9}) {
      const long double z =
          0.5L * std::log((1.0L + std::abs(r)) / (1.0L - std::abs(r))) * std::sqrt(df - 1.0L);
      if (z > 25) continue;
      const auto expected = static_cast<double>(tails(z));
      EXPECT_NEAR(fisher_z_p(r, df), expected, 1e-12 * expected) << "r " << r << " df " << df;
    }
  }
}

TEST(FisherZ, SaysNothingWithoutSamplesAndAllAtOne) {
  EXPECT_EQ(fisher_z_p(0.9, 1), 1);
  EXPECT_EQ(fisher_z_p(std::numeric_limits<double>::quiet_NaN(), 100), 1);
  EXPECT_EQ(fisher_z_p(0, 100), 1);
  EXPECT_EQ(fisher_z_p(-1, 100), 0);
}

TEST(FisherZ, ComparesAsThePValueDoes) {
  for (const double alpha : {1e-6, 0.01, 0.05, 0.5}) {
    FisherZ judge(alpha);
    for (const int df : {1, 2, 30, 997, 31}) {
      for (int k = 0; k <= 1000; ++k) {
        const Partial partial{.value = 0.002 * k - 1, .df = df};
        ASSERT_EQ(judge.is_dependent(partial), FisherZ::p_of(partial) <= alpha)
            << "alpha " << alpha << " df " << df << " r " << partial.value;
      }
    }
  }
}

TEST(FisherZ, LeavesTestsWithAPValueOfTheirOwnAlone) {
  FisherZ judge(0.05);
  EXPECT_TRUE(judge.is_dependent({.value = 0.001, .df = 100, .p_value = 0.05}));
  EXPECT_FALSE(judge.is_dependent({.value = 0.999, .df = 100, .p_value = 0.051}));
}

}  // namespace
}  // namespace sovren::kernels
