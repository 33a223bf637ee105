// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/normal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "kernels/causal/marginals.h"

namespace sovren::kernels {
namespace {

double normal_cdf(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2);
}

TEST(NormalQuantile, IsTheInverseOfTheDistribution) {
  // From 1e-300 to 1/2 in steps that pass through all three branches.
  for (double p = 1e-300; p < 0.5; p *= p < 1e-3 ? 7.3 : 1.07)
    EXPECT_NEAR(normal_cdf(normal_quantile(p)) / p, 1, 1e-12 * (1 - std::log(p))) << p;
  for (double p = 0.5; p < 1; p += 0.0137) {
    EXPECT_NEAR(normal_cdf(normal_quantile(p)), p, 1e-15);
    EXPECT_NEAR(normal_quantile(p), -normal_quantile(1 - p), 1e-13);
  }
  EXPECT_EQ(normal_quantile(0.5), 0);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-15);
}

TEST(RankNormal, TakesTheShareThatIsNotLargerAndGivesTiesTheLargest) {
  std::vector<double> values{3, 1, 2, 2, 7};
  rank_normal(values);
  const auto q = [](double u) { return normal_quantile(u); };
  EXPECT_EQ(values, (std::vector<double>{q(0.8), q(0.2), q(0.6), q(0.6), q(1 - 1e-5)}));
}

TEST(RankNormalizer, GivesTheSameBitsAsSortingEachSelection) {
  // Two variables with ties; selections with repetition, in any order.
  const std::vector<double> values{3, 1, 2, 2, 7, -1, 2, 0, 0, 5, 5, 5, -2, 9, 1, 5};
  const RankNormalizer normalizer(values, 8);
  for (const std::vector<int>& times : {std::vector<int>{2, 3, 4, 5, 6, 7}, {7, 2, 2, 5, 6}, {3}}) {
    const auto quantiles = RankNormalizer::quantiles(static_cast<int>(times.size()));
    for (int variable = 0; variable < 2; ++variable) {
      for (int lag = 0; lag <= 2; ++lag) {
        std::vector<double> expected;
        for (const int t : times)
          expected.push_back(values[static_cast<std::size_t>(variable * 8 + t - lag)]);
        rank_normal(expected);
        std::vector<double> found(times.size());
        normalizer.transform(variable, lag, times, quantiles, found);
        EXPECT_EQ(found, expected);
      }
    }
  }
}

TEST(Standardise, CentresAndScalesWhateverTheSizeAndTellsConstants) {
  for (const double scale : {1e-300, 1.0, 1e300}) {
    std::vector<double> values{1 * scale, 3 * scale, 2 * scale, -6 * scale};
    EXPECT_GT(standardise(values, Marginals::linear), 1);
    EXPECT_NEAR(values[0], 1 / std::sqrt(50), 1e-15);
    EXPECT_NEAR(values[3], -6 / std::sqrt(50), 1e-15);
  }
  for (const Marginals marginals : {Marginals::linear, Marginals::rank_normal}) {
    std::vector<double> noise_of_rounding(7, 0.1);
    noise_of_rounding[3] = std::nextafter(0.1, 1);
    EXPECT_EQ(standardise(noise_of_rounding, marginals), 0);
    EXPECT_EQ(noise_of_rounding, std::vector<double>(7, 0.0));
    std::vector<double> none;
    EXPECT_EQ(standardise(none, marginals), 0);
  }
}

}  // namespace
}  // namespace sovren::kernels
