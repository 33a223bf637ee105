// SPDX-License-Identifier: Apache-2.0
// CPU against CUDA: the one operation that has both. Skipped, with the reason, where no device is.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/causal/lag_products.h"
#include "kernels/causal/pc1.h"
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

TEST(CudaParity, WithoutADeviceTheErrorSaysWhatToDo) {
  const DeviceList list = list_devices();
  if (!list.devices.empty()) GTEST_SKIP() << "there is a device here: " << list.devices[0].name;
  EXPECT_FALSE(list.why_none.empty());
  const auto data = testing::noise(50, 3, 3);
  const auto refused = lag_correlation_cuda(data, 50, 3, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::device);
  EXPECT_FALSE(refused.error().hint.empty());
}

}  // namespace
}  // namespace sovren::kernels
