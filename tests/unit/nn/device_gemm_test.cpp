// SPDX-License-Identifier: Apache-2.0
// How products of row-major matrices are told to a column-major library, against plain sums.
#include "kernels/nn/device_gemm.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/device/device.h"
#include "kernels/device/device_peak.h"

namespace sovren::nn::device {
namespace {

/// What a column-major library reads at (row, column) of op(matrix).
double element(const ColumnMajor::Matrix& matrix, const std::vector<double>& data, std::int64_t row,
               std::int64_t column) {
  const std::int64_t r = matrix.is_transposed ? column : row;
  const std::int64_t c = matrix.is_transposed ? row : column;
  EXPECT_TRUE(r < matrix.rows && c < matrix.columns);
  return data[static_cast<std::size_t>(c * matrix.leading() + r)];
}

std::vector<double> numbers(std::int64_t count, int seed) {
  std::vector<double> all(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = static_cast<double>((i * 37 + static_cast<std::size_t>(seed) * 11) % 101) - 50;
  return all;
}

TEST(DeviceProduct, ColumnMajorLibraryComputesTheRowMajorProduct) {
  const std::int64_t m = 5, n = 7, k = 3;
  for (const bool is_a_transposed : {false, true})
    for (const bool is_b_transposed : {false, true}) {
      const auto a = numbers(m * k, 1), b = numbers(k * n, 2);
      const ColumnMajor seen = column_major({.shape = {m, n, k},
                                             .is_a_transposed = is_a_transposed,
                                             .is_b_transposed = is_b_transposed});
      ASSERT_EQ(seen.out.rows * seen.out.columns, m * n);
      for (std::int64_t row = 0; row < m; ++row)
        for (std::int64_t column = 0; column < n; ++column) {
          double expected = 0;
          for (std::int64_t i = 0; i < k; ++i)
            expected +=
                a[static_cast<std::size_t>(is_a_transposed ? i * m + row : row * k + i)] *
                b[static_cast<std::size_t>(is_b_transposed ? column * k + i : i * n + column)];
          // C(row, column) lies at row x n + column: the library's (place % rows, place / rows).
          const std::int64_t place = row * n + column;
          const std::int64_t r = place % seen.out.leading(), c = place / seen.out.leading();
          double sum = 0;
          for (std::int64_t i = 0; i < k; ++i)
            sum += element(seen.left, b, r, i) * element(seen.right, a, i, c);
          EXPECT_EQ(sum, expected);
        }
    }
}

TEST(DeviceProduct, SaysWhyThereAreNoneWithoutADevice) {
  if (!kernels::list_devices().devices.empty()) GTEST_SKIP() << "there is a device";
  const auto products = make_products();
  ASSERT_FALSE(products);
  EXPECT_TRUE(products.error().code == Code::refused || products.error().code == Code::device);
  EXPECT_FALSE(products.error().hint.empty());
}

TEST(DevicePeak, IsKnownByTheNameThatCudaGives) {
  EXPECT_EQ(kernels::datasheet_flops("NVIDIA H200"), 989e12);
  EXPECT_EQ(kernels::datasheet_flops("NVIDIA H100 80GB HBM3"), 989e12);
  EXPECT_EQ(kernels::datasheet_flops("NVIDIA H100 PCIe"), 756e12);
  EXPECT_EQ(kernels::datasheet_flops("NVIDIA A100-SXM4-80GB"), 312e12);
  EXPECT_EQ(kernels::datasheet_flops("Quadro K420"), 0);
}

}  // namespace
}  // namespace sovren::nn::device
