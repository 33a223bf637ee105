// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/masked_samples.h"

#include <gtest/gtest.h>

#include <limits>

#include "kernels/causal/dense_samples.h"
#include "kernels/causal/lag_covariance.h"
#include "kernels/causal/mci.h"
#include "kernels/causal/resample.h"
#include "kernels/causal/student_t.h"
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

/// A test from its definition: the time points at which every node is measured and, in a role that
/// the mask counts for, not masked; nothing else.
std::vector<std::vector<long double>> left_by(const Holed& holed, const Mask& mask,
                                              const std::vector<int>& times,
                                              const std::vector<Node>& zxy) {
  std::vector<std::vector<long double>> columns(zxy.size());
  for (const int t : times) {
    bool is_usable = true;
    for (std::size_t c = 0; c < zxy.size(); ++c) {
      const auto at = static_cast<std::size_t>((t - zxy[c].lag) * N + zxy[c].variable);
      const bool counts = c + 2 < zxy.size()    ? mask.in_z
                          : c + 2 == zxy.size() ? mask.in_x
                                                : mask.in_y;
      if (holed.valid[at] == 0 || (counts && mask.masked[at] != 0)) is_usable = false;
    }
    for (std::size_t c = 0; c < zxy.size() && is_usable; ++c)
      columns[c].push_back(
          holed.data[static_cast<std::size_t>((t - zxy[c].lag) * N + zxy[c].variable)]);
  }
  return columns;
}

TEST(MaskedSamples, DropsTheTimePointsThatAreMaskedInTheRoleOfANode) {
  Holed holed;
  for (int t = 50; t < T; t += 31) holed.hide(t, t % N);
  std::vector<std::uint8_t> masked(holed.data.size());
  const Philox random(3);
  for (std::size_t k = 0; k < masked.size(); ++k) masked[k] = random.uniform(k) < 0.15 ? 7 : 0;
  const std::vector<std::vector<Node>> tests{
      {{1, 2}, {0, 0}}, {{2, 1}, {3, 5}, {1, 2}, {0, 0}}, {{2, 6}, {2, 0}, {3, 1}}};
  int different = 0;
  for (int roles = 0; roles < 8; ++roles) {
    const Mask mask{masked, (roles & 1) != 0, (roles & 2) != 0, (roles & 4) != 0};
    for (const Marginals marginals : {Marginals::linear, Marginals::rank_normal}) {
      for (const bool is_replicate : {false, true}) {
        const auto times = is_replicate ? bootstrap_times(T, L, 2, 1, 0, 0) : all_times(T, L);
        const auto complete = *DenseSamples::make(holed.series(), L, times, marginals);
        const MaskedSamples source(holed.series(), UsableTimes(holed.series(), L, times, mask),
                                   marginals, complete);
        for (const auto& zxy : tests) {
          auto columns = left_by(holed, mask, times, zxy);
          const std::vector<Node> z(zxy.begin(), zxy.end() - 2);
          const Partial result = source.partial(zxy[z.size()], zxy.back(), z);
          EXPECT_EQ(result.df, std::ssize(columns[0]) - std::ssize(zxy));
          different += std::ssize(columns[0]) < std::ssize(times);
          if (marginals == Marginals::rank_normal)
            for (auto& column : columns) testing::plain_rank_normal(column);
          EXPECT_NEAR(result.value, testing::plain_partial(std::move(columns)), 1e-13) << roles;
        }
      }
    }
  }
  EXPECT_EQ(different, 8 * 4 * 3);
}

TEST(MaskedSamples, MaskingTheTargetAloneLeavesItsPastInUse) {
  Holed holed;  // nothing is missing
  std::vector<std::uint8_t> masked(holed.data.size());
  for (int t = 0; t < 100; ++t) masked[static_cast<std::size_t>(t * N)] = 1;
  const auto complete = *lag_correlation(holed.series(), L, Backend::cpu);
  const UsableTimes times(holed.series(), L, all_times(T, L), {masked, false, true, false});
  const MaskedSamples source(holed.series(), times, Marginals::linear, complete);
  EXPECT_EQ(source.partial({0, 1}, {0, 0}, {}).df, T - 100 - 2);
  const std::vector<Node> z{{0, 2}};
  EXPECT_EQ(source.partial({0, 1}, {2, 0}, z).value, complete.partial({0, 1}, {2, 0}, z).value);
  EXPECT_EQ(source.fit({0, 0}, z).samples, T - 100);
  EXPECT_EQ(source.fit({1, 0}, z).unexplained, complete.fit({1, 0}, z).unexplained);
}

TEST(MaskedSamples, TooFewSamplesAreNeverSignificant) {
  for (int left = 0; left < 6; ++left) {
    Holed holed;
    std::vector<std::uint8_t> masked(holed.data.size(), 1);
    for (int t = T - left; t < T; ++t) masked[static_cast<std::size_t>(t * N)] = 0;
    const auto complete = *lag_correlation(holed.series(), L, Backend::cpu);
    const UsableTimes times(holed.series(), L, all_times(T, L), {masked, false, true, false});
    for (const Marginals marginals : {Marginals::linear, Marginals::rank_normal}) {
      const MaskedSamples source(holed.series(), times, marginals, complete);
      const Partial result = source.partial({1, 1}, {0, 0}, std::vector<Node>{{2, 1}});
      if (left <= 3) {
        EXPECT_LT(result.df, 1);
        EXPECT_EQ(p_value_of(result), 1);
      } else {
        EXPECT_EQ(result.df, left - 3);
        EXPECT_LT(p_value_of(result), 1);
      }
    }
  }
}

}  // namespace
}  // namespace sovren::kernels
