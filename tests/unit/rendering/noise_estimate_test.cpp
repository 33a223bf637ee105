// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/noise_estimate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/rng.h"

namespace sovren::jobs {
namespace {

using trace::Film;
using Aov = RenderingSpec::Aov;

void add(Film& film, int x, int y, const trace::PixelSample& sample, std::uint32_t number) {
  const auto sums = film.pixel(x, y);
  trace::add_sample(sample, number, film.channels(),
                    [&](Film::Channel channel, std::int64_t value) { sums[channel] += value; });
}

/// Independent samples, even from 0 to 2 mean: of variance mean^2 / 3.
Film noisy_film(int width, int height, int samples, const std::array<float, 3>& mean) {
  Film film(width, height, Film::all_channels);
  const Philox numbers(17);
  std::uint64_t next = 0;
  const auto draw = [&](float m) { return 2 * m * static_cast<float>(numbers.uniform(next++)); };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int s = 0; s < samples; ++s)
        add(film, x, y, {.radiance = {draw(mean[0]), draw(mean[1]), draw(mean[2])}},
            static_cast<std::uint32_t>(s));
  return film;
}

PixelBox all_of(const Film& film) {
  return {0, 0, film.width(), film.height()};
}

TEST(NoiseEstimate, VarianceByHand) {
  Film film(1, 1, Film::all_channels);
  for (std::uint32_t s = 0; s < 24; ++s)  // 16 in A, 8 in B
    add(film, 0, 0, {.radiance = {s < 16 ? 1.0F : 4.0F, 2, s < 16 ? 3.0F : 0.0F}}, s);
  const auto sums = film.pixel(0, 0);
  EXPECT_EQ(mean_of(sums), (Rgb{2, 2, 2}));
  const auto variance = variance_by_halves(sums);
  ASSERT_TRUE(variance);
  EXPECT_NEAR((*variance)[0], 9 * 16.0 * 8 / (24 * 24), 1e-12);
  EXPECT_EQ((*variance)[1], 0);
  EXPECT_NEAR((*variance)[2], 9 * 16.0 * 8 / (24 * 24), 1e-12);
  EXPECT_NEAR(estimated_rel_mse(sums), (2 + 0 + 2) / 4.01 / 3, 1e-12);
}

TEST(NoiseEstimate, HalvesAreRightOnAverage) {
  // Whatever the halves' sizes: 32 (16 and 16), 40 (24 and 16), 20 (16 and 4) samples.
  for (const int samples : {32, 40, 20}) {
    const std::array<float, 3> means{1, 0.5F, 0.2F};
    const Film film = noisy_film(50, 40, samples, means);
    Rgb sum{};
    for (int y = 0; y < 40; ++y)
      for (int x = 0; x < 50; ++x) {
        const auto variance = variance_by_halves(film.pixel(x, y));
        ASSERT_TRUE(variance);
        for (std::size_t c = 0; c < 3; ++c) sum[c] += (*variance)[c] / 2000;
      }
    // One pixel's estimate is off by sqrt(2) of itself, the mean of 2000 by 0.032; within 4 of
    // that.
    for (std::size_t c = 0; c < 3; ++c) {
      const double expected = static_cast<double>(means[c]) * means[c] / 3 / samples;
      EXPECT_NEAR(sum[c] / expected, 1, 4 * std::sqrt(2.0 / 2000)) << samples << " " << c;
    }
  }
}

TEST(NoiseEstimate, RelMseIsThatOfTheTruth) {
  const std::array<float, 3> means{1, 0.5F, 0.2F};
  const Film film = noisy_film(64, 64, 64, means);
  double estimate_expected = 0, true_error = 0;
  for (const float m : means)
    estimate_expected +=
        static_cast<double>(m) * m / 3 / 64 / (static_cast<double>(m) * m + 0.01) / 3;
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x)
      for (std::size_t c = 0; c < 3; ++c) {
        const double m = means[c], off = mean_of(film.pixel(x, y))[c] - m;
        true_error += off * off / (m * m + 0.01) / 3 / 4096;
      }
  // The mean that it is divided by is itself noisy: 3 var / mean^2 = 1.6 % more.
  const double spread = std::sqrt(2.0 / (3 * 4096));
  EXPECT_NEAR(true_error / estimate_expected, 1, 4 * spread);
  const double estimate = estimated_rel_mse(film, all_of(film));
  EXPECT_NEAR(estimate / estimate_expected, 1.016, 4 * spread);
  EXPECT_EQ(estimated_noise(film).rel_mse, estimate);
  EXPECT_LT(estimated_noise(film).rel_mse_trimmed, estimate);
}

TEST(NoiseEstimate, LuminanceSaysTheSameAsHalves) {
  const Film film = noisy_film(40, 40, 32, {1, 0.5F, 0.2F});
  const double expected =
      (std::pow(0.212671 * 1, 2) + std::pow(0.715160 * 0.5, 2) + std::pow(0.072169 * 0.2, 2)) / 3 /
      32;
  double sum = 0;
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 40; ++x) sum += *luminance_variance(film.pixel(x, y)) / 1600;
  // A variance of 32 even numbers is off by less than sqrt(2 / 31) of itself.
  EXPECT_NEAR(sum / expected, 1, 4 * std::sqrt(2.0 / 31 / 1600));
}

TEST(NoiseEstimate, WithoutTheOtherHalfLuminanceStandsIn) {
  const Film film = noisy_film(30, 30, 16, {0.6F, 0.6F, 0.6F});
  EXPECT_FALSE(variance_by_halves(film.pixel(3, 3)));
  const double of_luminance = *luminance_variance(film.pixel(3, 3));
  const Rgb mean = mean_of(film.pixel(3, 3));
  double expected = 0;
  for (const double m : mean) expected += of_luminance / (m * m + 0.01) / 3;
  EXPECT_NEAR(estimated_rel_mse(film.pixel(3, 3)), expected, 1e-15);
}

TEST(NoiseEstimate, NothingIsKnownOfOneSample) {
  Film film(2, 1, Film::all_channels);
  add(film, 0, 0, {.radiance = {1, 1, 1}}, 0);
  add(film, 1, 0, {.radiance = {1, NAN, 1}}, 0);
  for (int x = 0; x < 2; ++x) {
    EXPECT_FALSE(variance_by_halves(film.pixel(x, 0)));
    EXPECT_FALSE(luminance_variance(film.pixel(x, 0)));
    EXPECT_EQ(estimated_rel_mse(film.pixel(x, 0)), 1);
  }
  EXPECT_EQ(mean_of(film.pixel(1, 0)), (Rgb{0, 0, 0}));
  EXPECT_EQ(mean_picture(film, true).values, (std::vector<float>{1, 1, 1, 1, 0, 0, 0, 0}));
}

TEST(NoiseEstimate, BoxesAreMeansOfTheirPixels) {
  const Film film = noisy_film(8, 6, 32, {1, 1, 1});
  double sum = 0;
  for (int y = 2; y < 5; ++y)
    for (int x = 3; x < 7; ++x) sum += estimated_rel_mse(film.pixel(x, y));
  EXPECT_NEAR(estimated_rel_mse(film, {3, 2, 7, 5}), sum / 12, 1e-15);
}

TEST(NoiseEstimate, SplitsDoNotChangeTheBits) {
  const Film whole = noisy_film(16, 16, 48, {1, 0.3F, 0.1F});
  Film sum(16, 16, Film::all_channels), even = sum, odd = sum;
  for (std::size_t i = 0; i < whole.sums().size(); ++i)
    (i % 2 == 0 ? even : odd).sums()[i] = whole.sums()[i];
  sum.add(odd);
  sum.add(even);
  EXPECT_EQ(estimated_noise(sum).rel_mse, estimated_noise(whole).rel_mse);
  EXPECT_EQ(mean_picture(sum, false).values, mean_picture(whole, false).values);
}

TEST(NoiseEstimate, LayersAreMeans) {
  Film film(1, 1, Film::all_channels);
  trace::PixelSample sample{.radiance = {1, 2, 3},
                            .alpha = 1,
                            .albedo = {0.5F, 0.25F, 0.125F},
                            .normal = {0, -1, 0},
                            .position = {100, -200, 300},
                            .depth = 8,
                            .object_id = 5};
  add(film, 0, 0, sample, 0);
  sample = {.radiance = {3, 2, 1}, .alpha = 0};
  add(film, 0, 0, sample, 1);
  using Values = std::vector<float>;
  EXPECT_EQ(mean_picture(film, true).values, (Values{2, 2, 2, 0.5F}));
  EXPECT_EQ(mean_picture(film, false).values, (Values{2, 2, 2}));
  EXPECT_EQ(aov_picture(film, Aov::albedo).values, (Values{0.25F, 0.125F, 0.0625F}));
  EXPECT_EQ(aov_picture(film, Aov::normal).values, (Values{0, -0.5F, 0}));
  EXPECT_EQ(aov_picture(film, Aov::position).values, (Values{50, -100, 150}));
  EXPECT_EQ(aov_picture(film, Aov::depth).values, (Values{4}));
  EXPECT_EQ(aov_picture(film, Aov::object_id).values, (Values{5}));
  EXPECT_EQ(aov_picture(film, Aov::samples).values, (Values{2}));
  const float apart = 2 * 0.212671F - 2 * 0.072169F;  // of the two luminances
  EXPECT_NEAR(aov_picture(film, Aov::variance).values[0], apart * apart / 4, 1e-5);
}

TEST(NoiseEstimate, BrightestSamplesDoNotOverflow) {
  Film film(1, 1, Film::picture_channels);
  const trace::PixelSample sun{.radiance = {1e6F, 1e6F, 1e6F}};
  for (std::uint32_t s = 0; s < 8192; ++s) add(film, 0, 0, sun, s);
  for (const std::int64_t sum : film.sums()) EXPECT_GE(sum, 0);
  EXPECT_EQ(mean_of(film.pixel(0, 0)), (Rgb{65504, 65504, 65504}));
  EXPECT_EQ(estimated_rel_mse(film.pixel(0, 0)), 0);
}

TEST(NoiseEstimate, LayersCanBeWritten) {
  const Film film = noisy_film(4, 3, 2, {1, 1, 1});
  const Picture picture = mean_picture(film, false);
  std::vector<Picture> pictures;
  for (int i = 0; i < RenderingSpec::aov_count; ++i)
    pictures.push_back(aov_picture(film, static_cast<Aov>(i)));
  std::vector<Layer> layers{{.name = "", .channels = {"R", "G", "B"}, .picture = &picture}};
  for (int i = 0; i < RenderingSpec::aov_count; ++i)
    layers.push_back(aov_layer(static_cast<Aov>(i), pictures[static_cast<std::size_t>(i)]));
  const auto file = encode_exr(layers, true, {});
  ASSERT_TRUE(file) << to_text(file.error());
  for (const char* name :
       {"albedo.R", "normal.Z", "depth", "position.X", "object_id", "variance", "samples"})
    EXPECT_NE(file->find(std::string(name) + '\0'), std::string::npos) << name;
}

}  // namespace
}  // namespace sovren::jobs
