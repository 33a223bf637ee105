// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/tree_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "tests/unit/nn/levels.h"

namespace sovren::jobs {
namespace {

constexpr std::int64_t size = 37;

std::vector<float> vector_of(std::int64_t number) {
  std::vector<float> values =
      nn::normal_numbers(size, 50 + static_cast<std::uint64_t>(number), 1e3F);
  for (float& value : values) value *= number % 3 == 0 ? 1e-6F : 1;  // so that the order tells
  return values;
}

/// The tree as its definition has it: the sum of first .. first + length, of which those below
/// count are there.
std::vector<float> plain_tree(std::int64_t first, std::int64_t length, std::int64_t count) {
  if (length == 1) return vector_of(first);
  const std::int64_t half = length / 2;
  std::vector<float> sum = plain_tree(first, half, count);
  if (first + half >= count) return sum;
  const std::vector<float> right = plain_tree(first + half, half, count);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += right[i];
  return sum;
}

std::vector<float> plain_tree(std::int64_t count) {
  return plain_tree(0, static_cast<std::int64_t>(std::bit_ceil(static_cast<unsigned>(count))),
                    count);
}

TEST(TreeSum, IsTheTreesHoweverTheNodesAreShared) {
  nn::Team team(2);
  for (std::int64_t count = 1; count <= 20; ++count)
    for (int ranks = 1; ranks <= 5; ++ranks) {
      TreeSum sum(size);
      for (int rank = 0; rank < ranks; ++rank) {
        const std::int64_t first = count * rank / ranks, end = count * (rank + 1) / ranks;
        TreeSum mine(size);  // one rank's vectors become the nodes that it has whole
        for (std::int64_t number = first; number < end; ++number)
          mine.push(team, {number, 1, vector_of(number)});
        std::vector<std::int64_t> sizes;
        for (const TreeSum::Part& part : mine.parts()) {
          sizes.push_back(part.count);
          sum.push(team, part);
        }
        EXPECT_EQ(sizes, node_sizes(first, end - first)) << count << ", " << ranks;
      }
      sum.close(team);
      const std::span<const float> values = sum.sum();
      EXPECT_EQ(std::vector<float>(values.begin(), values.end()), plain_tree(count))
          << count << " vectors on " << ranks;
    }
}

TEST(TreeSum, KeepsOnePartPerLevelAndItsRoom) {
  nn::Team team(1);
  TreeSum sum(size);
  for (std::int64_t number = 0; number < 64; ++number) {
    std::vector<float> zeros = sum.zeros();
    EXPECT_EQ(zeros, std::vector<float>(size, 0)) << number;
    zeros = vector_of(number);
    sum.push(team, {number, 1, std::move(zeros)});
    EXPECT_EQ(static_cast<int>(sum.parts().size()),
              std::popcount(static_cast<unsigned>(number + 1)));
  }
  sum.clear();
  EXPECT_TRUE(sum.parts().empty());
  EXPECT_TRUE(sum.sum().empty());
}

}  // namespace
}  // namespace sovren::jobs
