// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/light.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/unit/trace/lit_scene.h"
#include "tests/unit/trace/scenes.h"

namespace sovren::trace {
namespace {

constexpr Vec3 up{0, 0, 1};

TEST(TraceAlias, ChancesAreTheWeights) {
  const std::vector<double> weights{3, 0, 1, 6, 0, 0.5, 0};
  const std::vector<AliasEntry> table = alias_table(weights);
  std::vector<double> chance(weights.size(), 0);
  for (std::size_t i = 0; i < table.size(); ++i) {
    chance[i] += static_cast<double>(table[i].keep) / 7;
    chance[table[i].other] += (1 - static_cast<double>(table[i].keep)) / 7;
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_NEAR(chance[i], weights[i] / 10.5, 1e-7);
    EXPECT_NEAR(table[i].chance, weights[i] / 10.5, 1e-7);
  }
  EXPECT_TRUE(alias_table({0, 0}).empty());
  EXPECT_TRUE(alias_table({}).empty());
}

TEST(TraceAlias, WhatIsLeftOfTheNumberIsEven) {
  const std::vector<AliasEntry> table = alias_table({3, 0, 1, 6, 0, 0.5, 0});
  std::array<double, 7> sum{}, count{};
  constexpr int n = 1 << 16;
  for (int i = 0; i < n; ++i) {
    float u = (static_cast<float>(i) + 0.5F) / n;
    const std::uint32_t k = choose(table.data(), 7, u);
    ASSERT_LT(k, 7U);
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum[k] += static_cast<double>(u);
    ++count[k];
  }
  for (std::size_t k = 0; k < 7; ++k) {
    if (table[k].chance == 0) {
      EXPECT_EQ(count[k], 0);
    } else {
      EXPECT_NEAR(sum[k] / count[k], 0.5, 2e-3);
      EXPECT_NEAR(count[k] / n, table[k].chance, 1e-3);
    }
  }
}

struct View {
  const char* what;
  Vec3 position;
};

/// A quad of 1 x 1.4 over the origin at height 1; seen from far, near and aside.
TEST(TraceLight, RectangleGivesLambertsIrradiance) {
  LitScene lit;
  lit.add_material({2, 2, 2});
  lit.add_quad({-0.5F, -0.7F, 1}, {0, 1.4F, 0}, {1, 0, 0});  // shines down, and up
  lit.build();
  EXPECT_EQ(lit.scene.lights.size(), 2U);
  EXPECT_EQ(lit.scene.light_nodes.size(), 0U);
  const std::vector<Vec3> corners{
      {-0.5F, -0.7F, 1}, {-0.5F, 0.7F, 1}, {0.5F, 0.7F, 1}, {0.5F, -0.7F, 1}};
  for (const auto& [what, position] :
       {View{"far", {3, 2, -6}}, View{"below", {0, 0, -1}}, View{"near", {0.1F, 0.2F, 0.7F}},
        View{"very near", {0.4F, 0.6F, 0.97F}}, View{"aside", {4, 0, 0.9F}},
        View{"under a corner", {0.5F, 0.7F, 0.5F}}}) {
    const double expected = std::abs(2 * polygon_irradiance(corners, position, up));
    const Estimate e = irradiance(lit.view(), {position, up, 0}, 1 << 14);
    EXPECT_LT(std::abs(e.mean - expected), 4 * e.error) << what;
    EXPECT_LT(e.error, 0.007 * expected) << what;
  }
}

TEST(TraceLight, NearTrianglesAreChosenFromBySolidAngle) {
  // Then the estimate of the solid angle has no noise at all.
  LitScene lit;
  lit.add_material({1, 1, 1});
  lit.add_mesh({{-0.5F, -0.7F, 1}, {-0.5F, 0.7F, 1}, {0.5F, 0.7F, 1}}, {0, 1, 2});
  lit.build();
  const Estimate near = estimate(lit.view(), {{-0.3F, 0.2F, 0.6F}, {}, 0}, 1000,
                                 [](const LightSample&) { return 1.0F; });
  EXPECT_LT(near.error / near.mean, 1e-6);
  const Estimate far = estimate(lit.view(), {{-0.3F, 0.2F, -3}, {}, 0}, 1000,
                                [](const LightSample&) { return 1.0F; });
  EXPECT_GT(far.error / far.mean, 1e-5);
}

TEST(TraceLight, DirectionsWithinASphericalTriangleAreEven) {
  // The mean direction, weighed by the solid angle, is known: half the sum of the edges' angles
  // times their normals, which is Lambert's formula for three planes.
  for (const auto& c : {std::array<Vec3, 3>{{{1, 0, 0.2F}, {0, 1, 0.1F}, {-0.3F, 0.1F, 1}}},
                        std::array<Vec3, 3>{{{1, 0, 0}, {0.9F, 0.4F, 0}, {0.8F, 0.1F, 0.7F}}},
                        std::array<Vec3, 3>{{{1, 0, 0.1F}, {-0.6F, 1, 0.1F}, {-0.5F, -1, 0.1F}}}}) {
    LitTriangle t{c[0], c[1] - c[0], c[2] - c[0], {}, 0};
    t.normal = normalized(cross(t.edge_b, t.edge_c));
    const SphericalTriangle s = spherical_triangle(t, 100, {});
    ASSERT_GT(s.solid_angle, 0);
    Vec3 sum;
    constexpr std::uint32_t n = 1 << 14;
    for (std::uint32_t i = 0; i < n; ++i) {
      TrianglePoint p;
      ASSERT_TRUE(sample_triangle(t, 100, false, {}, bounce_numbers({1, 1, i}, 0).bsdf, p));
      EXPECT_NEAR(length(p.direction), 1, 1e-5);
      EXPECT_GT(p.place.x, -1e-4);
      EXPECT_GT(p.place.y, -1e-4);
      EXPECT_LT(p.place.x + p.place.y, 1 + 1e-4);
      const Vec3 there = t.corner + t.edge_b * p.place.x + t.edge_c * p.place.y;
      EXPECT_NEAR(length(there - p.direction * p.distance), 0, 1e-4);
      sum += p.direction * (s.solid_angle / n);
    }
    const std::vector<Vec3> corners{c[0], c[1], c[2]};
    EXPECT_NEAR(sum.x, polygon_irradiance(corners, {}, {1, 0, 0}), 1e-3);
    EXPECT_NEAR(sum.y, polygon_irradiance(corners, {}, {0, 1, 0}), 1e-3);
    EXPECT_NEAR(sum.z, polygon_irradiance(corners, {}, {0, 0, 1}), 1e-3);
  }
}

TEST(TraceLight, DiskOverAPlaneGivesItsClosedForm) {
  constexpr std::uint32_t parts = 1024;  // a tree
  constexpr double r = 0.8;
  LitScene lit;
  lit.add_material({1, 1, 1});
  std::vector<Vec3> positions{{0, 0, 1}};
  std::vector<std::uint32_t> corners;
  for (std::uint32_t i = 0; i < parts; ++i) {
    const double angle = 2 * std::acos(-1.0) * i / parts;
    positions.push_back(
        {static_cast<float>(r * std::cos(angle)), static_cast<float>(r * std::sin(angle)), 1});
    corners.insert(corners.end(), {0, 1 + (i + 1) % parts, 1 + i});
  }
  lit.add_mesh(positions, corners);
  lit.build();
  EXPECT_EQ(lit.scene.light_nodes.size(), 2 * parts - 1);
  for (const double x : {0.0, 0.5, 0.8, 2.0}) {
    for (const double h : {0.2, 1.0, 3.0}) {
      // Of a parallel plane: pi / 2 (1 - (x^2 + h^2 - r^2) / root((x^2 + h^2 + r^2)^2 - 4 x^2 r^2))
      const double sum = x * x + h * h + r * r;
      const double expected =
          std::acos(-1.0) / 2 *
          (1 - (x * x + h * h - r * r) / std::sqrt(sum * sum - 4 * x * x * r * r));
      const Receiver receiver{{static_cast<float>(x), 0, static_cast<float>(1 - h)}, up, 0};
      const Estimate e = irradiance(lit.view(), receiver, 1 << 14);
      EXPECT_LT(std::abs(e.mean - expected), 5 * e.error + 1e-4 * expected) << x << ' ' << h;
      EXPECT_LT(e.error, 0.02 * expected) << x << ' ' << h;
    }
  }
}

TEST(TraceLight, BacksShineOnlyIfTheyAreMeantTo) {
  for (const bool both : {false, true}) {
    LitScene lit;
    lit.add_material({1, 1, 1}).emits_backwards = both;
    lit.add_quad({-1, -1, 0}, {2, 0, 0}, {0, 2, 0});  // the front is up
    lit.build();
    EXPECT_FLOAT_EQ(lit.scene.lights[0].power, 2 * pi * (both ? 2.0F : 1.0F));
    EXPECT_GT(irradiance(lit.view(), {{0, 0, 3}, {0, 0, -1}, 0}, 256).mean, 0.1);
    const double behind = irradiance(lit.view(), {{0, 0, -3}, up, 0}, 256).mean;
    EXPECT_EQ(behind > 0.1, both);
    EXPECT_EQ(behind == 0, !both);
  }
}

/// Every sample's density is what a ray that finds the same point is told. Returns the number of
/// samples that found a triangle.
int expect_same_pdfs(const LitScene& lit, const Receiver& receiver, std::uint32_t samples) {
  const SceneView view = lit.view();
  int found = 0;
  for (std::uint32_t i = 0; i < samples; ++i) {
    const BounceNumbers u = bounce_numbers({5, 1, i}, 0);
    LightSample s;
    if (!sample_light(view, receiver, u.light, u.light_point, s)) continue;
    float chance = 0;
    const std::uint32_t light = choose_light(view, receiver, u.light, chance);
    EXPECT_LT(light, view.light_count);
    EXPECT_EQ(chance, chance_of_light(view, receiver, light));
    if (view.lights[light].kind != LightView::Kind::triangle) continue;
    const Surface hit = hit_of(lit, light, receiver, s);
    const float cosine = std::abs(dot(s.direction, hit.geometric_normal));
    if (cosine < 1e-3F) continue;  // the point is not known well enough
    const float pdf = light_pdf(view, receiver, hit, s.distance);
    EXPECT_NEAR(pdf / s.pdf, 1, 1e-3);
    ++found;
  }
  return found;
}

/// Sum of the chances of all lights.
double sum_of_chances(const SceneView& view, const Receiver& receiver) {
  double sum = 0;
  for (std::uint32_t i = 0; i < view.light_count; ++i)
    sum += static_cast<double>(chance_of_light(view, receiver, i));
  return sum;
}

LitScene soup_of_lights(std::uint32_t count, float size, bool is_two_sided) {
  LitScene lit;
  Numbers numbers(count);
  const Shape shape = soup(count, count, size);
  for (std::uint32_t i = 0; i < count; ++i) {
    const float strength = numbers.between(0.1F, 4);
    lit.add_material({strength, strength, strength}).emits_backwards = is_two_sided;
    lit.add_mesh({shape.positions[3 * i], shape.positions[3 * i + 1], shape.positions[3 * i + 2]},
                 {0, 1, 2});
  }
  return lit;
}

TEST(TraceLight, DensitiesOfSamplesAreThoseOfHits) {
  for (const std::uint32_t count : {1U, 2U, 32U, 33U, 2000U}) {
    for (const bool is_two_sided : {false, true}) {
      LitScene lit = soup_of_lights(count, 0.4F, is_two_sided);
      lit.build({}, {.tint = {0.1F, 0.1F, 0.1F}});
      EXPECT_EQ(lit.scene.light_nodes.empty(), count <= 32);
      Numbers numbers(7);
      int found = 0;
      for (int i = 0; i < 10; ++i) {
        const Vec3 side = i % 2 == 0 ? numbers.direction() : Vec3{};
        found += expect_same_pdfs(lit, {numbers.in_box(1.5F), side, 0}, 300);
      }
      EXPECT_GT(found, 100);
    }
  }
}

TEST(TraceLight, ChancesOfAllLightsAddUp) {
  for (const std::uint32_t count : {2U, 32U, 33U, 10000U}) {
    LitScene lit = soup_of_lights(count, 0.05F, true);
    lit.build({{.kind = PunctualLight::Kind::directional}}, {.tint = {0.1F, 0.1F, 0.1F}});
    Numbers numbers(3);
    for (int i = 0; i < 3; ++i)
      EXPECT_NEAR(sum_of_chances(lit.view(), {numbers.in_box(1), {}, 0}), 1, 1e-4);
    // From a side, chances may be lost to lights that turn out to be behind, never more.
    const double sum = sum_of_chances(lit.view(), {{0, 0, 0}, up, 0});
    EXPECT_LE(sum, 1 + 1e-4);
    EXPECT_GT(sum, 0.5);
  }
}

TEST(TraceLight, TenThousandLightsGiveTheSumOfAll) {
  // All above the receiver's horizon, so that Lambert's formula holds for each.
  LitScene lit;
  Numbers numbers(9);
  const Shape shape = soup(4, 10000, 0.05F);
  for (std::uint32_t i = 0; i < 10000; ++i) {
    const float strength = i % 100 == 0 ? 50.0F : numbers.between(0, 1);
    lit.add_material({strength, strength, strength}).emits_backwards = i % 2 == 0;
    std::vector<Vec3> corners;
    for (std::uint32_t k = 0; k < 3; ++k)
      corners.push_back(shape.positions[3 * i + k] + Vec3{0, 0, 1.2F});
    lit.add_mesh(corners, {0, 1, 2});
  }
  lit.build();
  EXPECT_EQ(lit.scene.light_nodes.size(), 19999U);
  for (const Vec3 position : {Vec3{0, 0, 0}, Vec3{0.8F, -0.9F, 0.05F}, Vec3{3, 1, -2}}) {
    double expected = 0;
    for (std::uint32_t i = 0; i < 10000; ++i) {
      const auto c = lit.corners_of(i);
      // Positive if corners go clockwise from here: then the back is seen.
      const double e = polygon_irradiance({c[0], c[1], c[2]}, position, up);
      if (e > 0 && lit.scene.lights[i].is_one_sided) continue;
      expected += std::abs(e) * static_cast<double>(lit.scene.lights[i].radiance.x);
    }
    const Estimate e = irradiance(lit.view(), {position, up, 0}, 1 << 16);
    EXPECT_LT(std::abs(e.mean - expected), 4 * e.error);
    EXPECT_LT(e.error, 0.01 * expected);
  }
}

TEST(TraceLight, NothingShines) {
  LitScene lit;
  lit.add_material({0, 0, 0});
  lit.add_quad({0, 0, 0}, {1, 0, 0}, {0, 1, 0});
  lit.add_material({1, 1, 1}).is_unlit = true;
  lit.add_quad({0, 0, 0}, {1, 0, 0}, {0, 1, 0});
  lit.build({{.intensity = {0, 0, 0}}});
  LightSample s;
  EXPECT_FALSE(sample_light(lit.view(), {{0, 0, 1}, {}, 0}, 0.5F, {0.5F, 0.5F}, s));
  EXPECT_EQ(lit.scene.instances[0].first_emitter, -1);
  EXPECT_EQ(lit.scene.instances[1].first_emitter, -1);
  EXPECT_EQ(light_pdf(lit.view(), {{0, 0, 1}, {}, 0}, Surface{}, 1), 0);
  EXPECT_EQ(environment_pdf(lit.view(), {{0, 0, 1}, {}, 0}, up), 0);
  EXPECT_EQ(environment_radiance(lit.view(), up), Vec3{});
}

}  // namespace
}  // namespace sovren::trace
