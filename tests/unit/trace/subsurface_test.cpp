// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/subsurface.h"

#include <algorithm>

#include "tests/unit/trace/one_material.h"

namespace sovren::trace {
namespace {

struct Steps {
  std::vector<double> sum = std::vector<double>(3), squares = std::vector<double>(3);
  double reach = 0;  // mean distance between where light enters and leaves, weighed by red
  double count = 0;
};

/// Light that enters the half space z < 0 evenly, and what of it gets out.
Steps walk_half_space(const Bsdf& bsdf, int count, Draws& draws) {
  const Walk walk = walk_of(bsdf);
  Steps steps;
  for (int i = 0; i < count; ++i) {
    Vec3 position, throughput{1, 1, 1};
    Vec3 direction = -sample_cosine(draws.next().u);
    for (;;) {
      const auto [channel, u] = draws.next();
      const float distance = walk_distance(walk, throughput, channel, u.x);
      const float to_surface = direction.z > 0 ? -position.z / direction.z : infinity;
      const bool escaped = distance >= to_surface;
      const float way = escaped ? to_surface : distance;
      throughput *= walk_weight(walk, throughput, way, escaped);
      position += direction * way;
      if (escaped) {
        const float light[3] = {throughput.x, throughput.y, throughput.z};
        for (std::size_t c = 0; c < 3; ++c) {
          steps.sum[c] += static_cast<double>(light[c]);
          steps.squares[c] += static_cast<double>(light[c]) * static_cast<double>(light[c]);
        }
        steps.reach += static_cast<double>(throughput.x) *
                       std::hypot(static_cast<double>(position.x), static_cast<double>(position.y));
        break;
      }
      const float chance = std::min(largest(throughput), 1.0F);
      if (!(u.y < chance)) break;
      throughput *= 1 / chance;
      direction = walk_turn(walk, direction, draws.next().u);
    }
    steps.count += 1;
  }
  return steps;
}

Bsdf body_of(Vec3 color, Vec3 radius, float anisotropy) {
  const Material skin{.base_color = color,
                      .roughness = 0.5F,
                      .specular = 0,
                      .subsurface = 1,
                      .subsurface_radius = radius,
                      .subsurface_anisotropy = anisotropy};
  OneMaterial one(skin, 0);
  return one.at({0, 0, 1});
}

TEST(Subsurface, AThickBodyHasTheWantedColor) {
  Draws draws(1);
  const Vec3 colors[] = {{0.1F, 0.3F, 0.5F}, {0.8F, 0.6F, 0.2F}, {0.9F, 0.7F, 0.4F}};
  for (const float anisotropy : {0.0F, 0.5F, -0.3F}) {
    for (const Vec3 color : colors) {
      const Bsdf bsdf = body_of(color, {1, 0.4F, 0.2F}, anisotropy);
      const Steps steps = walk_half_space(bsdf, 8000, draws);
      const float wanted[3] = {color.x, color.y, color.z};
      for (std::size_t c = 0; c < 3; ++c) {
        const double mean = steps.sum[c] / steps.count;
        const double sigma =
            std::sqrt((steps.squares[c] / steps.count - mean * mean) / steps.count);
        EXPECT_NEAR(mean, static_cast<double>(wanted[c]), 0.01 + 3.5 * sigma)
            << anisotropy << " channel " << c;
        EXPECT_LT(sigma, 0.02);  // the channels' choice of distances is no worse than one's own
      }
    }
  }
}

TEST(Subsurface, LightSpreadsAsFarAsTheMeanFreePathSays) {
  Draws narrow(2), wide(2);
  const Vec3 color{0.7F, 0.7F, 0.7F};
  const Steps a = walk_half_space(body_of(color, {1, 1, 1}, 0), 3000, narrow);
  const Steps b = walk_half_space(body_of(color, {8, 8, 8}, 0), 3000, wide);
  EXPECT_NEAR(b.reach / a.reach, 8, 0.05);
  EXPECT_NEAR(b.sum[0], a.sum[0], 1e-3 * a.sum[0]);
}

TEST(Subsurface, TurnsHaveTheWantedMeanCosine) {
  Draws draws(3);
  for (const float g : {-0.7F, -0.2F, 0.0F, 0.4F, 0.9F}) {
    const Walk walk{{1, 1, 1}, {1, 1, 1}, g};
    const Vec3 w = normalized(Vec3{0.3F, -0.5F, 0.2F});
    Vec3 sum;
    constexpr int count = 40000;
    for (int i = 0; i < count; ++i) sum += walk_turn(walk, w, draws.next().u);
    const Vec3 mean = sum / static_cast<float>(count);
    EXPECT_NEAR(dot(mean, w), g, 0.015F);
    EXPECT_NEAR(length(mean - w * dot(mean, w)), 0, 0.015F) << g;  // no side is preferred
  }
}

TEST(Subsurface, LightLeavesByWhiteLambert) {
  OneMaterial one(Material{.specular = 0}, 0);
  for (const bool is_front : {true, false}) {
    one.surface.is_front = is_front;
    const Bsdf bsdf = exit_bsdf(one.surface);
    const float up = is_front ? -1.0F : 1.0F;
    EXPECT_NEAR(evaluate(one.view(), bsdf, {0, 0, -up}, {0, 0, up}).value.y, inverse_pi, 1e-6F);
    EXPECT_EQ(evaluate(one.view(), bsdf, {0, 0, -up}, {0, 0, -up}).value.y, 0);
    BsdfSample s;
    ASSERT_TRUE(sample(one.view(), bsdf, {0, 0, -up}, 0.5F, {0.3F, 0.7F}, s));
    EXPECT_GT(s.wi.z * up, 0);
    EXPECT_EQ(s.weight, (Vec3{1, 1, 1}));
  }
}

TEST(Subsurface, WhatEntersAndWhatIsReflectedIsAllThereIs) {
  Material skin{.roughness = 0.4F, .subsurface = 1};
  OneMaterial one(skin, 0);
  Draws draws(4);
  for (const double z : {1.0, 0.6, 0.2}) {
    const Vec3 wo = direction_of(z, 0.3);
    const Bsdf bsdf = one.at(wo);
    double sum = 0;
    constexpr int count = 20000;
    int entered = 0;
    for (int i = 0; i < count; ++i) {
      const auto [lobe, u] = draws.next();
      BsdfSample s;
      if (!sample(one.view(), bsdf, wo, lobe, u, s)) continue;
      sum += static_cast<double>(s.weight.x);
      EXPECT_EQ(s.is_subsurface, s.wi.z < 0);
      entered += s.is_subsurface ? 1 : 0;
    }
    EXPECT_NEAR(sum / count, 1, 0.01) << z;
    EXPECT_GT(entered, count / 10);
  }
}

}  // namespace
}  // namespace sovren::trace
