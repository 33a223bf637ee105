// SPDX-License-Identifier: Apache-2.0
// Rows of MCI as the CUDA backend computes them, on the CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/base/rng.h"
#include "kernels/causal/conditions.h"
#include "kernels/causal/device_correlation.h"
#include "tests/unit/kernels/emulated_engine.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using Lists = std::vector<std::vector<Node>>;

/// Up to `most` random parents of each variable, different numbers of them.
Lists some_parents(int N, int max_lag, int most) {
  const Philox random(9);
  Lists lists(static_cast<std::size_t>(N));
  std::uint64_t draw = 0;
  for (int j = 0; j < N; ++j) {
    auto& list = lists[static_cast<std::size_t>(j)];
    for (int k = 0; k < most * (j % 4) / 3; ++k) {
      const Node node{
          static_cast<int>(random.below(draw, static_cast<std::uint64_t>(N))),
          1 + static_cast<int>(random.below(draw + 1, static_cast<std::uint64_t>(max_lag)))};
      draw += 2;
      if (std::ranges::find(list, node) == list.end()) list.push_back(node);
    }
  }
  return lists;
}

/// How many entries the device answered; each is compared with the definition's test on the CPU.
int compare(const LagCorrelation& complete, const DeviceCorrelation& device, const Lists& parents,
            std::span<const int> targets, int min_lag) {
  const int n = complete.variables();
  const int max_lag = complete.max_lag();
  std::vector<Partial> found(targets.size() * static_cast<std::size_t>(n * (max_lag + 1)));
  EXPECT_TRUE(device.run(
      MciRequest{.parents = parents, .targets = targets, .min_lag = min_lag, .max_lag = max_lag},
      found));
  int answered = 0;
  std::vector<Node> z;
  auto at = found.begin();
  for (const int target : targets) {
    const Node y{target, 0};
    for (int i = 0; i < n; ++i) {
      for (int lag = 0; lag <= max_lag; ++lag, ++at) {
        if (std::isnan(at->value)) continue;
        ++answered;
        EXPECT_GE(lag, min_lag);
        const Node x{i, lag};
        EXPECT_NE(x, y);
        mci_conditions(x, y, parents[static_cast<std::size_t>(target)],
                       parents[static_cast<std::size_t>(i)], z);
        const Partial cpu = complete.partial(x, y, z);
        EXPECT_NEAR(at->value, cpu.value, 1e-12) << i << " " << lag << " -> " << target;
        EXPECT_EQ(at->df, cpu.df) << i << " " << lag << " -> " << target;
      }
    }
  }
  return answered;
}

TEST(DeviceMci, EqualsTheDefinitionsTests) {
  for (const auto& [N, max_lag, most, threads] :
       {std::tuple{5, 3, 0, 2}, {6, 2, 3, 4}, {9, 3, 9, 6}, {12, 3, 24, 4}}) {
    const auto complete = testing::correlation_of(testing::chain(400, N, max_lag, 3), N, max_lag);
    const DeviceCorrelation device(
        complete, std::make_unique<testing::EmulatedEngine>(complete.view(), threads));
    const auto parents = some_parents(N, max_lag, most);
    const std::vector<int> targets{3, 1, 2, 0};
    for (const int min_lag : {0, 1})
      EXPECT_EQ(compare(complete, device, parents, targets, min_lag),
                4 * (N * (max_lag + 1 - min_lag) - (min_lag == 0 ? 1 : 0)))
          << N << " " << max_lag;
  }
}

TEST(DeviceMci, IsSplitWhereScratchIsScarceAndLeavesTestsWithoutRoom) {
  const auto complete = testing::correlation_of(testing::chain(400, 9, 3, 3), 9, 3);
  auto engine = std::make_unique<testing::EmulatedEngine>(complete.view(), 4);
  auto* const emulated = engine.get();
  // Room for two panels of six parents; work for 6 parents and a side of 4.
  emulated->limit(2 * panel_size(6, 9 * 7), mci_work_bytes(6, 4));
  const DeviceCorrelation device(complete, std::move(engine));
  const auto parents = some_parents(9, 3, 9);
  const std::vector<int> targets{0, 1, 2, 3, 4, 5, 6, 7, 8};
  const int answered = compare(complete, device, parents, targets, 0);
  EXPECT_GT(answered, 9 * 9);
  EXPECT_LT(answered, 9 * (9 * 4 - 1));
  EXPECT_GT(emulated->batches(), 2);
}

TEST(DeviceMci, SaysNothingOfDegenerateTests) {
  auto data = testing::chain(300, 6, 2, 8);
  for (std::size_t t = 0; t < 300; ++t) {
    data[6 * t + 3] = 7;
    data[6 * t + 4] = data[6 * t] + 1e-6 * data[6 * t + 4];
  }
  const auto complete = testing::correlation_of(data, 6, 2);
  const DeviceCorrelation device(complete,
                                 std::make_unique<testing::EmulatedEngine>(complete.view(), 4));
  const auto parents = Lists{{{0, 1}}, {{0, 1}, {4, 1}}, {{3, 1}}, {{0, 1}}, {{1, 2}}, {{0, 2}}};
  const std::vector<int> targets{0, 1, 2, 3, 4, 5};
  const int answered = compare(complete, device, parents, targets, 0);
  EXPECT_GE(answered, 40);
  EXPECT_LT(answered, 6 * (6 * 3 - 1) - 18) << "nothing for the constant, nor given doubles";
}

TEST(PlanMci, PutsEachTestThatHasRoomInOneLaunch) {
  std::vector<MciTarget> targets;
  for (const int parents : {0, 1, 5, 9, 9, 40}) targets.push_back({.parent_count = parents});
  std::vector<MciSide> sides;
  for (const int count : {1, 1, 2, 7, 20, 30, 31, 90}) sides.push_back({.count = count});
  const MciBatch batch{.targets = targets, .sides = sides};
  const std::size_t limit = mci_work_bytes(9, 31);
  std::vector<int> seen(targets.size() * sides.size());
  for (const MciLaunch& launch : plan_mci(batch, limit)) {
    EXPECT_LE(launch.bytes, limit);
    for (std::size_t t = launch.first_target; t < launch.last_target; ++t) {
      for (std::size_t s = launch.first_side; s < launch.last_side; ++s) {
        ++seen[t * sides.size() + s];
        EXPECT_LE(mci_work_bytes(static_cast<std::size_t>(targets[t].parent_count),
                                 static_cast<std::size_t>(sides[s].count)),
                  launch.bytes);
      }
    }
  }
  for (std::size_t t = 0; t < targets.size(); ++t) {
    for (std::size_t s = 0; s < sides.size(); ++s) {
      const bool fits =
          sides[s].count < 90 && (targets[t].parent_count < 40 || sides[s].count < 30);
      EXPECT_EQ(seen[t * sides.size() + s], fits ? 1 : 0) << t << " " << s;
    }
  }
}

}  // namespace
}  // namespace sovren::kernels
