// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/guided_filter.h"

#include <gtest/gtest.h>

#include <functional>

#include "core/base/rng.h"

namespace sovren::denoise {
namespace {

using trace::Film;
using trace::PixelSample;
using trace::Vec3;

constexpr int width = 70, height = 45;  // no multiples of the tiles

/// What a pixel is without noise; the samples' radiance is even from 0 to twice that.
using TrueSample = std::function<PixelSample(int x, int y)>;
using Samples = std::function<int(int x, int y)>;

Film film_of(const TrueSample& truth, const Samples& samples, bool is_noisy) {
  Film film(width, height, Film::all_channels);
  const Philox numbers(5);
  std::uint64_t next = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int s = 0; s < samples(x, y); ++s) {
        PixelSample sample = truth(x, y);
        const auto factor = static_cast<float>(2 * numbers.uniform(next++));
        if (is_noisy) sample.radiance = sample.radiance * factor;
        const auto sums = film.pixel(x, y);
        trace::add_sample(sample, static_cast<std::uint32_t>(s), film.channels(),
                          [&](Film::Channel c, std::int64_t value) { sums[c] += value; });
      }
  return film;
}

/// Mean of squared relative errors, of the film's means and of the filtered picture.
struct Errors {
  double before = 0, after = 0;
};
Errors errors(const Film& film, const TrueSample& truth) {
  nn::Team team(1);
  const std::vector<float> picture = filtered(team, film);
  Errors errors;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const auto sums = film.pixel(x, y);
      const double right = static_cast<double>(truth(x, y).radiance.y);
      const double mean = static_cast<double>(sums[Film::green]) /
                          static_cast<double>(std::int64_t{1} << 30) /
                          static_cast<double>(sums[Film::count]);
      const auto i = static_cast<std::size_t>((y * width + x) * 3 + 1);
      const double found = static_cast<double>(picture[i]);
      errors.before += (mean / right - 1) * (mean / right - 1) / (width * height);
      errors.after += (found / right - 1) * (found / right - 1) / (width * height);
    }
  return errors;
}

PixelSample surface(Vec3 radiance, Vec3 albedo = {0.5F, 0.5F, 0.5F}, Vec3 normal = {0, 0, 1}) {
  return {.radiance = radiance, .albedo = albedo, .normal = normal, .depth = 3};
}

PixelSample wall(int, int) {
  return surface({0.4F, 0.3F, 0.2F});
}

/// Two walls that only their normals tell apart.
PixelSample corner(int x, int) {
  return x < 30 ? surface({1, 1, 1}, {0.5F, 0.5F, 0.5F}, {1, 0, 0}) : surface({0.5F, 0.5F, 0.5F});
}

/// A texture as fine as can be, evenly lit.
PixelSample texture(int x, int y) {
  const float albedo = (x * 7 + y * 5) % 3 == 0 ? 0.2F : 0.6F;
  return surface(Vec3{1, 1, 1} * albedo, Vec3{1, 1, 1} * albedo);
}

/// Shadows that no feature tells of.
PixelSample shadows(int x, int y) {
  const float light = (x / 5 + y / 7) % 2 == 0 ? 1.0F : 0.3F;
  return surface(Vec3{1, 1, 1} * light);
}

TEST(GuidedFilter, NoiseFalls) {
  for (const int samples : {1, 4, 16, 20, 64}) {
    const Film film = film_of(
        wall, [&](int, int) { return samples; }, true);
    const Errors found = errors(film, wall);
    EXPECT_NEAR(found.before, 1.0 / 3 / samples, 0.1 / samples) << samples;
    EXPECT_LT(found.after, found.before / 15) << samples;
  }
}

TEST(GuidedFilter, FeaturesKeepSurfacesApart) {
  for (const int samples : {1, 16, 64}) {
    const auto count = [&](int, int) { return samples; };
    const Errors at_corner = errors(film_of(corner, count, true), corner);
    EXPECT_LT(at_corner.after, at_corner.before / 15) << samples;
    const Errors of_texture = errors(film_of(texture, count, true), texture);
    EXPECT_LT(of_texture.after, of_texture.before / 5) << samples;
  }
}

TEST(GuidedFilter, ColoursKeepShadowsApart) {
  const Film film = film_of(
      shadows, [](int, int) { return 256; }, true);
  const Errors found = errors(film, shadows);
  EXPECT_LT(found.after, found.before / 2);
}

TEST(GuidedFilter, WithoutNoiseAPictureStays) {
  for (const TrueSample& truth : {TrueSample(shadows), TrueSample(texture), TrueSample(corner)}) {
    const Film film = film_of(
        truth, [](int, int) { return 64; }, false);
    EXPECT_LT(errors(film, truth).after, 1e-9);
  }
}

TEST(GuidedFilter, PixelsMayHaveDifferentNumbersOfSamples) {
  // Some have no half B, some few samples in it, and some none at all.
  const auto samples = [](int x, int y) { return y < 5 ? 17 : x < 35 ? 16 : 128; };
  const Errors found = errors(film_of(wall, samples, true), wall);
  EXPECT_LT(found.after, found.before / 20);
  nn::Team team(1);
  for (const float value : filtered(team, Film(width, height, Film::all_channels)))
    EXPECT_EQ(value, 0);
}

TEST(GuidedFilter, SameBitsForAnyNumberOfThreads) {
  const Film film = film_of(
      texture, [](int x, int) { return 10 + x; }, true);
  nn::Team one(1), three(3);
  EXPECT_EQ(filtered(one, film), filtered(three, film));
}

}  // namespace
}  // namespace sovren::denoise
