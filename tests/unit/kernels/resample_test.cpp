// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/resample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace sovren::kernels {
namespace {

constexpr int T = 60;
constexpr int L = 4;  // samples t = 8 .. 59

TEST(BootstrapTimes, AreBlocksOfConsecutiveSamplesCutToTheirNumber) {
  for (const int block : {1, 5, 52}) {
    const auto times = bootstrap_times(T, L, block, 1, 2, 3);
    ASSERT_EQ(times.size(), 52u);
    for (std::size_t k = 0; k < times.size(); ++k) {
      EXPECT_TRUE(2 * L <= times[k] && times[k] < T);
      if (k % static_cast<std::size_t>(block) != 0) {
        EXPECT_EQ(times[k], times[k - 1] + 1);
      }
    }
  }
  EXPECT_EQ(bootstrap_times(T, L, 52, 1, 2, 3).front(), 2 * L);  // one block: the series itself
}

TEST(BootstrapTimes, DrawEveryStartEquallyOftenTheLastOneToo) {
  for (const int block : {1, 5}) {
    const auto per_replicate = static_cast<std::size_t>(52 / block);  // whole blocks
    std::vector<int> starts(static_cast<std::size_t>(52 - block + 1));
    const int replicates = 2000;
    for (std::uint64_t r = 0; r < replicates; ++r) {
      const auto times = bootstrap_times(T, L, block, 7, 0, r);
      for (std::size_t k = 0; k < per_replicate; ++k)
        ++starts[static_cast<std::size_t>(times[k * static_cast<std::size_t>(block)] - 2 * L)];
    }
    const double expected = static_cast<double>(replicates) * static_cast<double>(per_replicate) /
                            static_cast<double>(starts.size());
    for (const int count : starts) EXPECT_NEAR(count, expected, 4.5 * std::sqrt(expected));
  }
}

TEST(BootstrapTimes, DependOnSeedStreamAndReplicateAlone) {
  const auto times = bootstrap_times(T, L, 3, 1, 2, 3);
  EXPECT_EQ(times, bootstrap_times(T, L, 3, 1, 2, 3));
  EXPECT_NE(times, bootstrap_times(T, L, 3, 2, 2, 3));
  EXPECT_NE(times, bootstrap_times(T, L, 3, 1, 1, 3));
  EXPECT_NE(times, bootstrap_times(T, L, 3, 1, 2, 4));
}

TEST(BlockLength, IsTheCubeRootRoundedUp) {
  EXPECT_EQ(cube_root_block(1), 1);
  EXPECT_EQ(cube_root_block(8), 2);
  EXPECT_EQ(cube_root_block(9), 3);
  EXPECT_EQ(cube_root_block(1000), 10);
  EXPECT_EQ(cube_root_block(2'000'000'000), 1260);
}

}  // namespace
}  // namespace sovren::kernels
