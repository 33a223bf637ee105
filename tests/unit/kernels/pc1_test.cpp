// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/pc1.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/causal/student_t.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::chain;
using testing::correlation_of;
using testing::noise;

std::vector<Node> nodes_of(const Pc1Result& result) {
  std::vector<Node> nodes;
  for (const Parent& parent : result.parents) nodes.push_back(parent.node);
  return nodes;
}

/// A source whose answers the test writes down: by (variable of x, size of Z); others are 0.
class Scripted : public TestSource {
 public:
  std::map<std::pair<int, std::size_t>, double> answers;
  int count = 4;
  mutable std::vector<std::pair<Node, std::vector<Node>>> asked;
  int variables() const override { return count; }
  int max_lag() const override { return 1; }
  int samples() const override { return 100; }
  Partial partial(Node x, Node, std::span<const Node> z) const override {
    asked.push_back({x, {z.begin(), z.end()}});
    const auto found = answers.find({x.variable, z.size()});
    return {.value = found == answers.end() ? 0 : found->second,
            .df = 98 - static_cast<int>(z.size())};
  }
  Fit fit(Node, std::span<const Node>) const override { return {}; }
};

TEST(Pc1, SharedFactorsGiveWhatSingleTestsGive) {
  const int N = 6;
  const auto source = correlation_of(chain(300, N, 3, 1), N, 3);
  std::vector<Node> order;
  for (int c = 0; c < 14; ++c) order.push_back({(c * 5) % N, 1 + c % 3});
  const auto shared = source.passes({2, 0});
  const auto single = source.TestSource::passes({2, 0});
  std::vector<Partial> a(order.size());
  std::vector<Partial> b(order.size());
  for (int level = 0; level < 13; ++level) {
    shared->run(order, level, a);
    single->run(order, level, b);
    for (std::size_t c = 0; c < order.size(); ++c) {
      EXPECT_NEAR(a[c].value, b[c].value, 1e-14) << "level " << level << " candidate " << c;
      EXPECT_EQ(a[c].df, b[c].df);
    }
  }
}

TEST(Pc1, SharedFactorsGiveWayToTheDataForTwins) {
  auto data = chain(300, 4, 2, 2);
  for (std::size_t t = 0; t < 300; ++t) data[t * 4 + 3] = data[t * 4 + 1];
  const auto source = correlation_of(data, 4, 2);
  const std::vector<Node> order{{1, 1}, {3, 1}, {2, 1}, {0, 1}};
  const auto shared = source.passes({2, 0});
  std::vector<Partial> result(4);
  shared->run(order, 1, result);
  EXPECT_TRUE(result[0].determined);
  EXPECT_TRUE(result[1].determined);
  EXPECT_FALSE(result[2].determined);
  shared->run(order, 2, result);
  EXPECT_TRUE(result[1].determined);
  EXPECT_NEAR(result[3].value, source.partial({0, 1}, {2, 0}, std::vector<Node>{{1, 1}}).value,
              1e-12);
}

TEST(Pc1, RemovesOnlyAfterThePass) {
  Scripted
      source;  // at level 1 all fail: each must still have been tested given the strongest other
  source.answers = {{{0, 0}, 0.9}, {{1, 0}, 0.8}, {{2, 0}, 0.7}};
  const auto result = select_conditions(source, 3, {});
  EXPECT_TRUE(result.parents.empty());
  ASSERT_EQ(source.asked.size(), 4u + 3u);
  EXPECT_EQ(source.asked[4].second, (std::vector<Node>{{1, 1}}));
  EXPECT_EQ(source.asked[5].second, (std::vector<Node>{{0, 1}}));
  EXPECT_EQ(source.asked[6].second, (std::vector<Node>{{0, 1}}));
  EXPECT_EQ(result.counts.tests, 7);
  EXPECT_EQ(result.level_max, 1);
}

TEST(Pc1, SortsByTheSmallestValueAndKeepsTheOrderOfTies) {
  Scripted source;
  source.answers = {{{0, 0}, 0.5}, {{1, 0}, 0.9}, {{2, 0}, -0.5}, {{3, 0}, 0.9}};
  for (const auto& [key, value] : std::map(source.answers))
    for (std::size_t size = 1; size < 4; ++size) source.answers[{key.first, size}] = value;
  source.answers[{1, 2}] = 0.4;  // falls below the ties at level 2
  const auto result = select_conditions(source, 0, {});
  EXPECT_EQ(nodes_of(result), (std::vector<Node>{{3, 1}, {0, 1}, {2, 1}, {1, 1}}));
  EXPECT_EQ(result.parents[3].val_min, 0.4);
  EXPECT_EQ(result.parents[3].value, 0.4);
  EXPECT_EQ(result.parents[3].p_max, student_t_two_sided_p(0.4, 96));
  EXPECT_EQ(result.level_max, 3);
}

TEST(Pc1, StopsAtMaxConditionsAndSaysSo) {
  const auto source = correlation_of(chain(300, 5, 2, 3), 5, 2);
  const auto capped =
      select_conditions(source, 2, {.max_lag = 2, .alphas = {0.5}, .max_conditions = 1});
  EXPECT_TRUE(capped.is_capped);
  EXPECT_EQ(capped.level_max, 1);
  EXPECT_FALSE(select_conditions(source, 2, {.max_lag = 2}).is_capped);
}

TEST(Pc1, StopsWhereALargerSetWouldLeaveNoSamples) {
  const auto source = correlation_of(noise(12, 6, 4), 6, 2);  // 8 samples
  const auto result = select_conditions(source, 0, {.max_lag = 2, .alphas = {1.0}});
  EXPECT_TRUE(result.is_capped);
  EXPECT_EQ(result.level_max, 5);
  EXPECT_EQ(result.parents.size(), 12u);
}

TEST(Pc1, OfSeveralAlphasTakesTheOneWithTheLeastAkaike) {
  const auto source = correlation_of(chain(200, 5, 2, 5), 5, 2);
  const std::vector<double> alphas{0.05, 0.1, 0.2, 0.3, 0.4, 0.5};
  double best = INFINITY;
  Pc1Result expected;
  std::int64_t tests = 0;
  for (const double alpha : alphas) {
    const auto tried = select_conditions(source, 3, {.max_lag = 2, .alphas = {alpha}});
    const auto z = nodes_of(tried);
    const Fit fit = source.fit({3, 0}, z);
    const double score =
        fit.samples * std::log(fit.unexplained) + 2.0 * static_cast<double>(z.size());
    if (score < best) best = score, expected = tried;
    tests += tried.counts.tests;
  }
  const auto chosen = select_conditions(source, 3, {.max_lag = 2, .alphas = alphas});
  EXPECT_EQ(chosen.alpha, expected.alpha);
  EXPECT_EQ(nodes_of(chosen), nodes_of(expected));
  EXPECT_EQ(chosen.counts.tests, tests);
}

TEST(Pc1, FindsTheDriversOfAChain) {
  const int N = 6;
  const auto source = correlation_of(chain(1000, N, 3, 6), N, 3);
  for (int j = 1; j < N; ++j) {
    const auto nodes = nodes_of(select_conditions(source, j, {.max_lag = 3, .alphas = {0.01}}));
    for (const Node driver : {Node{j, 1}, Node{j - 1, 1 + j % 3}})
      EXPECT_NE(std::ranges::find(nodes, driver), nodes.end()) << j;
  }
}

TEST(Pc1, OfAConstantTargetIsEmpty) {
  auto data = noise(100, 3, 7);
  for (std::size_t t = 0; t < 100; ++t) data[t * 3] = 5;
  EXPECT_TRUE(select_conditions(correlation_of(data, 3, 2), 0, {.max_lag = 2}).parents.empty());
}

}  // namespace
}  // namespace sovren::kernels
