// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/film_planes.h"

#include <algorithm>

#include "core/base/check.h"

namespace sovren::denoise {

namespace {

using trace::Film;
using Sums = std::span<const std::int64_t>;

constexpr double radiance_unit = 1.0 / (std::int64_t{1} << 30);
constexpr double square_unit = 1.0 / (std::int64_t{1} << 20);
constexpr float least_shade = 0.05F;  ///< darker surfaces' colours are mostly gloss
constexpr int neighbours = 3;         ///< radius over which colours are averaged
constexpr int statistics = 5;         ///< radius over which variances are averaged

float mean(std::int64_t sum, std::int64_t count) {
  if (count == 0) return 0;
  return static_cast<float>(static_cast<double>(sum) * radiance_unit / static_cast<double>(count));
}

/// Calls at(y) for all rows.
template <class At>
void for_rows(nn::Team& team, int height, const At& at) {
  team.run(height, [&](std::int64_t y) { at(static_cast<int>(y)); });
}

/// Variance of the mean of luminance; below 0 where one sample tells nothing.
float sample_variance(Sums sums) {
  const std::int64_t count = sums[Film::count];
  if (count < 2) return -1;
  const auto n = static_cast<double>(count);
  const double luminance = (0.212671 * static_cast<double>(sums[Film::red]) +
                            0.715160 * static_cast<double>(sums[Film::green]) +
                            0.072169 * static_cast<double>(sums[Film::blue])) *
                           radiance_unit / n;
  const double squares = static_cast<double>(sums[Film::luminance_squared]) * square_unit / n;
  return static_cast<float>(std::max(0.0, squares - luminance * luminance) / (n - 1));
}

void fill_means(const Film& film, int y, FilmPlanes& planes) {
  for (int x = 0; x < film.width(); ++x) {
    const Sums sums = film.pixel(x, y);
    const std::int64_t n = sums[Film::count], a = sums[Film::count_a], b = n - a;
    planes.share_a.row(0, y)[x] =
        n > 0 ? static_cast<float>(static_cast<double>(a) / static_cast<double>(n)) : 1;
    for (int c = 0; c < 3; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const float albedo = mean(sums[Film::albedo_red + i], n);
      const float shade = std::max(albedo, least_shade);
      const std::int64_t sum_a = sums[Film::red_a + i], sum_b = sums[Film::red + i] - sum_a;
      const float mean_a = a > 0 ? mean(sum_a, a) / shade : mean(sum_b, b) / shade;
      planes.features.row(FilmPlanes::albedo_red + c, y)[x] = albedo;
      planes.features.row(FilmPlanes::normal_x + c, y)[x] = mean(sums[Film::normal_x + i], n);
      planes.shade.row(c, y)[x] = shade;
      planes.half_a.row(c, y)[x] = mean_a;
      planes.half_b.row(c, y)[x] = b > 0 ? mean(sum_b, b) / shade : mean_a;
    }
    planes.features.row(FilmPlanes::depth, y)[x] = mean(sums[Film::depth], n);
    planes.features.row(FilmPlanes::alpha, y)[x] = mean(sums[Film::alpha], n);
  }
}

/// The mean colour of a pixel, divided by the shade.
float mean_colour(const FilmPlanes& planes, int c, int x, int y) {
  const float share = planes.share_a.row(0, y)[x];
  return share * planes.half_a.row(c, y)[x] + (1 - share) * planes.half_b.row(c, y)[x];
}

/// Planes 0 to 2: variance of the mean over all samples, by colour.
Planes sample_variances(nn::Team& team, const Film& film, const FilmPlanes& planes) {
  const int width = film.width(), height = film.height(), border = planes.features.border();
  Planes means(width, height, 6, border), smooth(width, height, 6, border);
  for_rows(team, height, [&](int y) {
    for (int c = 0; c < 3; ++c)
      for (int x = 0; x < width; ++x) {
        const float value = mean_colour(planes, c, x, y);
        means.row(c, y)[x] = value;
        means.row(3 + c, y)[x] = value * value;
      }
  });
  means.extend();
  for (int plane = 0; plane < 6; ++plane) box_mean(team, means, plane, neighbours, smooth, plane);
  Planes variances(width, height, 3, border);
  for_rows(team, height, [&](int y) {
    for (int x = 0; x < width; ++x) {
      float colour[3], lit[3];
      for (int c = 0; c < 3; ++c) {
        colour[c] = smooth.row(c, y)[x];
        lit[c] = colour[c] * planes.shade.row(c, y)[x];
      }
      const float luminance = trace::luminance({lit[0], lit[1], lit[2]});
      const float of_luminance = sample_variance(film.pixel(x, y));
      for (int c = 0; c < 3; ++c) {
        const float ratio = luminance > 0 ? colour[c] / luminance : 0;
        variances.row(c, y)[x] =
            of_luminance >= 0 ? of_luminance * ratio * ratio
                              : std::max(0.0F, smooth.row(3 + c, y)[x] - colour[c] * colour[c]);
      }
    }
  });
  variances.extend();
  return variances;
}

/// One plane: by how much the halves' differences say that variances are off, about each pixel.
Planes correction(nn::Team& team, const FilmPlanes& planes, const Planes& variances) {
  const int width = variances.width(), height = variances.height(), border = variances.border();
  Planes sums(width, height, 2, border), smooth(width, height, 2, border);
  for_rows(team, height, [&](int y) {
    for (int x = 0; x < width; ++x) {
      const float share = planes.share_a.row(0, y)[x];
      float by_halves = 0, by_samples = 0;
      for (int c = 0; c < 3; ++c) {
        const float apart = planes.half_a.row(c, y)[x] - planes.half_b.row(c, y)[x];
        by_halves += apart * apart * share * (1 - share);
        by_samples += variances.row(c, y)[x];
      }
      // Where one of them is 0 there is nothing to compare.
      const bool is_known = share < 1 && by_samples > 0;
      sums.row(0, y)[x] = is_known ? by_halves / by_samples : 1;
      sums.row(0, y)[x] = std::min(sums.row(0, y)[x], 4.0F);
    }
  });
  sums.extend();
  box_mean(team, sums, 0, statistics, smooth, 0);
  return smooth;
}

void fill_variances(nn::Team& team, const Film& film, FilmPlanes& planes) {
  const int width = film.width(), height = film.height(), border = planes.features.border();
  const Planes variances = sample_variances(team, film, planes);
  const Planes scale = correction(team, planes, variances);
  Planes smooth(width, height, 3, border);
  for (int c = 0; c < 3; ++c) box_mean(team, variances, c, 1, smooth, c);
  for_rows(team, height, [&](int y) {
    for (int x = 0; x < width; ++x) {
      const float share = planes.share_a.row(0, y)[x];
      for (int c = 0; c < 3; ++c) {
        const float of_all =
            std::max(variances.row(c, y)[x], smooth.row(c, y)[x]) * scale.row(0, y)[x];
        planes.variance_a.row(c, y)[x] = of_all / std::max(share, 0.01F);
        planes.variance_b.row(c, y)[x] = share < 1 ? of_all / std::max(1 - share, 0.01F) : of_all;
      }
    }
  });
}

}  // namespace

FilmPlanes planes_of(nn::Team& team, const Film& film, int border) {
  SOVREN_CHECK(film.channels() == Film::all_channels, "the film has albedo, normal and depth");
  SOVREN_CHECK(border >= statistics, "the border is wide enough for the statistics");
  const int width = film.width(), height = film.height();
  FilmPlanes planes;
  planes.features = Planes(width, height, FilmPlanes::feature_count, border);
  for (Planes* three :
       {&planes.shade, &planes.half_a, &planes.half_b, &planes.variance_a, &planes.variance_b})
    *three = Planes(width, height, 3, border);
  planes.share_a = Planes(width, height, 1, border);
  for_rows(team, height, [&](int y) { fill_means(film, y, planes); });
  fill_variances(team, film, planes);
  for (int y = 0; y < height && !planes.has_b; ++y)
    planes.has_b =
        *std::min_element(planes.share_a.row(0, y), planes.share_a.row(0, y) + width) < 1;
  for (Planes* filled :
       {&planes.features, &planes.half_a, &planes.half_b, &planes.variance_a, &planes.variance_b})
    filled->extend();
  return planes;
}

}  // namespace sovren::denoise
