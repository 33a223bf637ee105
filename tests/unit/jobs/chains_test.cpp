// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/chains.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "core/base/rng.h"

namespace sovren::jobs {
namespace {

using Paths = std::vector<std::vector<int>>;

/// The longest simple path by trying all.
int brute_force_depth(int variables, const std::vector<Arrow>& arrows) {
  std::set<std::pair<int, int>> edges;
  for (const Arrow& arrow : arrows)
    if (arrow.source != arrow.target) edges.insert({arrow.source, arrow.target});
  std::vector<bool> is_met(static_cast<std::size_t>(variables));
  int longest = 0;
  const std::function<void(int, int)> walk = [&](int node, int depth) {
    longest = std::max(longest, depth);
    is_met[static_cast<std::size_t>(node)] = true;
    for (const auto& [source, target] : edges)
      if (source == node && !is_met[static_cast<std::size_t>(target)]) walk(target, depth + 1);
    is_met[static_cast<std::size_t>(node)] = false;
  };
  for (int node = 0; node < variables; ++node) walk(node, 0);
  return longest;
}

TEST(Chains, OfNoArrowsHaveDepthZero) {
  EXPECT_EQ(find_chains(3, {}).depth, 0);
  const std::vector<Arrow> self{{1, 1, 0.9}};
  EXPECT_EQ(find_chains(3, self).depth, 0);
  EXPECT_TRUE(find_chains(3, self).longest.empty());
}

TEST(Chains, FollowALine) {
  const std::vector<Arrow> arrows{{0, 1, .5}, {1, 2, .5}, {2, 3, .5}, {0, 3, .5}};
  const Chains chains = find_chains(4, arrows);
  EXPECT_EQ(chains.depth, 3);
  EXPECT_TRUE(chains.is_exact);
  EXPECT_EQ(chains.longest, (Paths{{0, 1, 2, 3}}));
}

TEST(Chains, MeetNoVariableTwiceInACircle) {
  const std::vector<Arrow> arrows{{0, 1, .5}, {1, 2, .5}, {2, 0, .5}};
  const Chains chains = find_chains(3, arrows);
  EXPECT_EQ(chains.depth, 2);
  EXPECT_TRUE(chains.is_exact);
  EXPECT_EQ(chains.longest.size(), 3U);
}

TEST(Chains, StandWithTheStrongestWeakestArrowFirst) {
  const std::vector<Arrow> arrows{{0, 1, .9}, {1, 2, .1}, {3, 4, .3}, {4, 5, .4}};
  EXPECT_EQ(find_chains(6, arrows).longest, (Paths{{3, 4, 5}, {0, 1, 2}}));
}

TEST(Chains, AreCappedInNumber) {
  std::vector<Arrow> arrows;  // 4 x 4 x 4 paths of two arrows
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < 4; ++b) {
      arrows.push_back({a, 4 + b, .5});
      arrows.push_back({4 + a, 8 + b, .5});
    }
  const Chains chains = find_chains(12, arrows);
  EXPECT_EQ(chains.depth, 2);
  EXPECT_EQ(std::ssize(chains.longest), chains_listed_max);
}

TEST(Chains, AreTheLongestOnRandomGraphs) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Philox draw(seed);
    const int n = 3 + static_cast<int>(draw.below(0, 7));
    std::vector<Arrow> arrows;
    const auto count = 2 + draw.below(1, static_cast<std::uint64_t>(2 * n));
    for (std::uint64_t k = 0; k < count; ++k)
      arrows.push_back({static_cast<int>(draw.below(10 + 2 * k, static_cast<std::uint64_t>(n))),
                        static_cast<int>(draw.below(11 + 2 * k, static_cast<std::uint64_t>(n))),
                        draw.uniform(1000 + k)});
    const Chains chains = find_chains(n, arrows);
    ASSERT_EQ(chains.depth, brute_force_depth(n, arrows)) << "seed " << seed;
    for (const std::vector<int>& path : chains.longest) {
      ASSERT_EQ(std::ssize(path), chains.depth + 1) << "seed " << seed;
      ASSERT_EQ(std::set<int>(path.begin(), path.end()).size(), path.size()) << "seed " << seed;
      for (std::size_t i = 0; i + 1 < path.size(); ++i)
        ASSERT_TRUE(std::any_of(arrows.begin(), arrows.end(),
                                [&](const Arrow& arrow) {
                                  return arrow.source == path[i] && arrow.target == path[i + 1];
                                }))
            << "seed " << seed;
    }
  }
}

TEST(Chains, OfALargeCircleAreAnUpperBoundWithAPathThatExists) {
  std::vector<Arrow> arrows;
  constexpr int n = circle_max + 3;
  for (int k = 0; k < n; ++k) arrows.push_back({k, (k + 1) % n, .5});
  arrows.push_back({n - 1, n, .5});  // and one arrow out of it
  const Chains chains = find_chains(n + 1, arrows);
  EXPECT_FALSE(chains.is_exact);
  EXPECT_EQ(chains.depth, n);
  ASSERT_EQ(chains.longest.size(), 1U);
  EXPECT_EQ(std::ssize(chains.longest.front()), n + 1);
}

TEST(Chains, OfThousandsOfVariablesAreFound) {
  std::vector<Arrow> arrows;
  constexpr int n = 5000;
  for (int k = 0; k + 1 < n; ++k) arrows.push_back({k, k + 1, .5});
  EXPECT_EQ(find_chains(n, arrows).depth, n - 1);
}

}  // namespace
}  // namespace sovren::jobs
