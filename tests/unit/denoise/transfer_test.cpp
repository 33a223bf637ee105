// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/transfer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace sovren::denoise {
namespace {

/// The fit as its authors state it, in double.
double curve(double y) {
  if (y <= 1.57945760e-06) return 1.41283765e+03 * y;
  if (y <= 3.22087631e-02) return 1.64593172 * std::pow(y, 4.31384981e-01) - 2.94139609e-03;
  return 1.92653254e-01 * std::log(y + 6.26026094e-03) + 9.98620152e-01;
}

TEST(Transfer, IsTheFit) {
  for (double y = 1e-9; y < 60000; y *= 1.3) {
    const double code = static_cast<double>(encoded(static_cast<float>(y)));
    EXPECT_NEAR(code, curve(y) / curve(65504), 1e-6) << y;
    EXPECT_NEAR(static_cast<double>(decoded(encoded(static_cast<float>(y)))), y, 2e-5 * y + 1e-12);
  }
}

TEST(Transfer, EndsAreClipped) {
  EXPECT_EQ(encoded(0), 0);
  EXPECT_EQ(encoded(-1), 0);
  EXPECT_EQ(encoded(65504), 1);
  EXPECT_EQ(encoded(1e30F), 1);
  EXPECT_EQ(decoded(-0.1F), 0);
  EXPECT_EQ(decoded(2), 65504);
  EXPECT_NEAR(decoded(1), 65504, 1);
}

TEST(Transfer, ExposureMakesTheGeometricMeanGrey) {
  // 40 x 24 pixels: 3 x 2 blocks of unequal sizes. One is black, the others 2^k.
  constexpr int height = 40, width = 24;
  std::vector<float> colors;
  double sum = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      // 40 rows: 13, 13 and 14.
      const int row = y < 13 ? 0 : y < 26 ? 1 : 2;
      const int number = row + 3 * (x < 12 ? 0 : 1);
      const float value = number == 4 ? 0 : std::ldexp(1.0F, number);
      for (int c = 0; c < 3; ++c) colors.push_back(value);
    }
  for (const int number : {0, 1, 2, 3, 5}) sum += number;
  EXPECT_NEAR(static_cast<double>(exposure_of(colors, height, width)),
              0.18 / std::exp2(sum / 5) / (0.212671 + 0.715160 + 0.072169), 1e-5);
  EXPECT_EQ(exposure_of(std::vector<float>(300), 10, 10), 1);
}

}  // namespace
}  // namespace sovren::denoise
