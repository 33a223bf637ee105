// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/quality.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/base/rng.h"
#include "jobs/rendering/flip.h"
#include "jobs/rendering/srgb.h"

namespace sovren::jobs {
namespace {

using Rgb = std::array<float, 3>;

Picture even(int width, int height, const Rgb& color) {
  Picture picture{.width = width, .height = height};
  for (int i = 0; i < width * height; ++i)
    picture.values.insert(picture.values.end(), color.begin(), color.end());
  return picture;
}

Picture random(int width, int height, float brightest) {
  const Philox numbers(4);
  Picture picture{.width = width, .height = height};
  for (int i = 0; i < width * height * 3; ++i)
    picture.values.push_back(brightest *
                             static_cast<float>(numbers.uniform(static_cast<std::uint64_t>(i))));
  return picture;
}

TEST(Quality, OfTheSamePictureIsPerfect) {
  const Picture picture = random(20, 15, 2);
  const auto quality = compare(picture, picture);
  ASSERT_TRUE(quality);
  EXPECT_EQ(quality->mse, 0);
  EXPECT_EQ(quality->rel_mse, 0);
  EXPECT_EQ(quality->rel_mse_trimmed, 0);
  EXPECT_EQ(quality->psnr_db, 100);
  EXPECT_EQ(quality->ssim, 1);
  EXPECT_EQ(quality->flip, 0);
  EXPECT_EQ(quality->flip_hdr, 0);
}

TEST(Quality, OfEvenPicturesByHand) {
  const auto quality = compare(even(12, 12, {0.5F, 0.25F, 1}), even(12, 12, {0.25F, 0.25F, 2}));
  ASSERT_TRUE(quality);
  EXPECT_NEAR(quality->mse, (0.0625 + 0 + 1) / 3, 1e-12);
  EXPECT_NEAR(quality->rel_mse, (0.0625 / (0.0625 + 0.01) + 0 + 1 / 4.01) / 3, 1e-9);
  EXPECT_NEAR(quality->rel_mse_trimmed, quality->rel_mse, 1e-12);  // 144 pixels: none is cut
  const double step = srgb_of_linear(0.5) - srgb_of_linear(0.25);  // blue is clipped in both
  EXPECT_NEAR(quality->psnr_db, 10 * std::log10(3 / (step * step)), 1e-9);
}

TEST(Quality, TrimsTheWorstPixelOfAThousand) {
  const Picture reference = even(40, 50, {0.3F, 0.3F, 0.3F});
  Picture picture = even(40, 50, {0.4F, 0.4F, 0.4F});
  picture.values[3 * 777] = 1000;
  picture.values[3 * 1234 + 1] = 500;
  const auto quality = compare(picture, reference);
  ASSERT_TRUE(quality);
  EXPECT_NEAR(quality->rel_mse_trimmed, 0.01 / (0.09 + 0.01), 1e-6);
  EXPECT_GT(quality->rel_mse, 1000);
}

TEST(Quality, SizesMustBeTheSame) {
  const auto quality = compare(even(4, 3, {}), even(3, 4, {}));
  ASSERT_FALSE(quality);
  EXPECT_EQ(quality.error().code, Code::mismatch);
  EXPECT_EQ(quality.error().what, "the picture has 4 x 3 pixels, its reference 3 x 4");
}

TEST(Quality, NamesTheNumberThatIsNone) {
  Picture picture = even(4, 3, {1, 1, 1});
  picture.values[3 * 6 + 1] = std::numeric_limits<float>::quiet_NaN();
  const auto quality = compare(even(4, 3, {}), picture);
  ASSERT_FALSE(quality);
  EXPECT_EQ(quality.error().code, Code::data_invalid);
  EXPECT_EQ(quality.error().what, "the reference has a NaN or infinity at pixel (2, 1)");
}

TEST(Quality, GreyAndAlphaAreComparedByColour) {
  const Picture grey{.width = 2, .height = 1, .channels = 1, .values = {0.25F, 0.5F}};
  const Picture color{.width = 2,
                      .height = 1,
                      .channels = 4,
                      .values = {0.25F, 0.25F, 0.25F, 0, 0.5F, 0.5F, 0.5F, 1}};
  EXPECT_EQ(compare(grey, color)->mse, 0);
  EXPECT_EQ(compare(grey, color)->flip, 0);
}

TEST(Ssim, OfEvenPicturesIsTheirLightsTerm) {
  const double x = srgb_of_linear(0.5), y = srgb_of_linear(0.2), c1 = 1e-4;
  EXPECT_NEAR(ssim(even(16, 12, {0.5F, 0.5F, 0.5F}), even(16, 12, {0.2F, 0.2F, 0.2F})),
              (2 * x * y + c1) / (x * x + y * y + c1), 2e-4);
}

TEST(Ssim, OfOppositesIsNegativeAndItIsSymmetric) {
  Picture stripes = even(24, 24, {0.2F, 0.2F, 0.2F}), opposite = stripes;
  for (std::size_t i = 0; i < stripes.values.size(); ++i)
    (i / 3 % 2 == 0 ? stripes : opposite).values[i] = 0.6F;
  EXPECT_LT(ssim(stripes, opposite), -0.9);
  EXPECT_EQ(ssim(stripes, opposite), ssim(opposite, stripes));
}

TEST(Flip, OfEvenPictures) {
  // Filters leave even pictures as they are, and there are no features: the colours' distance
  // alone. Numbers: tests/parity/quality_reference.py, in float64.
  struct Pair {
    Rgb a, b;
    double expected;
  };
  for (const auto& [a, b, expected] :
       {Pair{{0, 0, 0}, {1, 1, 1}, 0.967379762}, Pair{{0, 1, 0}, {0, 0, 1}, 1.0},
        Pair{{1, 0, 0}, {0, 1, 0}, 0.986662275},
        Pair{{0.5F, 0.5F, 0.5F}, {0.51F, 0.5F, 0.5F}, 0.040305825},
        Pair{{0.2F, 0.2F, 0.2F}, {0.25F, 0.25F, 0.25F}, 0.183397315},
        Pair{{0.8F, 0.4F, 0.1F}, {0.7F, 0.45F, 0.2F}, 0.365093058},
        Pair{{0.001F, 0.001F, 0.001F}, {0.002F, 0.002F, 0.002F}, 0.053585358},
        Pair{{1, 1, 0}, {1, 1, 1}, 0.966308458}}) {
    const Plane errors = flip(even(5, 4, a), even(5, 4, b));
    // Features are 1e-8 in floats, of which the square root counts.
    for (const float error : errors.values) EXPECT_NEAR(error, expected, 1e-4);
  }
}

TEST(Flip, ClipsLight) {
  EXPECT_EQ(mean(flip(even(3, 3, {1, 1, 1}), even(3, 3, {5, 2, 1}))), 0);
  EXPECT_EQ(mean(flip(even(3, 3, {0, 0, 0}), even(3, 3, {-5, 0, 0}))), 0);
}

TEST(Flip, IsSymmetric) {
  const Picture a = random(30, 20, 1), b = even(30, 20, {0.4F, 0.5F, 0.6F});
  EXPECT_EQ(flip(a, b).values, flip(b, a).values);
}

TEST(Flip, IsLargerWhereFeaturesDiffer) {
  // Colours at the edge lie between those on its sides.
  Picture edge = even(60, 40, {0.5F, 0.5F, 0.5F});
  for (std::size_t i = 0; i < edge.values.size(); ++i)
    if (i / 3 % 60 >= 30) edge.values[i] = 0.6F;
  const Plane errors = flip(edge, even(60, 40, {0.4F, 0.4F, 0.4F}));
  EXPECT_LT(errors.row(20)[5], errors.row(20)[55]);
  EXPECT_GT(errors.row(20)[30], 1.1 * errors.row(20)[55]);
  EXPECT_EQ(mean(flip(edge, edge)), 0);
}

TEST(Flip, FineNoiseIsSeenFromNearOnly) {
  Picture noise = even(64, 64, {0.5F, 0.5F, 0.5F});
  for (std::size_t i = 0; i < noise.values.size(); ++i)
    noise.values[i] += (i / 3 + i / 192) % 2 == 0 ? 0.05F : -0.05F;
  const Picture flat = even(64, 64, {0.5F, 0.5F, 0.5F});
  EXPECT_LT(mean(flip(noise, flat, 67)), 0.4 * mean(flip(noise, flat, 15)));
}

TEST(FlipHdr, ExposuresBracketTheReference) {
  // 0.85 = aces(x) where x = 2.2427 by the quadratic's root.
  const double bright = [] {
    const double a = 0.36 * (2.51 - 0.85 * 2.43), b = 0.6 * (0.03 - 0.85 * 0.59);
    return (-b + std::sqrt(b * b + 4 * a * 0.85 * 0.14)) / (2 * a);
  }();
  Picture reference = even(5, 1, {0.5F, 0.5F, 0.5F});
  reference.values[0] = reference.values[1] = reference.values[2] = 64;
  const Exposures exposures = flip_exposures(reference);
  EXPECT_NEAR(exposures.first, std::log2(bright / 64), 1e-6);
  EXPECT_NEAR(exposures.last, std::log2(bright / 0.5), 1e-6);
  EXPECT_EQ(exposures.count, 7);
  EXPECT_EQ(flip_exposures(even(2, 2, {1, 1, 1})).count, 2);
  EXPECT_EQ(flip_exposures(even(2, 2, {0, 0, 0})).count, 2);
}

TEST(FlipHdr, SeesWhatIsClipped) {
  Picture bright = even(20, 20, {1, 1, 1});
  for (std::size_t i = 0; i < bright.values.size(); i += 2) bright.values[i] = 3;
  const Picture flat = even(20, 20, {2, 2, 2});
  EXPECT_EQ(mean(flip(bright, flat)), 0);
  EXPECT_GT(mean(flip_hdr(bright, flat)), 0.05);
}

TEST(FlipHdr, IsTheLargestOverExposures) {
  const Picture reference = random(16, 12, 8);
  Picture picture = reference;
  for (float& value : picture.values) value *= 1.2F;
  const Plane errors = flip_hdr(picture, reference);
  EXPECT_GE(*std::min_element(errors.values.begin(), errors.values.end()), 0);
  EXPECT_LE(*std::max_element(errors.values.begin(), errors.values.end()), 1);
  EXPECT_EQ(mean(flip_hdr(even(4, 4, {}), even(4, 4, {}))), 0);
  EXPECT_GT(mean(flip_hdr(even(4, 4, {1, 1, 1}), even(4, 4, {}))), 0.5);
}

TEST(Score, FollowsFlipAndNoise) {
  EXPECT_EQ(score_of_flip(0), 100);
  EXPECT_NEAR(score_of_flip(0.035), 96.5, 1e-12);
  EXPECT_EQ(score_of_flip(2), 0);
  EXPECT_NEAR(score_of_noise(1e-3), 96.5, 1e-9);
  EXPECT_NEAR(score_of_noise(1e-2), 95, 1e-9);
  EXPECT_EQ(score_of_noise(0), 100);
  EXPECT_EQ(score_of_noise(std::numeric_limits<double>::infinity()), 0);
  double before = 100;
  for (double noise = 1e-8; noise < 1e5; noise *= 10) {
    EXPECT_LT(score_of_noise(noise), before);
    before = score_of_noise(noise);
  }
}

}  // namespace
}  // namespace sovren::jobs
