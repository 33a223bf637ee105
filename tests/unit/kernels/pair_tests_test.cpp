// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/pair_tests.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "kernels/causal/conditions.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::chain;
using testing::correlation_of;
using testing::noise;

const std::vector<Node> parents_x{{1, 1}, {5, 2}};
const std::vector<Node> parents_y{{2, 1}, {0, 2}, {0, 1}};

/// Every set of at most three of both lists, each test against the source alone. Returns the
/// counts.
TestCounts expect_single_tests(const LagCorrelation& source, Node x, Node y,
                               const std::vector<int>& of_y, const std::vector<int>& of_x) {
  PairTests tests(source, x, y, parents_x, parents_y, of_y, of_x);
  std::vector<Node> parents;
  mci_conditions(x, y, parents_y, parents_x, parents);
  TestCounts expected;
  const auto check = [&](const std::vector<int>& set) {
    std::vector<Node> z = parents;
    for (const int variable : set) z.push_back({variable, 0});
    const Partial single = source.partial(x, y, z);
    const Partial found = tests.given(set);
    EXPECT_NEAR(found.value, single.value, 1e-13);
    EXPECT_EQ(found.df, single.df);
    EXPECT_EQ(found.determined, single.determined);
    EXPECT_EQ(found.by_qr, single.by_qr);
    expected.count(single);
  };
  for (const auto* list : {&of_y, &of_x}) {
    check({});
    for (std::size_t a = 0; a < list->size(); ++a) {
      check({(*list)[a]});
      for (std::size_t b = a + 1; b < list->size(); ++b) {
        check({(*list)[b], (*list)[a]});
        for (std::size_t c = b + 1; c < list->size(); ++c)
          check({(*list)[a], (*list)[b], (*list)[c]});
      }
    }
  }
  EXPECT_EQ(tests.counts(), expected);
  return expected;
}

TEST(PairTests, GiveWhatSingleTestsGive) {
  const auto source = correlation_of(chain(300, 8, 2, 1), 8, 2);
  expect_single_tests(source, {3, 0}, {4, 0}, {1, 2, 6}, {2, 0, 7});
  expect_single_tests(source, {0, 2}, {4, 0}, {0, 2, 6}, {});  // x is a parent of y
  expect_single_tests(source, {4, 1}, {4, 0}, {0, 2, 6}, {});
}

TEST(PairTests, KnowTheLargestSetOfConditions) {
  const auto source = correlation_of(chain(300, 8, 2, 1), 8, 2);
  const std::vector<int> of_y{1, 2, 6};
  PairTests tests(source, {3, 0}, {4, 0}, parents_x, parents_y, of_y, {});
  EXPECT_EQ(tests.level(), 0);
  tests.given(std::vector<int>{1, 2});
  tests.given(std::vector<int>{6});
  EXPECT_EQ(tests.level(), 5 + 2);
}

TEST(PairTests, GiveWayToTheDataForTwinsAndSumsAndLeaveOutConstants) {
  auto data = chain(200, 8, 2, 2);
  for (std::size_t t = 0; t < 200; ++t) {
    data[t * 8 + 6] = data[t * 8 + 4];                    // a twin of y among the candidates
    data[t * 8 + 7] = data[t * 8 + 1] + data[t * 8 + 2];  // the sum of two others
  }
  const auto source = correlation_of(data, 8, 2);
  const TestCounts counts = expect_single_tests(source, {3, 0}, {4, 0}, {1, 2, 6, 7}, {});
  EXPECT_GT(counts.by_qr, 0);
  EXPECT_GT(counts.determined, 0);
  for (std::size_t t = 0; t < 200; ++t) data[t * 8 + 2] = 3;  // a candidate and a parent
  expect_single_tests(correlation_of(data, 8, 2), {3, 0}, {4, 0}, {1, 2, 0}, {});
  for (std::size_t t = 0; t < 200; ++t) data[t * 8 + 2] = data[t * 8];  // twins among the parents
  for (std::size_t t = 1; t < 200; ++t) data[t * 8 + 5] = data[(t - 1) * 8 + 1];
  expect_single_tests(correlation_of(data, 8, 2), {3, 0}, {4, 0}, {1, 7}, {});
}

TEST(PairTests, SayNothingWithoutDegreesOfFreedom) {
  const auto source = correlation_of(noise(13, 8, 3), 8, 2);  // 9 samples, 5 parents
  const TestCounts counts = expect_single_tests(source, {3, 0}, {4, 0}, {1, 2, 6}, {});
  EXPECT_GT(counts.too_few_samples, 0);
  EXPECT_LT(counts.too_few_samples, counts.tests);
}

}  // namespace
}  // namespace sovren::kernels
