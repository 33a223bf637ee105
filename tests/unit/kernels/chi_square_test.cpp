// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/chi_square.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/kernels/plain_discrete.h"

namespace sovren::kernels {
namespace {

using testing::plain_chi_square_p;

TEST(ChiSquare, IsTheClosedForm) {
  for (const int df : {1, 2, 3, 4, 7, 10, 19, 20, 21, 40, 101, 256, 999, 5000}) {
    const double spread = std::sqrt(2.0 * df);
    for (const double x :
         {1e-6, 1e-3, 0.1 * df, 0.5 * df, df - spread, 1.0 * df, df + 1.9, df + 2.1, df + spread,
          df + 4 * spread, 2.0 * df + 40, 3.0 * df + 600, 1380.0}) {
      if (!(x > 0)) continue;
      const long double expected = plain_chi_square_p(x, df);
      if (expected < 1e-300L) continue;
      EXPECT_NEAR(chi_square_p(x, df), static_cast<double>(expected),
                  1e-12 * static_cast<double>(expected))
          << "x " << x << " df " << df;
    }
  }
}

TEST(ChiSquare, IsTheIntegralOfTheDensity) {
  const int df = 9;
  for (const double x : {0.5, 4.0, 20.0, 90.0}) {
    constexpr int panels = 100000;
    const long double h = 200.0L / panels;
    long double sum = 0;
    for (int k = 0; k <= panels; ++k) {
      const long double t = x + h * k;
      sum += (k == 0 || k == panels ? 1
              : k % 2 == 1          ? 4
                                    : 2) *
             std::pow(t, df / 2.0L - 1) * std::exp(-t / 2);
    }
    const auto expected =
        static_cast<double>(sum * h / 3 / (std::pow(2.0L, df / 2.0L) * std::tgamma(df / 2.0L)));
    EXPECT_NEAR(chi_square_p(x, df), expected, 1e-12 * expected) << x;
  }
}

TEST(ChiSquare, FallsFromOneToNothing) {
  EXPECT_EQ(chi_square_p(0, 3), 1);
  EXPECT_EQ(chi_square_p(5, 0), 1);
  EXPECT_EQ(chi_square_p(std::numeric_limits<double>::quiet_NaN(), 3), 1);
  EXPECT_EQ(chi_square_p(std::numeric_limits<double>::infinity(), 3), 0);
  EXPECT_EQ(chi_square_p(1e5, 3), 0);
  for (const int df : {1, 6, 100000}) {
    double before = 1;
    for (double x = 0.01 * df; x < 3.0 * df; x += 0.02 * df) {
      const double p = chi_square_p(x, df);
      EXPECT_LE(p, before);
      EXPECT_GE(p, 0);
      before = p;
    }
  }
}

}  // namespace
}  // namespace sovren::kernels
