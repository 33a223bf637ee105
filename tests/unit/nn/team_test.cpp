// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace sovren::nn {
namespace {

TEST(Team, CallsEachPartOnce) {
  for (const int threads : {1, 2, 5}) {
    Team team(threads);
    EXPECT_EQ(team.threads(), threads);
    for (const std::int64_t parts : {0, 1, 2, 3, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(parts));
      team.run(parts, [&](std::int64_t part) { ++calls[static_cast<std::size_t>(part)]; });
      for (const auto& count : calls) ASSERT_EQ(count, 1) << threads << " threads, " << parts;
    }
  }
}

TEST(Team, ManyShortCallsInARow) {
  Team team(3);
  std::atomic<std::int64_t> sum = 0;
  for (int call = 0; call < 20'000; ++call)
    team.run(4, [&](std::int64_t part) { sum += part + 1; });
  EXPECT_EQ(sum, 20'000 * 10);
}

TEST(Team, BlocksCoverTheRangeWithoutOverlap) {
  Team team(2);
  std::vector<int> seen(103, 0);
  team.run_blocks(103, 10, [&](std::int64_t first, std::int64_t end) {
    EXPECT_LE(end - first, 10);
    for (std::int64_t i = first; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
  });
  EXPECT_EQ(seen, std::vector<int>(103, 1));
}

}  // namespace
}  // namespace sovren::nn
