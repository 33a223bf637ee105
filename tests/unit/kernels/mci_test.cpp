// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/mci.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>

#include "kernels/causal/parcorr.h"
#include "kernels/causal/student_t.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::chain;
using testing::correlation_of;
using testing::noise;

using Parents = std::vector<std::vector<Parent>>;

Parents parents_of(const TestSource& source, int max_lag, double alpha) {
  Parents parents;
  for (int j = 0; j < source.variables(); ++j)
    parents.push_back(
        select_conditions(source, j, {.max_lag = max_lag, .alphas = {alpha}}).parents);
  return parents;
}

struct Row {
  std::vector<double> value;
  std::vector<double> p;
  TestCounts counts;
  bool operator==(const Row& other) const { return value == other.value && p == other.p; }
};

Row row_of(const MciTests& tests, int target, int N, int max_lag) {
  Row row{std::vector<double>(static_cast<std::size_t>(N * (max_lag + 1))), {}, {}};
  row.p = row.value;
  row.counts = tests.row(target, row.value, row.p);
  return row;
}

TEST(Mci, EqualsOneTestForEachLinkGivenTheParentsOfBothSides) {
  const int N = 6;
  const int L = 3;
  const auto source = correlation_of(chain(400, N, L, 1), N, L);
  const Parents parents = parents_of(source, L, 0.3);  // many, so that both sides share some
  const MciTests tests(source, parents, {.max_lag = L});
  int shared = 0;
  for (int j = 0; j < N; ++j) {
    const Row row = row_of(tests, j, N, L);
    EXPECT_EQ(row.counts.tests, N * (L + 1) - 1);
    for (int i = 0; i < N; ++i) {
      for (int lag = 0; lag <= L; ++lag) {
        if (i == j && lag == 0) continue;
        std::vector<Node> z;
        for (const Parent& parent : parents[static_cast<std::size_t>(j)])
          if (parent.node != Node{i, lag}) z.push_back(parent.node);
        for (const Parent& parent : parents[static_cast<std::size_t>(i)]) {
          const Node moved{parent.node.variable, parent.node.lag + lag};
          if (std::ranges::find(z, moved) == z.end())
            z.push_back(moved);
          else
            ++shared;
        }
        const TestResult expected = parcorr(source, {i, lag}, {j, 0}, z);
        const auto at = static_cast<std::size_t>(i * (L + 1) + lag);
        EXPECT_NEAR(row.value[at], expected.value, 1e-14) << i << " " << lag << " -> " << j;
        EXPECT_NEAR(row.p[at] / expected.p_value, 1, 1e-9);
      }
    }
  }
  EXPECT_GT(shared, 0);
}

TEST(Mci, ARowHasTheSameBitsAloneInAnyOrderAndOnAnyThread) {
  const int N = 12;
  const int L = 2;
  const auto source = correlation_of(chain(200, N, L, 2), N, L);
  const Parents parents = parents_of(source, L, 0.2);
  const MciTests tests(source, parents, {.max_lag = L});
  std::vector<Row> rows(N);
  {
    std::vector<std::jthread> threads;
    for (int first = 0; first < 4; ++first)
      threads.emplace_back([&, first] {
        for (int j = N - 1 - first; j >= 0; j -= 4)
          rows[static_cast<std::size_t>(j)] = row_of(tests, j, N, L);
      });
  }
  for (int j = 0; j < N; ++j) {
    Row alone{std::vector<double>(N * (L + 1)), std::vector<double>(N * (L + 1)), {}};
    mci_row(source, j, parents, {.max_lag = L}, alone.value, alone.p);
    EXPECT_EQ(rows[static_cast<std::size_t>(j)], alone) << j;
  }
}

TEST(Mci, TestsOnlyTheLagsAskedForAndNeverTheTargetItself) {
  const auto source = correlation_of(chain(200, 3, 3, 3), 3, 3);
  const Parents parents = parents_of(source, 3, 0.2);
  const Row row = row_of(MciTests(source, parents, {.min_lag = 2, .max_lag = 3}), 1, 3, 3);
  EXPECT_EQ(row.counts.tests, 3 * 2);
  for (std::size_t at = 0; at < row.p.size(); ++at)
    EXPECT_EQ(row.p[at] == 1 && row.value[at] == 0, at % 4 < 2) << at;
}

TEST(Mci, CapsTheParentsOfBothSides) {
  const auto source = correlation_of(chain(300, 4, 2, 4), 4, 2);
  const Parents parents = parents_of(source, 2, 0.5);
  const Row row = row_of(MciTests(source, parents, {.max_lag = 2, .max_parents = 1}), 2, 4, 2);
  const Node own = parents[2][0].node;
  const Node other{parents[0][0].node.variable, parents[0][0].node.lag + 2};
  ASSERT_NE(own, (Node{0, 2}));
  EXPECT_NEAR(row.value[2], source.partial({0, 2}, {2, 0}, std::vector<Node>{own, other}).value,
              1e-14);
}

TEST(Mci, GivesConstantsTwinsAndShortSeriesNoLinks) {
  auto data = noise(60, 4, 5);
  for (std::size_t t = 0; t < 60; ++t) {
    data[t * 4 + 1] = 3;
    data[t * 4 + 3] = data[t * 4];
  }
  const auto source = correlation_of(data, 4, 2);
  Parents parents(4);
  parents[2] = {{.node = {0, 1}}, {.node = {1, 1}}};  // a constant parent is no condition
  const MciTests tests(source, parents, {.max_lag = 2});
  const Row row = row_of(tests, 2, 4, 2);
  for (std::size_t lag = 0; lag <= 2; ++lag) EXPECT_EQ(row.p[3 + lag], 1);  // from the constant
  EXPECT_EQ(row.value[3 * 3 + 1], 0);                                       // the twin of a parent
  EXPECT_GE(row.counts.determined, 1);
  const Row of_constant = row_of(tests, 1, 4, 2);
  for (const double p : of_constant.p) EXPECT_EQ(p, 1);

  const auto short_source = correlation_of(noise(8, 4, 6), 4, 2);  // 4 samples
  parents.assign(4, {{.node = {0, 1}}, {.node = {1, 1}}});
  const Row none = row_of(MciTests(short_source, parents, {.max_lag = 2}), 2, 4, 2);
  EXPECT_GT(none.counts.too_few_samples, 0);
  EXPECT_TRUE(std::ranges::all_of(none.p, [](double p) { return p > 0 && p <= 1; }));
}

TEST(Mci, IsCalibratedOnIndependentNoise) {
  // 25 systems of 20 autocorrelated, unlinked variables: 28,500 cross links, none of them true.
  std::int64_t links = 0;
  std::int64_t false_links = 0;
  const int N = 20;
  const int L = 2;
  for (std::uint64_t seed = 100; seed < 125; ++seed) {
    auto data = noise(300, N, seed);
    for (std::size_t at = N; at < data.size(); ++at) data[at] += 0.5 * data[at - N];
    const auto source = correlation_of(data, N, L);
    const MciTests tests(source, parents_of(source, L, 0.05), {.max_lag = L});
    for (int j = 0; j < N; ++j) {
      const Row row = row_of(tests, j, N, L);
      for (int i = 0; i < N; ++i) {
        for (int lag = 0; lag <= L && i != j; ++lag) {
          ++links;
          false_links += row.p[static_cast<std::size_t>(i * (L + 1) + lag)] <= 0.01;
        }
      }
    }
  }
  const double rate = static_cast<double>(false_links) / static_cast<double>(links);
  EXPECT_GE(rate, 0.007);
  EXPECT_LE(rate, 0.014);
}

}  // namespace
}  // namespace sovren::kernels
