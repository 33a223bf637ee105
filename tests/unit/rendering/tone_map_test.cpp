// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/tone_map.h"

#include <gtest/gtest.h>

#include <limits>

namespace sovren::jobs {
namespace {

using ToneMap = RenderingSpec::ToneMap;

TEST(ToneMap, StandardIsLightItself) {
  EXPECT_EQ(on_curve(0.25F, ToneMap::standard), 0.25F);
  EXPECT_EQ(on_curve(1.5F, ToneMap::standard), 1.0F);
  EXPECT_EQ(on_curve(-1, ToneMap::standard), 0.0F);
}

TEST(ToneMap, FilmicIsTheFitOfAces) {
  // By hand, x = 0.6 of the radiance: 0.108, 0.6, 1.8.
  EXPECT_NEAR(on_curve(0.18F, ToneMap::filmic), 0.14011957, 1e-6);
  EXPECT_NEAR(on_curve(1, ToneMap::filmic), 0.67329047, 1e-6);
  EXPECT_NEAR(on_curve(3, ToneMap::filmic), 0.90206276, 1e-6);
  EXPECT_LT(on_curve(12, ToneMap::filmic), 1.0F);
  EXPECT_EQ(on_curve(12.2F, ToneMap::filmic), 1.0F);
  float before = 0;
  for (float x = 0.001F; x < 12; x *= 1.1F) {
    EXPECT_GT(on_curve(x, ToneMap::filmic), before);
    before = on_curve(x, ToneMap::filmic);
  }
}

TEST(ToneMap, NoNumberIsBlackAndInfinityIsWhite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const ToneMap curve : {ToneMap::standard, ToneMap::filmic}) {
    EXPECT_EQ(on_curve(nan, curve), 0.0F);
    EXPECT_EQ(on_curve(infinity, curve), 1.0F);
    EXPECT_EQ(on_curve(-infinity, curve), 0.0F);
  }
}

TEST(ToneMap, ExposureIsInStops) {
  const Picture picture{.width = 1, .height = 1, .channels = 3, .values = {0.1F, 0.2F, 0.4F}};
  EXPECT_EQ(tone_mapped(picture, 1, ToneMap::standard).values,
            (std::vector<float>{0.2F, 0.4F, 0.8F}));
  EXPECT_EQ(tone_mapped(picture, -2, ToneMap::standard).values,
            (std::vector<float>{0.025F, 0.05F, 0.1F}));
}

TEST(ToneMap, AlphaStaysAndColoursComeBackWhole) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Picture picture{
      .width = 4,
      .height = 1,
      .channels = 4,
      .values = {0.25F, 0.125F, 0, 0.5F, 0.5F, 0.5F, 0.5F, 0, 1, 1, 1, 1.25F, 1, 1, 1, nan}};
  EXPECT_EQ(tone_mapped(picture, 0, ToneMap::standard).values,
            (std::vector<float>{0.5F, 0.25F, 0, 0.5F, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace sovren::jobs
