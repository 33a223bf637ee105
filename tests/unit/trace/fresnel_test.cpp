// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/fresnel.h"

#include <algorithm>

#include "tests/unit/trace/one_material.h"

namespace sovren::trace {
namespace {

float reflectance(double cosine, double eta) {
  float cos_behind = 0;
  return fresnel_dielectric(static_cast<float>(cosine), static_cast<float>(eta), cos_behind);
}

TEST(Fresnel, ClosedForms) {
  for (const double n : {1.1, 1.333, 1.5, 2.4}) {
    EXPECT_NEAR(reflectance(1, n), std::pow((n - 1) / (n + 1), 2), 1e-6);
    EXPECT_NEAR(fresnel_normal(static_cast<float>(n)), std::pow((n - 1) / (n + 1), 2), 1e-6);
    // Brewster's angle: only light across the plane of incidence is reflected.
    const double brewster = std::cos(std::atan(n));
    EXPECT_NEAR(reflectance(brewster, n), 0.5 * std::pow((n * n - 1) / (n * n + 1), 2), 2e-6);
    EXPECT_NEAR(reflectance(1e-5, n), 1, 2e-4);
    // The critical angle from inside.
    const double critical = std::sqrt(1 - 1 / (n * n));
    EXPECT_EQ(reflectance(critical - 1e-4, 1 / n), 1);
    EXPECT_LT(reflectance(critical + 1e-3, 1 / n), 1);
  }
  EXPECT_NEAR(reflectance(0.3, 1), 0, 1e-12);
}

TEST(Fresnel, BothSidesReflectTheSameAlongOneWay) {
  for (double cosine = 0.05; cosine <= 1; cosine += 0.05) {
    const double behind = std::sqrt(1 - (1 - cosine * cosine) / 2.25);
    EXPECT_NEAR(reflectance(cosine, 1.5), reflectance(behind, 1 / 1.5), 5e-6);
  }
}

TEST(Fresnel, SmoothGlassObeysSnell) {
  Draws draws(1);
  for (const double n : {1.2, 1.5, 2.0}) {
    // Its index need not have tables: smooth surfaces use none.
    OneMaterial one(
        {.roughness = 0, .ior = static_cast<float>(n), .transmission = 1, .is_solid = true}, 0);
    for (double z = -0.95; z < 1; z += 0.1) {
      const Vec3 wo = direction_of(z, 0.4);
      const double eta = z > 0 ? n : 1 / n;
      const double sine = std::sqrt(1 - z * z);
      const bool is_total = sine > eta;
      int through = 0;
      constexpr int count = 2000;
      for (int i = 0; i < count; ++i) {
        const auto [lobe, u] = draws.next();
        BsdfSample s;
        ASSERT_TRUE(sample(one.view(), one.at(wo), wo, lobe, u, s));
        ASSERT_TRUE(s.is_delta);
        EXPECT_NEAR(s.weight.x, 1, 1e-5F);
        EXPECT_NEAR(dot(cross(wo, s.wi), {0, 0, 1}), 0, 1e-5F);  // in the plane of incidence
        const auto sine_i = static_cast<double>(root(square(s.wi.x) + square(s.wi.y)));
        if (s.is_transmission) {
          EXPECT_NEAR(sine_i, sine / eta, 1e-5);
          ++through;
        } else {
          EXPECT_NEAR(s.wi.z, wo.z, 1e-5F);
        }
        EXPECT_LE(s.wi.x * wo.x, 0);
      }
      const auto passed = 1 - static_cast<double>(reflectance(std::abs(z), eta));
      EXPECT_NEAR(static_cast<double>(through) / count, passed,
                  4 * std::sqrt(passed * (1 - passed) / count) + 1e-6)
          << n << " " << z;
      EXPECT_EQ(through == 0, is_total) << n << " " << z;
    }
  }
}

TEST(Fresnel, AThinSheetIsPassedUnbentAndReflectsAtBothFaces) {
  OneMaterial one({.base_color = {0.5F, 1, 1}, .roughness = 0, .transmission = 1}, 0);
  Draws draws(2);
  for (const double z : {1.0, 0.5, 0.1, -0.7}) {
    const Vec3 wo = direction_of(z, 1.1);
    double reflected_light = 0, passed = 0;
    constexpr int count = 4000;
    for (int i = 0; i < count; ++i) {
      const auto [lobe, u] = draws.next();
      BsdfSample s;
      ASSERT_TRUE(sample(one.view(), one.at(wo), wo, lobe, u, s));
      EXPECT_EQ(s.is_transmission, s.wi.z * wo.z < 0);
      (s.is_transmission ? passed : reflected_light) += static_cast<double>(s.weight.y);
      if (!s.is_transmission) continue;
      EXPECT_NEAR(length(s.wi + wo), 0, 1e-5F);
      EXPECT_NEAR(s.weight.x, 0.5F * s.weight.y, 1e-5F);
    }
    const auto r = static_cast<double>(reflectance(std::abs(z), 1.5));
    EXPECT_NEAR(reflected_light / count, 2 * r / (1 + r), 0.025);
    EXPECT_NEAR(passed / count, (1 - r) / (1 + r), 0.025);
  }
}

}  // namespace
}  // namespace sovren::trace
