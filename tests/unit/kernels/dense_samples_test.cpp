// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/dense_samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/causal/mci.h"
#include "kernels/causal/parcorr.h"
#include "kernels/causal/resample.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::chain;
using testing::correlation_of;

constexpr int N = 5;
constexpr int L = 2;
constexpr int T = 200;

using Parents = std::vector<std::vector<Parent>>;

std::vector<int> all_times() {
  std::vector<int> times(T - 2 * L);
  std::iota(times.begin(), times.end(), 2 * L);
  return times;
}

DenseSamples dense(const std::vector<double>& data, const std::vector<int>& times,
                   Marginals marginals = Marginals::linear) {
  return *DenseSamples::make({.values = data, .steps = T, .variables = N}, L, times, marginals);
}

/// The values of a node at the time points.
std::vector<long double> drawn(const std::vector<double>& data, const std::vector<int>& times,
                               Node node) {
  std::vector<long double> column;
  for (const int t : times)
    column.push_back(data[static_cast<std::size_t>((t - node.lag) * N + node.variable)]);
  return column;
}

TEST(DenseSamples, EqualTheDefinitionOnRepeatedTimePoints) {
  const auto data = chain(T, N, L, 1);
  const auto times = bootstrap_times(T, L, 3, 1, 0, 0);
  const std::vector<Node> z{{0, 1}, {3, 4}, {2, 2}};
  for (const Marginals marginals : {Marginals::linear, Marginals::rank_normal}) {
    const DenseSamples source = dense(data, times, marginals);
    for (const Node x : {Node{1, 1}, Node{4, 0}, Node{2, 3}}) {
      std::vector<std::vector<long double>> columns;
      for (const Node node : z) columns.push_back(drawn(data, times, node));
      columns.push_back(drawn(data, times, x));
      columns.push_back(drawn(data, times, {2, 0}));
      if (marginals == Marginals::rank_normal)
        for (auto& column : columns) testing::plain_rank_normal(column);
      const Partial result = source.partial(x, {2, 0}, z);
      EXPECT_NEAR(result.value, testing::plain_partial(std::move(columns)), 1e-13);
      EXPECT_EQ(result.df, T - 2 * L - 2 - 3);
    }
  }
}

TEST(DenseSamples, OfAllTimePointsGiveTheLinksOfTheWholeSeries) {
  const auto data = chain(T, N, L, 2);
  const DenseSamples source = dense(data, all_times());
  const LagCorrelation whole = correlation_of(data, N, L);
  Parents parents;
  for (int j = 0; j < N; ++j) {
    const auto ours = select_conditions(source, j, {.max_lag = L, .alphas = {0.1, 0.3}});
    const auto theirs = select_conditions(whole, j, {.max_lag = L, .alphas = {0.1, 0.3}});
    EXPECT_EQ(ours.alpha, theirs.alpha);
    ASSERT_EQ(ours.parents.size(), theirs.parents.size());
    for (std::size_t k = 0; k < ours.parents.size(); ++k) {
      EXPECT_EQ(ours.parents[k].node, theirs.parents[k].node);
      EXPECT_NEAR(ours.parents[k].val_min, theirs.parents[k].val_min, 1e-12);
    }
    parents.push_back(ours.parents);
  }
  std::vector<double> value(N * (L + 1)), p(value), whole_value(value), whole_p(value);
  for (int j = 0; j < N; ++j) {
    mci_row(source, j, parents, {.max_lag = L}, value, p);
    mci_row(whole, j, parents, {.max_lag = L}, whole_value, whole_p);
    for (std::size_t at = 0; at < p.size(); ++at) EXPECT_NEAR(value[at], whole_value[at], 1e-12);
  }
}

TEST(DenseSamples, FastPathsAgreeWithOneTestAtATime) {
  const auto data = chain(T, N, L, 3);
  const auto source = dense(data, bootstrap_times(T, L, 1, 1, 0, 5), Marginals::rank_normal);
  const std::vector<Node> order{{0, 1}, {2, 1}, {1, 2}, {4, 1}, {3, 2}};
  const auto passes = source.passes({2, 0});
  for (int level = 0; level < 4; ++level) {
    std::vector<Partial> out(order.size());
    passes->run(order, level, out);
    for (std::size_t c = 0; c < order.size(); ++c) {
      std::vector<Node> z;
      for (std::size_t k = 0; k < order.size() && std::ssize(z) < level; ++k)
        if (k != c) z.push_back(order[k]);
      EXPECT_NEAR(out[c].value, source.partial(order[c], {2, 0}, z).value, 1e-13);
    }
  }
  Parents parents(N);
  parents[2] = {{.node = {1, 1}}, {.node = {2, 1}}};
  parents[1] = {{.node = {0, 2}}, {.node = {2, 2}}};
  std::vector<double> value(N * (L + 1)), p(value);
  mci_row(source, 2, parents, {.max_lag = L}, value, p);
  const std::vector<Node> z{{1, 1}, {2, 1}, {0, 4}, {2, 4}};
  EXPECT_NEAR(value[1 * (L + 1) + 2], source.partial({1, 2}, {2, 0}, z).value, 1e-13);
}

TEST(DenseSamples, AreSymmetricAndRowsHaveTheSameBits) {
  const auto source = dense(chain(T, N, L, 4), bootstrap_times(T, L, 2, 1, 0, 0));
  std::vector<double> row(N);
  for (int a = 0; a < N * (2 * L + 1); ++a) {
    const Node x{a % N, a / N};
    EXPECT_EQ(source.correlation(x, x), 1);
    for (int lag = 0; lag <= 2 * L; ++lag) {
      source.row(x, lag, row);
      for (int k = 0; k < N; ++k) {
        EXPECT_EQ(source.correlation(x, {k, lag}), row[static_cast<std::size_t>(k)]);
        EXPECT_EQ(source.correlation({k, lag}, x), row[static_cast<std::size_t>(k)]);
      }
    }
  }
}

TEST(DenseSamples, ConstantsTwinsAndMissingValuesHaveNoLinks) {
  auto data = chain(T, N, L, 5);
  std::vector<std::uint8_t> valid(data.size(), 1);
  for (std::size_t t = 0; t < T; ++t) {
    data[t * N + 1] = 3;
    data[t * N + 3] = data[t * N];
  }
  data[100 * N + 4] = std::numeric_limits<double>::quiet_NaN();
  valid[100 * N + 4] = 0;
  const Series series{data, T, N, valid};
  const auto source = *DenseSamples::make(series, L, all_times(), Marginals::linear);
  EXPECT_TRUE(source.is_constant({1, 2}));
  EXPECT_EQ(source.correlation({1, 2}, {1, 2}), 0);
  EXPECT_EQ(source.partial({1, 1}, {0, 0}, {}).value, 0);
  EXPECT_EQ(source.partial({2, 1}, {0, 0}, std::vector<Node>{{1, 1}}).df, T - 2 * L - 2);
  EXPECT_TRUE(source.is_incomplete({4, 1}));
  EXPECT_EQ(source.correlation({4, 1}, {0, 0}), 0);
  const Partial twin = source.partial({3, 1}, {2, 0}, std::vector<Node>{{0, 1}});
  EXPECT_TRUE(twin.determined && twin.by_qr);
  EXPECT_EQ(twin.value, 0);
  // A time point that does not reach the gap sees a complete variable.
  const std::vector<int> before{20, 21, 22, 40, 50};
  EXPECT_FALSE(DenseSamples::make(series, L, before, Marginals::linear)->is_incomplete({4, 1}));
}

TEST(DenseSamples, SayNothingOnFewTimePointsAndRefuseWhatIsNoNumber) {
  auto data = chain(T, N, L, 6);
  for (const std::vector<int>& times : {std::vector<int>{}, {9}, {9, 9, 30}, {9, 10, 30}})
    EXPECT_EQ(p_value_of(dense(data, times).partial({1, 1}, {0, 0}, std::vector<Node>{{2, 1}})), 1);
  EXPECT_EQ(DenseSamples::bytes(N, L, 100), 8u * 25u * 125u);
  data[7] = std::numeric_limits<double>::infinity();
  const auto refused =
      DenseSamples::make({.values = data, .steps = T, .variables = N}, L, {}, Marginals::linear);
  EXPECT_EQ(refused.error().what, "time step 1, variable 2 is not a finite number");
}

}  // namespace
}  // namespace sovren::kernels
