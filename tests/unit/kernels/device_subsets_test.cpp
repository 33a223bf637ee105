// SPDX-License-Identifier: Apache-2.0
// The search for the first subset that separates, as the CUDA backend does it, on the CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/causal/device_correlation.h"
#include "kernels/causal/subset_rank.h"
#include "tests/unit/kernels/emulated_engine.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

TEST(SubsetRank, GoesThroughAllSubsetsInLexicographicOrder) {
  for (int n = 0; n <= 9; ++n) {
    for (int k = 0; k <= n; ++k) {
      // All k-subsets as 0/1 masks with the ones first, in falling order of the masks.
      std::string mask(static_cast<std::size_t>(k), '1');
      mask.resize(static_cast<std::size_t>(n), '0');
      std::uint64_t rank = 0;
      std::vector<int> subset(static_cast<std::size_t>(k));
      do {
        std::vector<int> expected;
        for (int at = 0; at < n; ++at)
          if (mask[static_cast<std::size_t>(at)] == '1') expected.push_back(at);
        subset_of_rank(rank, n, k, subset.data());
        ASSERT_EQ(subset, expected) << n << " " << k << " " << rank;
        ++rank;
      } while (std::ranges::prev_permutation(mask).found);
      EXPECT_EQ(subset_count(n, k), rank);
    }
  }
}

TEST(SubsetRank, KnowsLargeNumbersAndWhereItGivesUp) {
  EXPECT_EQ(subset_count(5000, 3), 20820835000U);
  EXPECT_EQ(subset_count(52, 5), 2598960U);
  EXPECT_EQ(subset_count(60, 30), most_subsets);
  EXPECT_EQ(subset_count(8000, 4000), most_subsets);
  EXPECT_EQ(subset_count(3, 4), 0U);
  int subset[3];
  subset_of_rank(20820835000U - 1, 5000, 3, subset);
  EXPECT_EQ((std::vector<int>(subset, subset + 3)), (std::vector<int>{4997, 4998, 4999}));
  // {1, 2, 3} comes after all that begin with 0.
  subset_of_rank(subset_count(4999, 2), 5000, 3, subset);
  EXPECT_EQ((std::vector<int>(subset, subset + 3)), (std::vector<int>{1, 2, 3}));
}

/// |value| at most the critical one separates.
class Threshold : public Judge {
 public:
  explicit Threshold(double critical) : critical_(critical) {}
  bool is_separated(const Partial& partial) const override {
    return partial.df < 1 || std::abs(partial.value) <= critical_;
  }

 private:
  double critical_;
};

/// One subset after another, straight from the definition of the search.
SubsetOutcome one_by_one(const LagCorrelation& source, const SubsetRequest& request) {
  SubsetOutcome outcome;
  std::string mask(static_cast<std::size_t>(request.size), '1');
  mask.resize(request.list.size(), '0');
  bool is_first = true;
  std::int64_t rank = 0;
  do {
    std::vector<Node> z(request.base.begin(), request.base.end());
    for (std::size_t at = 0; at < mask.size(); ++at)
      if (mask[at] == '1') z.push_back(request.list[at]);
    const Partial partial = source.partial(request.x, request.y, z);
    outcome.counts.count(partial);
    if (std::abs(partial.value) <= request.critical) {
      outcome.rank = rank;
      outcome.weakest = partial;
      return outcome;
    }
    if (is_first || std::abs(partial.value) < std::abs(outcome.weakest.value))
      outcome.weakest = partial;
    is_first = false;
    ++rank;
  } while (std::ranges::prev_permutation(mask).found);
  return outcome;
}

struct Pairs {
  std::vector<std::vector<Node>> list;
  std::vector<Node> base;
  std::vector<SubsetRequest> requests;
};

/// All ordered pairs of variables at lag 0 given `size` of the others, and given `base_size` lagged
/// variables always.
Pairs all_pairs(int N, int size, int base_size, double critical) {
  Pairs pairs;
  for (int k = 0; k < base_size; ++k) pairs.base.push_back({k % N, 1 + k / N});
  for (int x = 0; x < N; ++x) {
    for (int y = 0; y < N; ++y) {
      if (x == y) continue;
      auto& list = pairs.list.emplace_back();
      for (int z = 0; z < N; ++z)
        if (z != x && z != y) list.push_back({z, 0});
    }
  }
  auto list = pairs.list.begin();
  for (int x = 0; x < N; ++x)
    for (int y = 0; y < N; ++y)
      if (x != y)
        pairs.requests.push_back({.x = {x, 0},
                                  .y = {y, 0},
                                  .base = pairs.base,
                                  .list = *list++,
                                  .size = size,
                                  .critical = critical});
  return pairs;
}

/// How many pairs are separated.
int expect_one_by_one(const LagCorrelation& complete, const Pairs& pairs,
                      std::span<const SubsetOutcome> found, const std::string& what) {
  int separated = 0;
  for (std::size_t k = 0; k < found.size(); ++k) {
    const SubsetOutcome plain = one_by_one(complete, pairs.requests[k]);
    const auto where = what + ", pair " + std::to_string(k);
    separated += plain.rank >= 0;
    EXPECT_EQ(found[k].rank, plain.rank) << where;
    EXPECT_NEAR(found[k].weakest.value, plain.weakest.value, 1e-12) << where;
    EXPECT_EQ(found[k].weakest.df, plain.weakest.df) << where;
    EXPECT_EQ(found[k].counts.tests, plain.counts.tests) << where;
    EXPECT_EQ(found[k].counts.by_qr, plain.counts.by_qr) << where;
    EXPECT_EQ(found[k].counts.determined, plain.counts.determined) << where;
  }
  return separated;
}

std::vector<double> linked(int T, int N, int max_lag) {
  auto data = testing::chain(T, N, max_lag, 11);
  for (int t = 0; t < T; ++t)  // lag 0: each variable pulls the next but one
    for (int j = 2; j < N; ++j)
      data[static_cast<std::size_t>(t * N + j)] +=
          0.6 * data[static_cast<std::size_t>(t * N + j - 2)];
  return data;
}

/// threads, conditions from the list, conditions always there.
struct Case {
  int threads, size, base;
};

TEST(DeviceSubsets, FindTheFirstThatSeparatesWhateverTheWorkers) {
  const auto complete = testing::correlation_of(linked(400, 7, 4), 7, 4);
  int separated = 0;
  int pairs_seen = 0;
  for (const auto& [threads, size, base] : {Case{2, 0, 0},
                                            {2, 1, 0},
                                            {8, 2, 0},
                                            {6, 3, 1},
                                            {2, 5, 0},
                                            {4, 2, 9},
                                            {6, 1, 21},
                                            {4, 2, 33}}) {
    for (const double critical : {0.02, 0.1}) {
      auto engine = std::make_unique<testing::EmulatedEngine>(complete.view(), threads);
      const DeviceCorrelation device(complete, std::move(engine));
      const Pairs pairs = all_pairs(7, size, base, critical);
      std::vector<SubsetOutcome> found(pairs.requests.size());
      device.run(pairs.requests, Threshold(critical), found);
      pairs_seen += static_cast<int>(found.size());
      separated +=
          expect_one_by_one(complete, pairs, found,
                            std::to_string(size) + " of the list and " + std::to_string(base));
    }
  }
  EXPECT_GT(separated, pairs_seen / 5);
  EXPECT_LT(separated, pairs_seen * 4 / 5);
}

TEST(DeviceSubsets, TheCpuJudgesNearTheThreshold) {
  const auto complete = testing::correlation_of(linked(400, 7, 2), 7, 2);
  // The critical value is that of a pair's weakest test, which separates by the last bit.
  Pairs pairs = all_pairs(7, 2, 0, -1);
  const double critical = std::abs(one_by_one(complete, pairs.requests[3]).weakest.value);
  for (auto& request : pairs.requests) request.critical = critical;
  const DeviceCorrelation device(complete,
                                 std::make_unique<testing::EmulatedEngine>(complete.view(), 4));
  std::vector<SubsetOutcome> found(pairs.requests.size());
  device.run(pairs.requests, Threshold(critical), found);
  EXPECT_GT(expect_one_by_one(complete, pairs, found, "near"), 0);
  EXPECT_GE(found[3].rank, 0);
  EXPECT_GE(device.repeated(), 1);
}

/// Variables 4 and 5 are 0 and 1 but for a little noise, so every set with both 0 and 4 is
/// ill-conditioned.
std::vector<double> nearly_double(int T) {
  auto data = linked(T, 8, 1);
  for (std::size_t t = 0; t < static_cast<std::size_t>(T); ++t)
    for (std::size_t k : {4U, 5U}) {
      double& v = data[8 * t + k];
      v = data[8 * t + k - 4] + 1e-6 * v;
    }
  return data;
}

TEST(DeviceSubsets, TheCpuTakesPairsWithManyIllConditionedSets) {
  const auto complete = testing::correlation_of(nearly_double(300), 8, 1);
  const DeviceCorrelation device(complete,
                                 std::make_unique<testing::EmulatedEngine>(complete.view(), 4));
  for (const int size : {1, 2, 3}) {
    const Pairs pairs = all_pairs(8, size, 0, 0.05);
    std::vector<SubsetOutcome> found(pairs.requests.size());
    device.run(pairs.requests, Threshold(0.05), found);
    EXPECT_GT(expect_one_by_one(complete, pairs, found, std::to_string(size)), 0);
  }
  EXPECT_GT(device.repeated(), 20);
}

TEST(DeviceSubsets, AreTheCpusWhereTheDeviceHasFailedOrHasNoRoom) {
  const auto complete = testing::correlation_of(linked(300, 6, 2), 6, 2);
  const Pairs pairs = all_pairs(6, 2, 8, 0.1);
  for (const bool fails : {true, false}) {
    auto engine = std::make_unique<testing::EmulatedEngine>(complete.view(), 4);
    if (fails)
      engine->fail_from(0);
    else
      engine->limit(1 << 20, 500);
    const DeviceCorrelation device(complete, std::move(engine));
    std::vector<SubsetOutcome> found(pairs.requests.size());
    device.run(pairs.requests, Threshold(0.1), found);
    EXPECT_GT(expect_one_by_one(complete, pairs, found, "by the CPU"), 0);
    EXPECT_EQ(device.trouble().empty(), !fails);
  }
}

}  // namespace
}  // namespace sovren::kernels
