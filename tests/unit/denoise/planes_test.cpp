// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/planes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sovren::denoise {
namespace {

TEST(Planes, BorderRepeatsTheOutermostPixels) {
  Planes planes(3, 2, 2, 2);
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 3; ++x) planes.row(1, y)[x] = static_cast<float>(10 * y + x);
  planes.extend();
  for (int y = -2; y < 4; ++y)
    for (int x = -2; x < 5; ++x) {
      const int nearest = 10 * std::clamp(y, 0, 1) + std::clamp(x, 0, 2);
      EXPECT_EQ(planes.row(1, y)[x], static_cast<float>(nearest)) << x << " " << y;
      EXPECT_EQ(planes.row(0, y)[x], 0);
    }
}

TEST(Planes, BoxMeanIsTheMeanOfTheWindow) {
  Planes from(40, 37, 1, 3), to(40, 37, 1, 3);
  for (int y = 0; y < 37; ++y)
    for (int x = 0; x < 40; ++x) from.row(0, y)[x] = static_cast<float>((x * 7 + y * 13) % 19);
  from.extend();
  nn::Team team(2);
  box_mean(team, from, 0, 2, to, 0);
  for (int y = 0; y < 37; ++y)
    for (int x = 0; x < 40; ++x) {
      double sum = 0;
      for (int dy = -2; dy <= 2; ++dy)
        for (int dx = -2; dx <= 2; ++dx) sum += static_cast<double>(from.row(0, y + dy)[x + dx]);
      EXPECT_NEAR(to.row(0, y)[x], sum / 25, 1e-5) << x << " " << y;
    }
  EXPECT_EQ(to.row(0, -3)[-3], to.row(0, 0)[0]);
}

}  // namespace
}  // namespace sovren::denoise
