// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/guided_filter.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "kernels/denoise/film_planes.h"
#include "kernels/denoise/pixel_weights.h"

namespace sovren::denoise {

namespace {

constexpr int reach = 8;  ///< of the window
constexpr int border = reach + patch_radius;
constexpr int tile_width = 128, tile_height = 32;
constexpr int error_radius = 3;

// Differences that a feature may have on one surface, besides those that its slope makes.
constexpr float albedo_tolerance = 0.02F;
constexpr float normal_tolerance = 0.05F;
constexpr float depth_tolerance = 0.01F;  ///< of the depth itself
constexpr float alpha_tolerance = 0.05F;
// How much squared slopes add to what is allowed; depths go on changing over the whole window.
constexpr float slope_gain = 2;
constexpr float depth_slope_gain = 25;

constexpr float bandwidth = 0.5F;     ///< of colours, in standard deviations
constexpr float least_apart = 2e-3F;  ///< colours that differ by less of their value are alike

/// What the filter works on, besides the film's planes.
struct Work {
  FilmPlanes film;
  Planes scales;    ///< four planes: FeatureRows::scale
  Planes noise;     ///< of halves A and B: ColourRows::noise_here
  Planes filtered;  ///< three planes of A, three of B
};

/// The guide of half h is the other half.
struct Half {
  const Planes *colour, *guide, *variance;
  int noise_plane;
};
Half half_of(const FilmPlanes& film, int half) {
  if (half == 0) return {&film.half_a, &film.half_b, &film.variance_b, 1};
  return {&film.half_b, &film.half_a, &film.variance_a, 0};
}

Three rows(const Planes& planes, int y, int x) {
  return {planes.row(0, y) + x, planes.row(1, y) + x, planes.row(2, y) + x};
}

/// Squared slope of some planes. Of the steps to both sides, the smaller one counts: an edge is no
/// slope.
float squared_slope(const Planes& planes, int first, int count, int x, int y) {
  std::array<float, 4> steps{};
  for (int plane = first; plane < first + count; ++plane) {
    const float* row = planes.row(plane, y);
    const std::array<float, 4> there{row[x - 1], row[x + 1], planes.row(plane, y - 1)[x],
                                     planes.row(plane, y + 1)[x]};
    for (std::size_t i = 0; i < 4; ++i) steps[i] += (there[i] - row[x]) * (there[i] - row[x]);
  }
  return std::min(steps[0], steps[1]) + std::min(steps[2], steps[3]);
}

void fill_scales(Work& work, int y) {
  const Planes& features = work.film.features;
  for (int x = 0; x < features.width(); ++x) {
    const float depth = features.row(FilmPlanes::depth, y)[x] * depth_tolerance;
    const std::array<float, 4> allowed{
        albedo_tolerance * albedo_tolerance +
            slope_gain * squared_slope(features, FilmPlanes::albedo_red, 3, x, y),
        normal_tolerance * normal_tolerance +
            slope_gain * squared_slope(features, FilmPlanes::normal_x, 3, x, y),
        depth * depth + 1e-20F +
            depth_slope_gain * squared_slope(features, FilmPlanes::depth, 1, x, y),
        alpha_tolerance * alpha_tolerance};
    for (int i = 0; i < 4; ++i) work.scales.row(i, y)[x] = 1 / allowed[static_cast<std::size_t>(i)];
  }
}

void fill_noise(Work& work, int y) {
  const FilmPlanes& film = work.film;
  for (int half = 0; half < 2; ++half) {
    const Planes& means = half == 0 ? film.half_a : film.half_b;
    const Planes& variances = half == 0 ? film.variance_a : film.variance_b;
    for (int x = 0; x < means.width(); ++x) {
      float variance = 0, square = 0;
      for (int c = 0; c < 3; ++c) {
        const float mean = means.row(c, y)[x];
        variance += variances.row(c, y)[x];
        square += mean * mean;
      }
      work.noise.row(half, y)[x] =
          bandwidth * bandwidth * variance + least_apart * least_apart * square + 1e-12F;
    }
  }
}

/// The pixels that one part of the work filters, and room for it.
struct Tile {
  int x = 0, y = 0, width = 0, height = 0;
  std::vector<float> sums = std::vector<float>(std::size_t{8} * tile_height * tile_width);
  std::vector<float> patch_rows =
      std::vector<float>(std::size_t{tile_height + 2 * patch_radius} * tile_width);
  std::array<float, tile_width + 2 * patch_radius> distances{};
  std::array<float, tile_width> colour{}, feature{};

  float* sum(int number, int row) {
    return sums.data() + (number * tile_height + row) * tile_width;
  }
};

/// Adds the pixels that lie (dx, dy) away to one half's sums.
void add_shifted(const Work& work, int half, int dx, int dy, Tile& tile) {
  const Half of = half_of(work.film, half);
  const int left = tile.x - patch_radius;
  for (int row = 0; row < tile.height + 2 * patch_radius; ++row) {
    const int y = tile.y + row - patch_radius;
    const ColourRows colours{.here = rows(*of.guide, y, left),
                             .there = rows(*of.guide, y + dy, left + dx),
                             .variance_here = rows(*of.variance, y, left),
                             .variance_there = rows(*of.variance, y + dy, left + dx),
                             .noise_here = work.noise.row(of.noise_plane, y) + left,
                             .noise_there = work.noise.row(of.noise_plane, y + dy) + left + dx};
    colour_distances(colours, tile.width + 2 * patch_radius, tile.distances.data());
    sum_along(tile.distances.data() + patch_radius, tile.width,
              tile.patch_rows.data() + row * tile_width);
  }
  for (int row = 0; row < tile.height; ++row) {
    const int y = tile.y + row;
    sum_across(tile.patch_rows.data() + row * tile_width, tile_width, tile.width,
               tile.colour.data());
    FeatureRows features;
    for (std::size_t i = 0; i < features.here.size(); ++i) {
      features.here[i] = work.film.features.row(static_cast<int>(i), y) + tile.x;
      features.there[i] = work.film.features.row(static_cast<int>(i), y + dy) + tile.x + dx;
    }
    for (std::size_t i = 0; i < features.scale.size(); ++i)
      features.scale[i] = work.scales.row(static_cast<int>(i), y) + tile.x;
    feature_distances(features, tile.width, tile.feature.data());
    const int first = half * 4;
    add_weighed(tile.colour.data(), tile.feature.data(), rows(*of.colour, y + dy, tile.x + dx),
                tile.width,
                {tile.sum(first, row), tile.sum(first + 1, row), tile.sum(first + 2, row),
                 tile.sum(first + 3, row)});
  }
}

void filter_tile(Work& work, Tile& tile) {
  const int halves = work.film.has_b ? 2 : 1;
  for (int half = 0; half < halves; ++half) {
    for (int dy = -reach; dy <= reach; ++dy)
      for (int dx = -reach; dx <= reach; ++dx) add_shifted(work, half, dx, dy, tile);
    for (int c = 0; c < 3; ++c)
      for (int row = 0; row < tile.height; ++row) {
        const float *sum = tile.sum(half * 4 + c, row), *weight = tile.sum(half * 4 + 3, row);
        float* to = work.filtered.row(half * 3 + c, tile.y + row) + tile.x;
        for (int x = 0; x < tile.width; ++x) to[x] = sum[x] / weight[x];
      }
  }
}

void filter_halves(nn::Team& team, Work& work) {
  const int width = work.filtered.width(), height = work.filtered.height();
  const int columns = (width + tile_width - 1) / tile_width;
  const int tile_rows = (height + tile_height - 1) / tile_height;
  team.run(std::int64_t{columns} * tile_rows, [&](std::int64_t part) {
    Tile tile;
    tile.x = static_cast<int>(part) % columns * tile_width;
    tile.y = static_cast<int>(part) / columns * tile_height;
    tile.width = std::min(tile_width, width - tile.x);
    tile.height = std::min(tile_height, height - tile.y);
    filter_tile(work, tile);
  });
}

/// Two planes: the squared error that filtering has made, as the halves that had no part in it
/// tell, and the variance of what was there before. About each pixel.
Planes errors(nn::Team& team, const Work& work) {
  const FilmPlanes& film = work.film;
  const int width = film.shade.width(), height = film.shade.height();
  Planes raw(width, height, 2, border), smooth(width, height, 2, border);
  team.run(height, [&](std::int64_t row) {
    const int y = static_cast<int>(row);
    for (int x = 0; x < width; ++x) {
      const float share = film.share_a.row(0, y)[x];
      float error = 0, variance = 0;
      for (int c = 0; c < 3; ++c) {
        const float a = work.filtered.row(c, y)[x] - film.half_b.row(c, y)[x];
        const float b = work.filtered.row(3 + c, y)[x] - film.half_a.row(c, y)[x];
        const float of_a = film.variance_a.row(c, y)[x], of_b = film.variance_b.row(c, y)[x];
        error += 0.5F * ((a * a - of_b) + (b * b - of_a));
        variance += of_a * share;
      }
      raw.row(0, y)[x] = share < 1 ? error : 0;
      raw.row(1, y)[x] = variance;
    }
  });
  raw.extend();
  for (int plane = 0; plane < 2; ++plane) box_mean(team, raw, plane, error_radius, smooth, plane);
  return smooth;
}

/// Both halves together, less of the filter where it errs by more than there was noise, and the
/// albedo in again.
std::vector<float> together(nn::Team& team, const Work& work) {
  const FilmPlanes& film = work.film;
  const int width = film.shade.width(), height = film.shade.height();
  const Planes error = film.has_b ? errors(team, work) : Planes(width, height, 2, 0);
  std::vector<float> picture(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                             3);
  team.run(height, [&](std::int64_t row) {
    const int y = static_cast<int>(row);
    float* to = picture.data() + row * width * 3;
    for (int x = 0; x < width; ++x) {
      const float a = film.has_b ? film.share_a.row(0, y)[x] : 1, b = 1 - a;
      const float bad = std::max(0.0F, error.row(0, y)[x]), noise = error.row(1, y)[x];
      const float trust = bad > 0 ? noise / (noise + bad) : 1;
      for (int c = 0; c < 3; ++c) {
        const float before = a * film.half_a.row(c, y)[x] + b * film.half_b.row(c, y)[x];
        const float after = a * work.filtered.row(c, y)[x] + b * work.filtered.row(3 + c, y)[x];
        *to++ = (before + trust * (after - before)) * film.shade.row(c, y)[x];
      }
    }
  });
  return picture;
}

}  // namespace

std::vector<float> filtered(nn::Team& team, const trace::Film& film) {
  const int width = film.width(), height = film.height();
  Work work{.film = planes_of(team, film, border),
            .scales = Planes(width, height, 4, 0),
            .noise = Planes(width, height, 2, border),
            .filtered = Planes(width, height, 6, 0)};
  team.run(height, [&](std::int64_t y) {
    fill_scales(work, static_cast<int>(y));
    fill_noise(work, static_cast<int>(y));
  });
  work.noise.extend();
  filter_halves(team, work);
  return together(team, work);
}

}  // namespace sovren::denoise
