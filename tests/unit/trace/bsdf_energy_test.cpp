// SPDX-License-Identifier: Apache-2.0
// In a white furnace, white material is not seen.
#include <algorithm>

#include "tests/unit/trace/one_material.h"

namespace sovren::trace {
namespace {

struct Mean {
  double value = 0, sigma = 0;
};

/// What light of radiance 1 from everywhere sends to wo.
Mean furnace(OneMaterial& one, Vec3 wo, int count, Draws& draws) {
  const Bsdf bsdf = one.at(wo);
  const SceneView view = one.view();
  double sum = 0, squares = 0;
  for (int i = 0; i < count; ++i) {
    const auto [lobe, u] = draws.next();
    BsdfSample s;
    if (!sample(view, bsdf, wo, lobe, u, s)) continue;
    const auto weight = static_cast<double>(s.weight.x);
    sum += weight;
    squares += weight * weight;
  }
  const double mean = sum / count;
  return {mean, std::sqrt(std::max(squares / count - mean * mean, 0.0) / count)};
}

TEST(BsdfEnergy, WhiteMaterialLosesNothing) {
  Draws draws(4);
  for (const auto smith : {RenderSettings::Smith::correlated, RenderSettings::Smith::separable}) {
    over_materials(roughness_grid, [&](const std::string& name, OneMaterial& one) {
      Material& m = one.material;
      m.base_color = m.specular_color = {1, 1, 1};
      if (!is_black(m.sheen_color)) m.sheen_color = {1, 1, 1};
      one.settings.smith = smith;
      for (const double z : cosine_grid) {
        // Of what is partly clear, the inner face is not white.
        const bool is_white = z > 0 || !m.is_solid || m.transmission == 1;
        const auto [mean, sigma] = furnace(one, direction_of(z, 0.3), 4000, draws);
        const double tolerance = 4 * sigma + (std::abs(z) < 0.1 ? 0.01 : 0.005);
        EXPECT_LE(mean, 1 + tolerance) << name << " " << z;
        EXPECT_GE(mean, is_white ? 1 - tolerance : 0.4) << name << " " << z;
      }
    });
  }
}

TEST(BsdfEnergy, WithoutCompensationAMetalSendsBackOneBounce) {
  Draws draws(5);
  constexpr float grid[] = {0.3F, 0.7F, 1.0F};
  over_materials(grid, [&](const std::string& name, OneMaterial& one) {
    if (one.material.metallic < 1) return;
    one.material.base_color = {1, 1, 1};
    one.settings.is_compensated = false;
    for (const double z : {0.2, 0.6, 1.0}) {
      const auto [mean, sigma] = furnace(one, direction_of(z, 0.3), 20000, draws);
      const float once =
          metal_albedo(one.view(), true, one.material.roughness, static_cast<float>(z));
      EXPECT_NEAR(mean, static_cast<double>(once), 4 * sigma + 0.004) << name << " " << z;
    }
  });
}

}  // namespace
}  // namespace sovren::trace
