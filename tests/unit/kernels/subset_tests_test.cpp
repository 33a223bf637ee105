// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/subset_tests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/unit/kernels/dags.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::correlation_of;
using testing::linear_sample;
using testing::plain_parcorr;
using testing::random_dag;

TEST(Subsets, AreAllThereOnceInLexicographicOrder) {
  for (int size = 0; size <= 5; ++size) {
    std::vector<int> places(static_cast<std::size_t>(size));
    std::iota(places.begin(), places.end(), 0);
    std::vector<int> before;
    int count = 1;
    int kept = 0;
    for (before = places; next_subset(places, 5, kept); before = places, ++count) {
      EXPECT_LT(before, places);
      EXPECT_TRUE(std::ranges::is_sorted(places));
      const auto [was, is] = std::ranges::mismatch(before, places);
      EXPECT_EQ(is - places.begin(), kept);
      EXPECT_LT(places.back(), 5);
    }
    EXPECT_EQ(count, (std::vector<int>{1, 5, 10, 10, 5, 1}[static_cast<std::size_t>(size)]));
  }
}

TEST(SubsetTests, OfCorrelationsGiveWhatTheDataGive) {
  const int N = 9;
  const auto data = linear_sample(random_dag(N, 0.5, 1), 200, 1);
  const auto source = correlation_of(data, N, 0);
  const auto matrix = correlation_matrix(source);
  const auto tests = make_subset_tests(source, matrix);
  const std::vector<int> candidates{0, 1, 3, 4, 6, 8};
  tests->begin(2, 7, candidates);
  for (int size = 0; size <= 6; ++size) {
    std::vector<int> places(static_cast<std::size_t>(size));
    std::iota(places.begin(), places.end(), 0);
    int kept = 0;
    do {
      std::vector<Node> z;
      for (const int place : places) z.push_back({candidates[static_cast<std::size_t>(place)], 0});
      const Partial partial = tests->test(places, kept);
      EXPECT_NEAR(partial.value, plain_parcorr(data, N, 0, {2, 0}, {7, 0}, z), 1e-12);
      EXPECT_EQ(partial.df, 198 - size);
      const auto fresh = make_subset_tests(source, matrix);
      fresh->begin(2, 7, candidates);
      EXPECT_EQ(partial.value, fresh->test(places, 0).value) << "depends on the tests before";
    } while (next_subset(places, 6, kept));
  }
}

TEST(SubsetTests, GoToTheDataWhereCorrelationsDoNotTell) {
  const int N = 5;
  auto data = linear_sample(random_dag(N, 0.5, 2), 100, 2);
  for (std::size_t row = 0; row < data.size(); row += N) {
    data[row + 3] = 2 * data[row + 1] - 5;
    data[row + 4] = 0.1;
  }
  const auto source = correlation_of(data, N, 0);
  const auto matrix = correlation_matrix(source);
  const auto tests = make_subset_tests(source, matrix);
  const auto one = [&](int x, int y, const std::vector<int>& z) {
    tests->begin(x, y, z);
    std::vector<int> places(z.size());
    std::iota(places.begin(), places.end(), 0);
    return tests->test(places, 0);
  };
  EXPECT_TRUE(one(0, 1, {3}).determined);
  EXPECT_EQ(one(0, 1, {3}).value, 0);
  EXPECT_NEAR(one(1, 3, {}).value, 1, 1e-14);
  EXPECT_TRUE(one(0, 2, {1, 3}).by_qr);
  EXPECT_NEAR(one(0, 2, {1, 3}).value, one(0, 2, {1}).value, 1e-12);
  EXPECT_EQ(one(0, 4, {1}).value, 0);
  EXPECT_EQ(one(0, 2, {4}).df, one(0, 2, {}).df);
}

}  // namespace
}  // namespace sovren::kernels
