// SPDX-License-Identifier: Apache-2.0
// CPU against CUDA. Skipped, with the reason, where no device is.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "kernels/causal/device_correlation.h"
#include "kernels/causal/lag_products.h"
#include "kernels/causal/pc1.h"
#include "kernels/causal/pc_search.h"
#include "kernels/causal/pcmci_plus.h"
#include "kernels/causal/pcmci_search.h"
#include "kernels/device/device.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

TEST(CudaParity, LagProductsAgreeWithinTheStatedBound) {
  const DeviceList list = list_devices();
  if (list.devices.empty()) GTEST_SKIP() << list.why_none;
  for (const auto& [T, N, L] : {std::tuple{500, 100, 5},
                                {64, 1, 0},
                                {37, 65, 2},
                                {19, 3, 5},
                                {2000, 130, 3},
                                {20, 64, 5},
                                {21, 63, 5}}) {
    const auto rows = testing::noise(T, N, 1);
    double largest = 0;
    for (const double v : rows) largest = std::max(largest, std::abs(v));
    const LagProducts work{rows, T, N, L, 0, (N + lag_tile_rows - 1) / lag_tile_rows};
    std::vector<double> cpu(static_cast<std::size_t>(2 * L + 1) * static_cast<std::size_t>(N * N));
    std::vector<double> cuda(cpu.size(), std::numeric_limits<double>::quiet_NaN());
    ASSERT_TRUE(lag_products_cpu(work, cpu));
    const auto done = lag_products_cuda(work, cuda);
    ASSERT_TRUE(done) << to_text(done.error());
    const double bound = 2 * std::numeric_limits<double>::epsilon() * T * largest * largest;
    for (std::size_t at = 0; at < cpu.size(); ++at)
      ASSERT_LE(std::abs(cpu[at] - cuda[at]), bound) << at << " of " << T << " " << N << " " << L;
  }
}

TEST(CudaParity, SelectsTheSameParents) {
  const DeviceList list = list_devices();
  if (list.devices.empty()) GTEST_SKIP() << list.why_none;
  const auto data = testing::chain(500, 20, 3, 2);
  const auto cpu = *lag_correlation_cpu(data, 500, 20, 3);
  const auto cuda = *lag_correlation_cuda(data, 500, 20, 3);
  for (int j = 0; j < 20; ++j) {
    const auto a = select_conditions(cpu, j, {.max_lag = 3}).parents;
    const auto b = select_conditions(cuda, j, {.max_lag = 3}).parents;
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t k = 0; k < a.size(); ++k) {
      EXPECT_EQ(a[k].node, b[k].node);
      EXPECT_NEAR(a[k].value, b[k].value, 1e-12);
    }
  }
}

struct Found {
  LinkTable links;
  TestCounts counts;
};

Found search_in_batches(Search& search) {
  Found found;
  while (!search.is_done()) {
    std::vector<int> units(static_cast<std::size_t>(search.units()));
    std::iota(units.begin(), units.end(), 0);
    std::vector<UnitResult> results(units.size());
    search.run_batch(units, results);
    for (const UnitResult& result : results) found.counts += result.counts;
    search.close(results);
  }
  found.links = search.links();
  return found;
}

/// The same links by all methods, with values to 1e-12, twice with the same bits.
void expect_same_links(const LagCorrelation& complete, const SearchOptions& options,
                       std::unique_ptr<Search> (*make)(const TestSource&, const SearchOptions&)) {
  auto engine = make_cuda_engine(complete.view());
  ASSERT_TRUE(engine) << to_text(engine.error());
  const DeviceCorrelation device(complete, *std::move(engine));
  const Found cpu = search_in_batches(*make(complete, options));
  const Found cuda = search_in_batches(*make(device, options));
  const Found again = search_in_batches(*make(device, options));
  EXPECT_EQ(device.trouble(), "");
  EXPECT_LT(device.repeated(), cuda.counts.tests / 10) << "the device does the work";
  EXPECT_EQ(cuda.links.mark, cpu.links.mark);
  EXPECT_EQ(cuda.counts.tests, cpu.counts.tests);
  EXPECT_EQ(cuda.links.value, again.links.value);
  for (std::size_t k = 0; k < cpu.links.value.size(); ++k)
    EXPECT_NEAR(cuda.links.value[k], cpu.links.value[k], 1e-12) << k;
}

TEST(CudaParity, SearchesFindTheSameLinks) {
  const DeviceList list = list_devices();
  if (list.devices.empty()) GTEST_SKIP() << list.why_none;
  const auto lagged = *lag_correlation_cpu(testing::chain(500, 60, 4, 2), 500, 60, 4);
  expect_same_links(lagged, {.max_lag = 4, .pc_alphas = {0.2}}, make_pcmci);
  expect_same_links(lagged, {.max_lag = 4, .pc_alphas = {0.05, 0.4}}, make_pcmci);
  expect_same_links(lagged, {.max_lag = 3, .pc_alphas = {0.05}}, make_pcmci_plus);
  auto data = testing::noise(600, 80, 3);
  for (std::size_t t = 0; t < 600; ++t)
    for (std::size_t j = 3; j < 80; ++j)
      data[80 * t + j] += 0.5 * data[80 * t + j - 1] - 0.4 * data[80 * t + j - 3];
  const auto independent = *lag_correlation_cpu(data, 600, 80, 0);
  expect_same_links(independent, {.pc_alphas = {0.05}}, make_pc);
}

TEST(CudaParity, TestsOfEverySizeAgree) {
  const DeviceList list = list_devices();
  if (list.devices.empty()) GTEST_SKIP() << list.why_none;
  const auto complete = *lag_correlation_cpu(testing::chain(900, 40, 4, 2), 900, 40, 4);
  auto engine = make_cuda_engine(complete.view());
  ASSERT_TRUE(engine) << to_text(engine.error());
  const DeviceCorrelation device(complete, *std::move(engine));
  std::vector<Node> nodes;
  for (int k = 0; k < 120; ++k) nodes.push_back({k * 7 % 40, k * 7 / 40 % 9});
  std::vector<TestRequest> requests;
  for (std::size_t size = 0; size <= 110; ++size)
    requests.push_back({.x = nodes[111], .y = nodes[112], .z = std::span(nodes).first(size)});
  std::vector<Partial> found(requests.size());
  device.run(requests, found);
  EXPECT_EQ(device.trouble(), "");
  EXPECT_LT(device.repeated(), 5);
  for (std::size_t k = 0; k < found.size(); ++k) {
    const Partial cpu = complete.partial(requests[k].x, requests[k].y, requests[k].z);
    EXPECT_NEAR(found[k].value, cpu.value, 1e-12) << k << " conditions";
    EXPECT_EQ(found[k].df, cpu.df);
  }
}

TEST(CudaParity, WithoutADeviceTheErrorSaysWhatToDo) {
  const DeviceList list = list_devices();
  if (!list.devices.empty()) GTEST_SKIP() << "there is a device here: " << list.devices[0].name;
  EXPECT_FALSE(list.why_none.empty());
  const auto data = testing::noise(50, 3, 3);
  const auto refused = lag_correlation_cuda(data, 50, 3, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::device);
  EXPECT_FALSE(refused.error().hint.empty());
  const auto complete = *lag_correlation_cpu(data, 50, 3, 1);
  const auto engine = make_cuda_engine(complete.view());
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, Code::device);
  EXPECT_FALSE(engine.error().hint.empty());
}

}  // namespace
}  // namespace sovren::kernels
