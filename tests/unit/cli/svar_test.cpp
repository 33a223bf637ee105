// SPDX-License-Identifier: Apache-2.0
#include "cli/svar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace sovren::cli {
namespace {

TEST(Svar, IsAPureFunctionOfItsOptions) {
  const SvarOptions options{.variables = 5, .length = 100, .max_lag = 3, .seed = 9};
  EXPECT_EQ(generate_svar(options).series, generate_svar(options).series);
  SvarOptions other = options;
  other.seed = 10;
  EXPECT_NE(generate_svar(options).series, generate_svar(other).series);
}

TEST(Svar, WeightsIntoAVariableSumToLessThanOne) {
  const Svar svar =
      generate_svar({.variables = 30, .length = 1, .max_lag = 4, .links_per_variable = 5});
  std::vector<double> sums(30, 0.0);
  for (const TrueLink& link : svar.links)
    sums[static_cast<std::size_t>(link.target)] += std::fabs(link.weight);
  for (const double sum : sums) EXPECT_LE(sum, 0.9 + 1e-12);
}

TEST(Svar, HasTheLinksThatWereAskedFor) {
  const Svar svar =
      generate_svar({.variables = 20, .length = 1, .max_lag = 4, .links_per_variable = 2});
  std::set<std::pair<int, int>> pairs;
  int own = 0;
  for (const TrueLink& link : svar.links) {
    EXPECT_TRUE(link.lag >= 1 && link.lag <= 4);
    if (link.source == link.target)
      ++own;
    else
      EXPECT_TRUE(pairs.insert({link.source, link.target}).second) << "a pair is linked once";
  }
  EXPECT_EQ(own, 20);
  EXPECT_EQ(pairs.size(), 40U);
}

// Least squares on the true parents gives the true weights back: the series really follows the
// links.
TEST(Svar, SeriesFollowsItsLinks) {
  const Svar svar = generate_svar(
      {.variables = 2, .length = 50'000, .max_lag = 2, .links_per_variable = 1, .seed = 4});
  for (const int target : {0, 1}) {
    std::vector<TrueLink> parents;
    for (const TrueLink& link : svar.links)
      if (link.target == target) parents.push_back(link);
    ASSERT_EQ(parents.size(), 2U);
    double aa = 0, ab = 0, bb = 0, ay = 0, by = 0;
    const auto x = [&](std::int64_t t, int j) {
      return svar.series[static_cast<std::size_t>(2 * t + j)];
    };
    for (std::int64_t t = 2; t < 50'000; ++t) {
      const double a = x(t - parents[0].lag, parents[0].source),
                   b = x(t - parents[1].lag, parents[1].source);
      aa += a * a, ab += a * b, bb += b * b, ay += a * x(t, target), by += b * x(t, target);
    }
    const double determinant = aa * bb - ab * ab;
    EXPECT_NEAR((ay * bb - by * ab) / determinant, parents[0].weight,
                0.02);  // about 4 standard errors
    EXPECT_NEAR((by * aa - ay * ab) / determinant, parents[1].weight, 0.02);
  }
}

}  // namespace
}  // namespace sovren::cli
