// SPDX-License-Identifier: Apache-2.0
// GGX against plain sums in double precision, written from the papers' formulas.
#include "kernels/trace/ggx.h"

#include <algorithm>

#include "kernels/trace/albedo.h"
#include "tests/unit/trace/one_material.h"

namespace sovren::trace {
namespace {

double smith_lambda(double alpha, double z) {
  const double tan2 = (1 - z * z) / (z * z);
  return 0.5 * (std::sqrt(1 + alpha * alpha * tan2) - 1);
}
double shadowing(double alpha, double o, double i, bool is_correlated) {
  const double a = smith_lambda(alpha, o);
  const double b = smith_lambda(alpha, i);
  return is_correlated ? 1 / (1 + a + b) : 1 / ((1 + a) * (1 + b));
}

/// Share of light that a perfect mirror's microfacets send back in one bounce: the integral over
/// microfacets h, chosen with density D(h) cos h, of G2 (o.h) / (cos o cos h).
double plain_albedo(double alpha, double o, bool is_correlated) {
  constexpr int steps = 600, turns = 64;
  const double sine = std::sqrt(1 - o * o);
  double sum = 0;
  for (int j = 0; j < steps; ++j) {
    const double u = (j + 0.5) / steps;
    // Denser where microfacets are steep.
    const double v = 1 - (1 - u) * (1 - u) * (1 - u);
    const double weight = 3 * (1 - u) * (1 - u);
    const double tan_h = alpha * std::sqrt(v / (1 - v));
    const double cos_h = 1 / std::sqrt(1 + tan_h * tan_h);
    const double sin_h = tan_h * cos_h;
    for (int i = 0; i < turns; ++i) {
      const double phi = std::acos(-1.0) * (i + 0.5) / turns;
      const double o_h = sine * sin_h * std::cos(phi) + o * cos_h;
      const double wi = 2 * o_h * cos_h - o;
      if (o_h <= 0 || wi <= 0) continue;
      sum += weight * shadowing(alpha, o, wi, is_correlated) * o_h / (o * cos_h);
    }
  }
  return sum / (steps * turns);
}

TEST(Ggx, DirectionalAlbedo) {
  const BsdfTables tables = shared_tables().view();
  SceneView view;
  view.tables = tables;
  for (const bool is_correlated : {true, false}) {
    for (const double roughness : {0.1, 0.3, 0.45, 0.6, 0.8, 1.0}) {
      for (const double z : {0.05, 0.15, 0.3, 0.5, 0.8, 1.0}) {
        const double wanted = plain_albedo(roughness * roughness, z, is_correlated);
        EXPECT_NEAR(
            metal_albedo(view, is_correlated, static_cast<float>(roughness), static_cast<float>(z)),
            wanted, 0.003)
            << is_correlated << " " << roughness << " " << z;
      }
    }
  }
}

TEST(Ggx, MeanAlbedo) {
  SceneView view;
  view.tables = shared_tables().view();
  for (const bool is_correlated : {true, false}) {
    for (const double roughness : {0.2, 0.5, 1.0}) {
      double sum = 0;
      constexpr int count = 60;
      for (int i = 0; i < count; ++i) {
        const double z = (i + 0.5) / count;
        sum += 2 * z * plain_albedo(roughness * roughness, z, is_correlated) / count;
      }
      EXPECT_NEAR(metal_mean(view, is_correlated, static_cast<float>(roughness)), sum, 0.003);
    }
  }
}

TEST(Ggx, OneBounceOnAMirrorsMicrofacetsSendsBackThatMuch) {
  // The sampled lobe itself, without what the tables give back.
  Draws draws(1);
  for (const bool is_correlated : {true, false}) {
    for (const float alpha : {0.01F, 0.2F, 1.0F}) {
      for (const double z : {0.1, 0.5, 0.9}) {
        Interface s;
        s.alpha = alpha;
        s.is_correlated = is_correlated;
        s.metallic = 1;
        s.metal = s.metal_gain = {1, 1, 1};
        const Vec3 wo = direction_of(z, 2.0);
        double sum = 0, squares = 0;
        constexpr int count = 20000;
        for (int i = 0; i < count; ++i) {
          BsdfSample out;
          if (!sample_interface(s, wo, 0, draws.next().u, out)) continue;
          sum += static_cast<double>(out.weight.x);
          squares += static_cast<double>(out.weight.x * out.weight.x);
        }
        const double mean = sum / count;
        const double sigma = std::sqrt((squares / count - mean * mean) / count);
        EXPECT_NEAR(mean, plain_albedo(static_cast<double>(alpha), z, is_correlated),
                    4 * sigma + 1e-3)
            << is_correlated << " " << alpha << " " << z;
      }
    }
  }
}

TEST(Ggx, ProjectedMicrofacetsCoverTheSurfaceOnce) {
  for (const double alpha : {0.05, 0.3, 1.0}) {
    double sum = 0;
    constexpr int steps = 4000;
    for (int i = 0; i < steps; ++i) {
      const double angle = (i + 0.5) / steps * std::acos(0.0);
      const Vec3 h = direction_of(std::cos(angle), 0.5);
      sum += static_cast<double>(ggx_density(static_cast<float>(alpha), h)) * std::cos(angle) *
             std::sin(angle);
    }
    EXPECT_NEAR(sum * std::acos(0.0) / steps * 4 * std::acos(0.0), 1, 1e-3) << alpha;
  }
}

}  // namespace
}  // namespace sovren::trace
