// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/environment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/trace/environment_table.h"
#include "tests/unit/trace/lit_scene.h"
#include "tests/unit/trace/scenes.h"

namespace sovren::trace {
namespace {

const double exact_pi = std::acos(-1.0);
constexpr Vec3 up{0, 0, 1};

/// A scene of nothing but an image around it; gray(column, row).
template <class Gray>
LitScene scene_under(int width, int height, const Gray& gray, const Environment& environment) {
  Texture t;
  t.width = width;
  t.height = height;
  t.format = Texture::Format::float32;
  std::vector<float> texels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const float g = gray(x, y);
      texels.insert(texels.end(), {g, g, g, 1});
    }
  }
  t.texels.resize(texels.size() * sizeof(float));
  std::memcpy(t.texels.data(), texels.data(), t.texels.size());
  LitScene lit;
  lit.scene.textures.push_back(std::move(t));
  lit.build({}, environment);
  return lit;
}

constexpr Environment one_image{.texture = 0, .tint = {1, 1, 1}};

/// Bright and dark, with a sun in it.
float uneven(int x, int y) {
  return x == 3 && y == 2 ? 500.0F : static_cast<float>((x * 7 + y * 13) % 11) * 0.1F;
}

/// Integral over the sphere of f(direction), by the middles of a grid of equal solid angles.
template <class F>
double over_sphere(const F& f) {
  constexpr int rows = 500, columns = 1000;
  double sum = 0;
  for (int i = 0; i < rows; ++i) {
    const double y = 1 - 2 * (i + 0.5) / rows;
    const double r = std::sqrt(1 - y * y);
    for (int k = 0; k < columns; ++k) {
      const double phi = 2 * exact_pi * (k + 0.5) / columns;
      sum +=
          static_cast<double>(f(Vec3{static_cast<float>(r * std::cos(phi)), static_cast<float>(y),
                                     static_cast<float>(r * std::sin(phi))}));
    }
  }
  return sum * 4 * exact_pi / (rows * columns);
}

TEST(TraceEnvironment, ImageStandsAsItsMappingSays) {
  // Columns 0 to 7 from -x over -z, +x and +z; row 0 on top. Seen at the middles of texels.
  const auto number = [](int x, int y) { return static_cast<float>(10 * y + x); };
  const LitScene lit = scene_under(8, 4, number, one_image);
  const auto at = [&](double u, double v) {
    const double phi = (u - 0.5) * 2 * exact_pi, theta = v * exact_pi;
    return environment_radiance(lit.view(), {static_cast<float>(std::sin(theta) * std::cos(phi)),
                                             static_cast<float>(std::cos(theta)),
                                             static_cast<float>(std::sin(theta) * std::sin(phi))})
        .x;
  };
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 8; ++x) EXPECT_NEAR(at((x + 0.5) / 8, (y + 0.5) / 4), number(x, y), 1e-4);
  }
  EXPECT_NEAR(environment_radiance(lit.view(), {1, 0, 0}).x, (13 + 14 + 23 + 24) / 4.0, 1e-4);
  EXPECT_LT(environment_radiance(lit.view(), {0, 1, 0}).x, 8);
  EXPECT_GT(environment_radiance(lit.view(), {0, -1, 0}).x, 29);
  EXPECT_NEAR(environment_radiance(lit.view(), {0, 0, 1}).x, (15 + 16 + 25 + 26) / 4.0, 1e-4);
}

TEST(TraceEnvironment, RotationTurnsItCounterClockwiseSeenFromAbove) {
  Environment turned = one_image;
  turned.rotation = pi / 2;
  const LitScene lit = scene_under(16, 8, uneven, turned);
  const LitScene straight = scene_under(16, 8, uneven, one_image);
  Numbers numbers(1);
  for (int i = 0; i < 100; ++i) {
    const Vec3 d = numbers.direction();
    // What was at x is at -z now, what was at z is at x.
    EXPECT_NEAR(environment_radiance(lit.view(), {d.z, d.y, -d.x}).x,
                environment_radiance(straight.view(), d).x, 1e-2);
  }
}

TEST(TraceEnvironment, ConstantLightComesEvenlyFromASideOrFromAllAround) {
  LitScene lit;
  lit.build({}, {.tint = {2, 2, 2}});
  EXPECT_EQ(lit.view().environment.cells, nullptr);
  const Receiver half{{1, 2, 3}, normalized({1, -2, 0.5F}), 0};
  EXPECT_NEAR(irradiance(lit.view(), half, 4096).mean, 2 * exact_pi, 1e-3);
  const auto one = [](const LightSample&) { return 1.0F; };
  EXPECT_NEAR(estimate(lit.view(), half, 16, one).mean, 2 * exact_pi, 1e-5);
  EXPECT_NEAR(estimate(lit.view(), {{}, {}, 0}, 16, one).mean, 4 * exact_pi, 1e-5);
  const auto square_of_x = [](const LightSample& s) { return s.direction.x * s.direction.x; };
  EXPECT_NEAR(estimate(lit.view(), {{}, {}, 0}, 4096, square_of_x).mean, 4 * exact_pi / 3, 1e-2);
  EXPECT_FLOAT_EQ(environment_pdf(lit.view(), half, half.side), 0.5F * inverse_pi);
  EXPECT_EQ(environment_pdf(lit.view(), half, -half.side), 0);
}

TEST(TraceEnvironment, DirectionsWithinACellAreEven) {
  // One texel: the whole sphere is one cell.
  const LitScene lit = scene_under(
      1, 1, [](int, int) { return 3.0F; }, one_image);
  const SceneView view = lit.view();
  Vec3 sum, squares;
  constexpr std::uint32_t n = 4096;
  for (std::uint32_t i = 0; i < n; ++i) {
    const Vec3 d = sample_cells(view.environment, bounce_numbers({1, 1, i}, 0).light_point);
    sum += d;
    squares += d * d;
  }
  for (const float x : {sum.x, sum.y, sum.z}) EXPECT_NEAR(x / n, 0, 2e-3);
  for (const float x : {squares.x, squares.y, squares.z}) EXPECT_NEAR(x / n, 1.0 / 3, 2e-3);
  EXPECT_NEAR(cells_pdf(view.environment, {0.3F, 0.4F}), 0.25 / exact_pi, 1e-6);
}

TEST(TraceEnvironment, SamplesGiveTheIntegral) {
  for (const float rotation : {0.0F, 2.1F}) {
    Environment environment = one_image;
    environment.rotation = rotation;
    const LitScene lit = scene_under(16, 8, uneven, environment);
    const SceneView view = lit.view();
    for (const Vec3 side : {Vec3{0, 1, 0}, Vec3{-1, 0, 0}, normalized({1, 0.2F, -2})}) {
      const double expected = over_sphere(
          [&](Vec3 d) { return environment_radiance(view, d).x * maximum(0, dot(d, side)); });
      const Estimate e = irradiance(view, {{}, side, 0}, 1 << 15);
      EXPECT_LT(std::abs(e.mean - expected), 4 * e.error + 1e-3 * expected);
      // The sun takes most samples, also where it is behind.
      EXPECT_LT(e.error, 0.04 * expected);
    }
  }
}

TEST(TraceEnvironment, DensitiesAddUpAndAreThoseOfSamples) {
  const LitScene lit = scene_under(16, 8, uneven, one_image);
  const SceneView view = lit.view();
  const Receiver receiver{{}, {}, 0};
  EXPECT_NEAR(over_sphere([&](Vec3 d) { return environment_pdf(view, receiver, d); }), 1, 5e-3);
  double sum = 0;  // exactly: cell by cell
  for (int y = 0; y < 8; ++y) {
    const double angle =
        exact_pi / 8 * (std::cos(exact_pi * y / 8) - std::cos(exact_pi * (y + 1) / 8));
    for (int x = 0; x < 16; ++x) {
      const Vec2 place{(static_cast<float>(x) + 0.5F) / 16, (static_cast<float>(y) + 0.5F) / 8};
      sum += angle * static_cast<double>(cells_pdf(view.environment, place));
    }
  }
  EXPECT_NEAR(sum, 1, 1e-5);
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const BounceNumbers u = bounce_numbers({5, 1, i}, 0);
    LightSample s;
    ASSERT_TRUE(sample_light(view, receiver, u.light, u.light_point, s));
    EXPECT_EQ(s.pdf, environment_pdf(view, receiver, s.direction));
    EXPECT_EQ(s.radiance, environment_radiance(view, s.direction));
    EXPECT_NEAR(length(s.direction), 1, 1e-5);
    EXPECT_EQ(s.distance, infinity);
  }
}

TEST(TraceEnvironment, WhatShinesCanBeFound) {
  // One bright texel in the dark: light spreads to its neighbours by the look-up.
  const LitScene lit = scene_under(
      9, 5, [](int x, int y) { return x == 0 && y == 1 ? 1.0F : 0.0F; }, one_image);
  const SceneView view = lit.view();
  Numbers numbers(2);
  int lit_directions = 0;
  for (int i = 0; i < 20000; ++i) {
    const Vec3 d = numbers.direction();
    if (environment_radiance(view, d).x < 1e-5F) continue;
    EXPECT_GT(environment_pdf(view, {{}, {}, 0}, d), 0);
    ++lit_directions;
  }
  EXPECT_GT(lit_directions, 100);
}

TEST(TraceEnvironment, BadTexelsWeighNothing) {
  const auto bad = [](int x, int y) {
    if (x == 1) return std::nanf("");
    if (x == 5) return -7.0F;
    return y == 3 ? infinity : 1.0F;
  };
  const LitScene lit = scene_under(8, 4, bad, one_image);
  ASSERT_FALSE(lit.view().environment.is_black);
  double sum = 0;
  for (std::size_t i = 0; i < lit.scene.environment_cells.size(); ++i) {
    EXPECT_TRUE(std::isfinite(lit.scene.environment_cells[i].chance));
    EXPECT_GE(lit.scene.environment_cells[i].chance, 0);
    if (i < 4) sum += static_cast<double>(lit.scene.environment_cells[i].chance);
  }
  EXPECT_NEAR(sum, 1, 1e-6);
}

TEST(TraceEnvironment, BlackImagesAreNoLight) {
  const LitScene lit = scene_under(
      8, 4, [](int, int) { return 0.0F; }, one_image);
  EXPECT_TRUE(lit.view().environment.is_black);
  EXPECT_EQ(lit.view().light_count, 0U);
}

TEST(TraceEnvironment, LargeImagesHaveFewerCellsThanTexels) {
  const auto gray = [](int x, int y) { return static_cast<float>(1 + (x / 64 + y) % 2); };
  const LitScene lit = scene_under(3 * environment_columns_max, 4, gray, one_image);
  const SceneView view = lit.view();
  EXPECT_EQ(view.environment.cells_x, environment_columns_max);
  EXPECT_EQ(view.environment.cells_y, 4);
  EXPECT_EQ(lit.scene.environment_cells.size(), 4U * environment_columns_max + 4U);
  const double expected = over_sphere([&](Vec3 d) { return environment_radiance(view, d).x; });
  const Estimate e =
      estimate(view, {{}, {}, 0}, 4096, [](const LightSample& s) { return s.radiance.x; });
  EXPECT_NEAR(e.mean / expected, 1, 5e-3);
}

}  // namespace
}  // namespace sovren::trace
