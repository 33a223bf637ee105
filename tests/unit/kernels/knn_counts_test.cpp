// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/knn_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/rng.h"
#include "kernels/causal/local_permutation.h"
#include "tests/unit/kernels/plain_cmi.h"

namespace sovren::kernels {
namespace {

using testing::plain_digamma;

/// A random order of 0 .. samples-1, padded.
Ranks random_ranks(int samples, std::uint64_t seed) {
  Ranks ranks(rank_stride(samples));
  std::iota(ranks.begin(), ranks.begin() + samples, std::uint16_t{0});
  const Philox random(seed);
  for (std::size_t i = static_cast<std::size_t>(samples); i > 1; --i)
    std::swap(ranks[i - 1], ranks[random.below(i, i)]);
  return ranks;
}

RankSpace random_space(int samples, int conditions, std::uint64_t seed) {
  RankSpace space{.samples = samples, .y = random_ranks(samples, seed), .z = {}};
  for (int c = 0; c < conditions; ++c)
    space.z.push_back(random_ranks(samples, seed + 1 + static_cast<std::uint64_t>(c)));
  return space;
}

std::vector<double> plain(const Ranks& ranks, int samples) {
  return {ranks.begin(), ranks.begin() + samples};
}

TEST(DigammaTable, IsTheDigammaFunction) {
  const auto table = digamma_table(max_rank_samples);
  for (int c = 1; c <= max_rank_samples; c += c < 50 ? 1 : 997)
    EXPECT_NEAR(digamma_unit * static_cast<double>(table[static_cast<std::size_t>(c)]),
                plain_digamma(c), 1e-12)
        << c;
}

TEST(KnnSums, EqualTheDefinitionForAnyNumberOfSamplesConditionsAndNeighbours) {
  for (const int samples : {2, 3, 5, 31, 32, 33, 64, 130, 257}) {
    for (int conditions = 0; conditions <= 3; ++conditions) {
      const RankSpace space = random_space(samples, conditions, 7);
      std::vector<std::vector<double>> z;
      for (const Ranks& ranks : space.z) z.push_back(plain(ranks, samples));
      std::vector<std::uint16_t> xs = space.y;  // the strongest dependence there is
      for (std::uint64_t seed = 20; seed < 23; ++seed) {
        const Ranks x = random_ranks(samples, seed);
        xs.insert(xs.end(), x.begin(), x.end());
      }
      for (const int k : {1, samples / 10, samples / 2, samples - 1}) {
        if (k < 1) continue;
        std::vector<std::int64_t> sums(4);
        knn_sums(space, xs, k, sums);
        for (std::size_t s = 0; s < sums.size(); ++s) {
          const auto* const row = xs.data() + s * rank_stride(samples);
          const double expected =
              testing::plain_cmi_of_ranks({row, row + samples}, plain(space.y, samples), z, k);
          EXPECT_NEAR(plain_digamma(k) + digamma_unit * static_cast<double>(sums[s]) / samples,
                      expected, 1e-11)
              << samples << " samples, " << conditions << " conditions, k = " << k;
        }
      }
    }
  }
}

TEST(KnnSums, FollowFromThePlaceWhereXAndYAreTime) {
  // x = y = time: each distance is one of places, so all counts follow from the place alone.
  const int samples = 3'001;
  const int k = 1'801;  // more than lie on the shorter side of most
  Ranks line(rank_stride(samples));
  std::iota(line.begin(), line.begin() + samples, std::uint16_t{0});
  std::vector<std::int64_t> sums(1);
  knn_sums({.samples = samples, .y = line, .z = {}}, line, k, sums);
  const auto digamma = digamma_table(samples);
  std::int64_t expected = 0;
  for (int i = 0; i < samples; ++i) {
    const int left = std::min(i, samples - 1 - i);  // neighbours on the shorter side
    const int eps = k <= 2 * left ? (k + 1) / 2 : k - left;
    const int nearer = 1 + std::min(eps - 1, left) + std::min(eps - 1, samples - 1 - left);
    expected +=
        digamma[static_cast<std::size_t>(samples)] - 2 * digamma[static_cast<std::size_t>(nearer)];
  }
  EXPECT_EQ(sums[0], expected);
}

TEST(NearestInZ, AreTheNearestOfEqualOnesTheFirst) {
  const int samples = 90;
  const RankSpace space = random_space(samples, 2, 3);
  for (const int count : {1, 5, 90}) {
    const auto nearest = nearest_in_z(space, count);
    for (std::size_t i = 0; i < samples; ++i) {
      std::vector<std::pair<int, int>> all;
      for (std::size_t j = 0; j < samples; ++j) {
        int distance = 0;
        for (const Ranks& ranks : space.z)
          distance = std::max(distance, std::abs(int{ranks[i]} - int{ranks[j]}));
        all.emplace_back(distance, static_cast<int>(j));
      }
      std::ranges::sort(all);
      std::vector<int> expected;
      for (int c = 0; c < count; ++c) expected.push_back(all[static_cast<std::size_t>(c)].second);
      std::ranges::sort(expected);
      const auto* const own = nearest.data() + i * static_cast<std::size_t>(count);
      EXPECT_EQ(std::vector<int>(own, own + count), expected);
    }
  }
}

TEST(LocalPermutation, OfTheWholeIsAnyOrderEquallyOften) {
  const std::vector<std::uint16_t> nobody;
  const std::vector<std::uint16_t> everybody{0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
  Ranks x(rank_stride(4));
  std::iota(x.begin(), x.begin() + 4, std::uint16_t{0});
  Ranks out(x.size());
  for (const auto& nearest : {nobody, everybody}) {
    LocalPermutation permutation(nearest, 4);
    std::vector<int> counts(4 * 4 * 4 * 4);
    for (std::uint64_t s = 0; s < 24'000; ++s) {
      permutation.shuffle(Philox(5), s, x, out);
      ++counts[static_cast<std::size_t>(out[0] + 4 * out[1] + 16 * out[2] + 64 * out[3])];
    }
    std::vector<int> seen;
    for (const int count : counts)
      if (count > 0) seen.push_back(count);
    EXPECT_EQ(seen.size(), 24u);
    for (const int count : seen) EXPECT_NEAR(count, 1000, 4 * std::sqrt(1000));
  }
}

TEST(LocalPermutation, KeepsWhatXOwesToZ) {
  const int samples = 300;
  RankSpace space = random_space(samples, 1, 4);
  const Ranks x = space.z[0];  // x is z
  Ranks out(x.size());
  const auto alone = nearest_in_z(space, 1);
  LocalPermutation(alone, samples).shuffle(Philox(1), 0, x, out);
  EXPECT_EQ(out, x);
  const auto nearest = nearest_in_z(space, 5);
  LocalPermutation permutation(nearest, samples);
  for (std::uint64_t s = 0; s < 20; ++s) {
    permutation.shuffle(Philox(1), s, x, out);
    int moved = 0;
    std::vector<int> times_used(samples);
    for (std::size_t t = 0; t < samples; ++t) {
      // Two to either side; ranking anew may add a little.
      EXPECT_LE(std::abs(int{out[t]} - int{x[t]}), 8);
      moved += out[t] != x[t];
      ++times_used[out[t]];
    }
    EXPECT_GT(moved, samples / 2);
    EXPECT_EQ(std::ranges::count(times_used, 1), samples);  // ranks again, each once
  }
  Ranks again(out.size());
  permutation.shuffle(Philox(1), 19, x, again);
  EXPECT_EQ(again, out);
  permutation.shuffle(Philox(1), 20, x, again);
  EXPECT_NE(again, out);
}

}  // namespace
}  // namespace sovren::kernels
