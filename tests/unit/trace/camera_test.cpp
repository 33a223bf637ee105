// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/camera.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace sovren::trace {
namespace {

using Filter = RenderSettings::Filter;

constexpr CameraNumbers middle{{0.5F, 0.5F}, {0.5F, 0.5F}, 0};

void expect_near(Vec3 a, Vec3 b, float tolerance) {
  EXPECT_NEAR(a.x, b.x, tolerance);
  EXPECT_NEAR(a.y, b.y, tolerance);
  EXPECT_NEAR(a.z, b.z, tolerance);
}

/// A picture of 320 x 180 by a camera at (1, 2, 3) that looks along -x, its up is +z.
RenderSettings settings_of(Camera::Kind kind) {
  RenderSettings s;
  s.width = 320;
  s.height = 180;
  s.camera.kind = kind;
  s.camera.y_fov = 2 * std::atan(0.5F);  // half the height at half the distance
  s.camera.y_extent = 4.5F;
  s.camera.world_from_camera = {{{0, 1, 0}, {0, 0, 1}, {1, 0, 0}}, {1, 2, 3}};
  s.camera.world_from_camera_end = s.camera.world_from_camera;
  return s;
}

/// Where the ray meets the plane across the view direction at a distance.
Vec3 at_distance(const Ray& ray, float distance) {
  return ray.origin + ray.direction * ((1 - distance - ray.origin.x) / ray.direction.x);
}

TEST(TraceCamera, PerspectiveProjectsKnownPoints) {
  const RenderSettings s = settings_of(Camera::Kind::perspective);
  float spread = 0;
  // At distance 180 a pixel is one unit: 180 of them are the height.
  for (const int x : {0, 17, 160, 319}) {
    for (const int y : {0, 90, 179}) {
      const Ray ray = camera_ray(s, x, y, middle, spread);
      EXPECT_EQ(ray.origin, (Vec3{1, 2, 3}));
      EXPECT_NEAR(length(ray.direction), 1, 1e-6);
      EXPECT_EQ(ray.t_min, 0);
      EXPECT_EQ(ray.t_max, infinity);
      const Vec3 expected{1 - 180, 2 + static_cast<float>(x) + 0.5F - 160,
                          3 + 90 - (static_cast<float>(y) + 0.5F)};
      expect_near(at_distance(ray, 180), expected, 1e-3F);
    }
  }
}

TEST(TraceCamera, RowZeroIsOnTop) {
  for (const auto kind : {Camera::Kind::perspective, Camera::Kind::orthographic}) {
    float spread = 0;
    const Ray top = camera_ray(settings_of(kind), 160, 0, middle, spread);
    EXPECT_GT(at_distance(top, 10).z, 3);
    const Ray bottom = camera_ray(settings_of(kind), 160, 179, middle, spread);
    EXPECT_LT(at_distance(bottom, 10).z, 3);
  }
}

TEST(TraceCamera, OrthographicRaysAreParallel) {
  const RenderSettings s = settings_of(Camera::Kind::orthographic);  // 0.05 a pixel
  float spread = 1;
  for (const int x : {0, 300}) {
    for (const int y : {0, 99}) {
      const Ray ray = camera_ray(s, x, y, middle, spread);
      EXPECT_EQ(ray.direction, (Vec3{-1, 0, 0}));
      expect_near(ray.origin,
                  {1, 2 + 0.05F * (static_cast<float>(x) + 0.5F - 160),
                   3 + 0.05F * (90 - static_cast<float>(y) - 0.5F)},
                  1e-5F);
      EXPECT_EQ(spread, 0);
    }
  }
}

TEST(TraceCamera, ConeIsAsWideAsAPixel) {
  const RenderSettings s = settings_of(Camera::Kind::perspective);
  float spread = 0;
  const Ray a = camera_ray(s, 160, 90, middle, spread);
  float other = 0;
  const Ray b = camera_ray(s, 161, 90, middle, other);
  EXPECT_NEAR(length(a.direction - b.direction) / spread, 1, 1e-3);
}

TEST(TraceCamera, RaysThroughALensMeetInThePlaneOfFocus) {
  for (const auto kind : {Camera::Kind::perspective, Camera::Kind::orthographic}) {
    RenderSettings s = settings_of(kind);
    float spread = 0;
    const Vec3 sharp = at_distance(camera_ray(s, 40, 60, middle, spread), 7);
    s.camera.lens_radius = 0.25F;
    s.camera.focus_distance = 7;
    const Vec3 pinhole = camera_ray(settings_of(kind), 40, 60, middle, spread).origin;
    float farthest = 0;
    for (std::uint32_t i = 0; i < 256; ++i) {
      CameraNumbers numbers = middle;
      numbers.lens = camera_numbers({1, 2, i}).lens;
      const Ray ray = camera_ray(s, 40, 60, numbers, spread);
      expect_near(at_distance(ray, 7), sharp, 1e-5F);
      EXPECT_NEAR(ray.origin.x, 1, 1e-6);
      farthest = std::max(farthest, length(ray.origin - pinhole));
    }
    EXPECT_LE(farthest, 0.2501F);
    EXPECT_GT(farthest, 0.24F);
  }
}

TEST(TraceCamera, MovesWhileTheShutterIsOpen) {
  RenderSettings s = settings_of(Camera::Kind::perspective);
  s.camera.world_from_camera_end.origin = {5, 2, 3};
  CameraNumbers numbers = middle;
  numbers.time = 0.25F;
  float spread = 0;
  const Ray ray = camera_ray(s, 3, 4, numbers, spread);
  EXPECT_EQ(ray.origin, (Vec3{2, 2, 3}));
  EXPECT_EQ(ray.time, 0.25F);
}

TEST(TraceCamera, DiskPointsAreEvenlySpread) {
  // A quarter of the points is within half the radius, a half on each side of any diameter.
  int inside = 0, right = 0, above_diagonal = 0;
  constexpr int n = 4096;
  for (std::uint32_t i = 0; i < n; ++i) {
    const Vec2 p = disk_point(camera_numbers({3, 4, i}).lens);
    const float squared = p.x * p.x + p.y * p.y;
    EXPECT_LE(squared, 1.000001F);
    inside += squared < 0.25F ? 1 : 0;
    right += p.x > 0 ? 1 : 0;
    above_diagonal += p.y > p.x * 0.3F ? 1 : 0;
  }
  EXPECT_NEAR(inside, n / 4, n / 100);
  EXPECT_NEAR(right, n / 2, n / 100);
  EXPECT_NEAR(above_diagonal, n / 2, n / 100);
}

/// The window's integral from -1/2 to t.
double blackman_harris_integral(double t) {
  constexpr double a[4] = {0.35875, 0.48829, 0.14128, 0.01168};
  constexpr double turn = 6.283185307179586;
  const double s = t + 0.5;
  return s - (a[1] * std::sin(turn * s) - a[2] / 2 * std::sin(2 * turn * s) +
              a[3] / 3 * std::sin(3 * turn * s)) /
                 (a[0] * turn);
}

TEST(TraceCamera, BlackmanHarrisOffsetsInvertItsIntegral) {
  double worst = 0;
  for (int i = 0; i < 1 << 16; ++i) {
    const float u = static_cast<float>(i) * 0x1p-16F;
    const float offset = blackman_harris_offset(u);
    EXPECT_LE(std::abs(offset), 0.5F);
    worst = std::max(worst, std::abs(blackman_harris_integral(static_cast<double>(offset)) -
                                     static_cast<double>(u)));
  }
  EXPECT_LT(worst, 3e-6);
  EXPECT_LE(std::abs(blackman_harris_offset(1 - 0x1p-24F)), 0.5F);
}

/// Mean and mean square of what the filter adds to x and y.
struct Moments {
  double mean_x = 0, mean_y = 0, square_x = 0, square_y = 0;
};
Moments moments_of(Filter filter, float width) {
  Moments m;
  constexpr int n = 1 << 14;
  for (std::uint32_t i = 0; i < n; ++i) {
    const Vec2 p = filter_offset(filter, width, camera_numbers({5, 6, i}).filter);
    EXPECT_LE(std::abs(p.x), width / 2);
    EXPECT_LE(std::abs(p.y), width / 2);
    m.mean_x += static_cast<double>(p.x) / n;
    m.mean_y += static_cast<double>(p.y) / n;
    m.square_x += static_cast<double>(p.x * p.x) / n;
    m.square_y += static_cast<double>(p.y * p.y) / n;
  }
  return m;
}

TEST(TraceCamera, FiltersHaveTheirWidths) {
  // Variances in units of the width's square; Blackman-Harris: 1/12 + sums of a_k / (2 pi^2 k^2).
  const double pi_2 = std::acos(-1.0) * std::acos(-1.0);
  const double window = 1.0 / 12 + (-0.48829 + 0.14128 / 4 - 0.01168 / 9) / (2 * pi_2 * 0.35875);
  const std::vector<std::pair<Filter, double>> cases{
      {Filter::box, 1.0 / 12}, {Filter::gaussian, 1.0 / 144}, {Filter::blackman_harris, window}};
  for (const auto& [filter, variance] : cases) {
    for (const float width : {1.0F, 1.5F, 3.0F}) {
      const Moments m = moments_of(filter, width);
      const double expected = variance * static_cast<double>(width * width);
      EXPECT_NEAR(m.mean_x, 0, 1e-3);
      EXPECT_NEAR(m.mean_y, 0, 1e-3);
      EXPECT_NEAR(m.square_x / expected, 1, 2e-3);
      EXPECT_NEAR(m.square_y / expected, 1, 2e-3);
    }
  }
}

}  // namespace
}  // namespace sovren::trace
