// SPDX-License-Identifier: Apache-2.0
// Whole searches whose units go to an emulated device: the links are the CPU's.
#include <gtest/gtest.h>

#include <cmath>

#include "core/base/rng.h"
#include "kernels/causal/device_correlation.h"
#include "kernels/causal/pc_search.h"
#include "kernels/causal/pcmci_plus.h"
#include "kernels/causal/pcmci_search.h"
#include "tests/unit/kernels/emulated_engine.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using Make = std::unique_ptr<Search> (*)(const TestSource&, const SearchOptions&);

/// All units of each round as one batch, and what was counted.
TestCounts run_in_batches(Search& search) {
  TestCounts counts;
  while (!search.is_done()) {
    std::vector<int> units;
    for (int unit = 0; unit < search.units(); ++unit) units.push_back(unit);
    std::vector<UnitResult> results(units.size());
    search.run_batch(units, results);
    for (const UnitResult& result : results) counts += result.counts;
    search.close(results);
  }
  return counts;
}

/// How many links there are.
int expect_same_links(const LagCorrelation& complete, const SearchOptions& options, Make make) {
  auto engine = std::make_unique<testing::EmulatedEngine>(complete.view(), 4);
  const auto* const emulated = engine.get();
  const DeviceCorrelation device(complete, std::move(engine));
  const auto ours = make(device, options);
  const auto theirs = make(complete, options);
  const TestCounts our_counts = run_in_batches(*ours);
  const TestCounts their_counts = run_in_batches(*theirs);
  EXPECT_GT(emulated->batches(), 0);
  EXPECT_EQ(device.trouble(), "");
  EXPECT_EQ(our_counts.tests, their_counts.tests);
  EXPECT_EQ(our_counts.by_qr, their_counts.by_qr);
  EXPECT_EQ(our_counts.determined, their_counts.determined);
  const LinkTable& a = ours->links();
  const LinkTable& b = theirs->links();
  EXPECT_EQ(a.mark, b.mark);
  int links = 0;
  for (std::size_t k = 0; k < a.value.size(); ++k) {
    EXPECT_NEAR(a.value[k], b.value[k], 1e-12) << k;
    EXPECT_NEAR(a.p_value[k], b.p_value[k], 1e-9) << k;
    links += b.mark[k] != Mark::none;
  }
  return links;
}

TEST(DeviceSearch, PcmciFindsTheSameLinks) {
  const auto complete = testing::correlation_of(testing::chain(400, 12, 3, 6), 12, 3);
  EXPECT_GT(expect_same_links(complete, {.max_lag = 3, .pc_alphas = {0.2}}, make_pcmci), 20);
  EXPECT_GT(expect_same_links(complete, {.min_lag = 1, .max_lag = 2, .pc_alphas = {0.05, 0.3}},
                              make_pcmci),
            20);
  Knowledge knowledge;
  knowledge.require(0, 5, 2);
  knowledge.forbid(1, 2, 3);
  EXPECT_GT(
      expect_same_links(
          complete, {.max_lag = 3, .pc_alphas = {0.1}, .max_conditions = 2, .knowledge = knowledge},
          make_pcmci),
      20);
}

TEST(DeviceSearch, PcmciPlusFindsTheSameLinks) {
  auto data = testing::chain(400, 8, 2, 6);
  for (std::size_t t = 0; t < 400; ++t)
    for (std::size_t j = 2; j < 8; ++j) data[8 * t + j] += 0.5 * data[8 * t + j - 2];
  const auto complete = testing::correlation_of(data, 8, 2);
  EXPECT_GT(expect_same_links(complete, {.max_lag = 2, .pc_alphas = {0.05}}, make_pcmci_plus), 10);
  Knowledge knowledge;
  knowledge.require(0, 7, 0);
  knowledge.forbid(1, 3, 0);
  EXPECT_GT(expect_same_links(complete, {.max_lag = 2, .pc_alphas = {0.01}, .knowledge = knowledge},
                              make_pcmci_plus),
            10);
}

TEST(DeviceSearch, PcmciFindsTheSameLinksAmongDegenerateVariables) {
  auto data = testing::chain(300, 8, 2, 6);
  for (std::size_t t = 0; t < 300; ++t) {
    double* const row = data.data() + 8 * t;
    row[3] = 7;
    row[4] = row[0];
    row[5] = row[1] + row[2];
    row[6] = row[1] + 1e-5 * row[6];
  }
  const auto complete = testing::correlation_of(data, 8, 2);
  EXPECT_GT(expect_same_links(complete, {.max_lag = 2, .pc_alphas = {0.2}}, make_pcmci), 5);
}

/// (T, N): each variable is drawn to three that come before it.
std::vector<double> sparse(int T, int N) {
  auto x = testing::noise(T, N, 21);
  const Philox random(22);
  for (int t = 0; t < T; ++t) {
    double* const row = x.data() + static_cast<std::ptrdiff_t>(t) * N;
    for (int j = 1; j < N; ++j)
      for (std::uint64_t k = 0; k < 3; ++k)
        row[j] +=
            0.5 *
            row[random.below(static_cast<std::uint64_t>(3 * j) + k, static_cast<std::uint64_t>(j))];
  }
  return x;
}

TEST(DeviceSearch, PcFindsTheSameLinksAndSeparatingSets) {
  const auto complete = testing::correlation_of(sparse(500, 24), 24, 0);
  EXPECT_GT(expect_same_links(complete, {.pc_alphas = {0.05}}, make_pc), 40);
  Knowledge knowledge;
  knowledge.require(0, 5, 0);
  knowledge.require(1, 23, 0);
  knowledge.forbid(0, 1, 0);
  knowledge.forbid(1, 0, 0);
  EXPECT_GT(expect_same_links(complete, {.pc_alphas = {0.01}, .knowledge = knowledge}, make_pc),
            40);

  const DeviceCorrelation device(complete,
                                 std::make_unique<testing::EmulatedEngine>(complete.view(), 4));
  PcSearch ours(device, {.pc_alphas = {0.05}});
  PcSearch theirs(complete, {.pc_alphas = {0.05}});
  run_in_batches(ours);
  run_search(theirs);
  EXPECT_GE(theirs.conditioning_level(), 3);
  for (int i = 0; i < 24; ++i)
    for (int j = 0; j < i; ++j) EXPECT_EQ(ours.separating_set(i, j), theirs.separating_set(i, j));
}

TEST(DeviceSearch, PcFindsTheSameLinksAmongNearlyEqualVariables) {
  auto data = sparse(300, 12);
  for (std::size_t t = 0; t < 300; ++t)
    for (const std::size_t k : {7U, 9U, 11U})
      data[12 * t + k] = data[12 * t + k - 6] + 1e-5 * data[12 * t + k];
  const auto complete = testing::correlation_of(data, 12, 0);
  EXPECT_GT(expect_same_links(complete, {.pc_alphas = {0.05}}, make_pc), 10);
}

TEST(DeviceSearch, TheCpuFinishesWhatTheDeviceCannot) {
  const auto complete = testing::correlation_of(testing::chain(400, 8, 2, 6), 8, 2);
  const SearchOptions options{.max_lag = 2, .pc_alphas = {0.2}};
  const auto theirs = make_pcmci(complete, options);
  run_search(*theirs);
  for (const int good_batches : {0, 2, 4}) {
    auto engine = std::make_unique<testing::EmulatedEngine>(complete.view(), 2);
    engine->fail_from(good_batches);
    const DeviceCorrelation device(complete, std::move(engine));
    const auto ours = make_pcmci(device, options);
    run_in_batches(*ours);
    EXPECT_NE(device.trouble(), "");
    EXPECT_FALSE(ours->takes_batches());
    EXPECT_EQ(ours->links().mark, theirs->links().mark);
  }
}

}  // namespace
}  // namespace sovren::kernels
