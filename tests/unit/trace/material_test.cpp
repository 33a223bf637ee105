// SPDX-License-Identifier: Apache-2.0
// From a material and its textures to a Bsdf; and whatever the numbers, none is lost.
#include <algorithm>
#include <array>

#include "kernels/trace/material_at.h"
#include "tests/unit/trace/one_material.h"

namespace sovren::trace {
namespace {

/// One texel everywhere.
struct OneTexel {
  std::array<float, 4> texel;
  TextureView texture;
  explicit OneTexel(std::array<float, 4> t) : texel(t) {
    texture.levels[0] = texel.data();
    texture.level_count = texture.width = texture.height = 1;
    texture.format = Texture::Format::float32;
  }
  OneTexel(const OneTexel&) = delete;
  OneTexel& operator=(const OneTexel&) = delete;
};

Bsdf textured(OneMaterial& one, const OneTexel& texel, Vec3 wo) {
  SceneView view = one.view();
  view.textures = &texel.texture;
  one.surface.is_front = wo.z >= 0;
  return bsdf_at(view, one.settings, one.surface, wo);
}

TEST(Materials, ANormalMapTurnsTheNormalOnBothSides) {
  const OneTexel map({0.5F + 0.3F, 0.5F, 0.5F + 0.4F, 1});  // (0.6, 0, 0.8)
  for (const float specular : {0.0F, 1.0F}) {
    OneMaterial one(Material{.normal_texture = {.texture = 0}, .specular = specular}, 0);
    one.surface.frame = {{0, 1, 0}, {-1, 0, 0}, {0, 0, 1}};
    const Vec3 front = textured(one, map, {0, 0, 1}).frame.z;
    EXPECT_NEAR(length(front - Vec3{0, 0.6F, 0.8F}), 0, 1e-5F);
    const Vec3 back = textured(one, map, {0, 0, -1}).frame.z;
    EXPECT_NEAR(length(back + front), 0, 1e-5F);
    one.material.normal_scale = 0;
    EXPECT_NEAR(textured(one, map, {0, 0, 1}).frame.z.z, 1, 1e-6F);
  }
  const OneTexel along_y({0.5F, 0.5F + 0.3F, 0.5F + 0.4F, 1});
  OneMaterial one(Material{.normal_texture = {.texture = 0}, .specular = 0}, 0);
  one.surface.frame = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  one.surface.bitangent_sign = -1;
  EXPECT_NEAR(textured(one, along_y, {0, 0, 1}).frame.z.y, -0.6F, 1e-5F);
}

TEST(Materials, AMirrorsNormalNeverSendsLightIntoTheSurface) {
  Draws draws(1);
  for (int i = 0; i < 20000; ++i) {
    const Vec3 side{0, 0, 1};
    const Vec3 wo = sample_cosine(draws.next().u);
    const Vec3 n = normalized(sample_cosine(draws.next().u) + Vec3{0, 0, 1e-3F});
    const Vec3 usable = usable_normal(n, side, wo);
    ASSERT_NEAR(length(usable), 1, 1e-4F);
    ASSERT_GT(dot(usable, wo), 0);
    ASSERT_GE(dot(reflected(wo, usable), side), -1e-4F);
    const bool is_usable = dot(n, wo) > 0 && dot(reflected(wo, n), side) > 0.01F;
    ASSERT_TRUE(usable == n || !is_usable);
  }
}

TEST(Materials, TexturesMultiplyNumbers) {
  const OneTexel texel({0.5F, 0.25F, 0.75F, 0.4F});
  const TextureRef ref{.texture = 0};
  OneMaterial one(Material{.base_color = {0.8F, 0.8F, 0.8F},
                           .base_color_texture = ref,
                           .metallic = 0.8F,
                           .roughness = 0.6F,
                           .metallic_roughness_texture = ref},
                  0);
  one.surface.color = {1, 1, 0.5F, 1};
  const Interface s = textured(one, texel, {0, 0, 1}).layers.interface;
  EXPECT_NEAR(s.roughness, 0.15F, 1e-6F);
  EXPECT_NEAR(s.metallic, 0.6F, 1e-6F);
  EXPECT_NEAR(length(s.metal - Vec3{0.4F, 0.2F, 0.3F}), 0, 1e-6F);
  // KHR_materials_specular.
  Material& m = one.material;
  m = Material{.metallic = 0,
               .specular = 0.5F,
               .specular_texture = ref,
               .specular_color = {1, 2, 30},
               .specular_color_texture = ref};
  const Interface d = textured(one, texel, {0, 0, 1}).layers.interface;
  EXPECT_NEAR(d.high, 0.2F, 1e-6F);
  EXPECT_NEAR(length(d.low - Vec3{0.04F * 0.5F, 0.04F * 0.5F, 0.9F} * 0.2F), 0, 1e-6F);
}

TEST(Materials, LightAndOpacity) {
  const OneTexel texel({0.5F, 0.25F, 0.75F, 0.4F});
  const TextureRef ref{.texture = 0};
  OneMaterial one(Material{.base_color_texture = ref,
                           .emission = {4, 4, 4},
                           .emission_texture = ref,
                           .emits_backwards = false},
                  0);
  SceneView view = one.view();
  view.textures = &texel.texture;
  EXPECT_EQ(emission_at(view, one.surface), (Vec3{2, 1, 3}));
  one.surface.is_front = false;
  EXPECT_TRUE(is_black(emission_at(view, one.surface)));
  one.material.emits_backwards = true;
  EXPECT_EQ(emission_at(view, one.surface), (Vec3{2, 1, 3}));
  EXPECT_EQ(opacity_at(view, one.surface), 1);
  one.material.alpha_mode = Material::Alpha::blend;
  one.material.alpha = 0.5F;
  one.surface.color.w = 0.5F;
  EXPECT_NEAR(opacity_at(view, one.surface), 0.1F, 1e-6F);
  one.material.alpha_mode = Material::Alpha::mask;
  EXPECT_EQ(opacity_at(view, one.surface), 0);
  one.material.alpha_cutoff = 0.1F;
  EXPECT_EQ(opacity_at(view, one.surface), 1);
  one.material.is_unlit = true;
  EXPECT_EQ(emission_at(view, one.surface), (Vec3{0.5F, 0.25F, 0.75F}));
  EXPECT_TRUE(is_smooth(one.at({0, 0, 1})));
}

TEST(Materials, AttenuationLeavesTheColorAfterItsDistance) {
  const Material m{.attenuation_color = {0.5F, 1, 0.1F}, .attenuation_distance = 3};
  const Vec3 a = attenuation_of(m);
  EXPECT_NEAR(exp_of(-3 * a.x), 0.5F, 1e-5F);
  EXPECT_EQ(a.y, 0);
  EXPECT_NEAR(exp_of(-3 * a.z), 0.1F, 1e-5F);
  EXPECT_TRUE(is_black(attenuation_of(Material{.attenuation_color = {0, 0, 0}})));
}

/// Some material, often at the ends of what is allowed.
struct Extremes {
  Draws draws;
  float any() {
    const auto [x, u] = draws.next();
    return x < 0.2F ? 0.0F : x < 0.4F ? 1.0F : u.x;
  }
  Vec3 color() { return {any(), any(), any()}; }
  Vec3 direction() {
    const Vec2 u = draws.next().u;
    const float x = draws.next().lobe;
    const float z = x < 0.3F ? (2 * u.x - 1) * 1e-4F : 2 * u.x - 1;
    return direction_of(static_cast<double>(z), static_cast<double>(u.y) * 6.2831853);
  }
  Material material(const Material& like) {
    Material m = like;
    const TextureRef ref{.texture = any() < 0.5F ? 0 : -1};
    m.base_color = color();
    m.metallic = any();
    m.roughness = any() < 0.3F ? 0.03F * any() : any();
    m.metallic_roughness_texture = m.normal_texture = m.clearcoat_normal_texture = ref;
    m.normal_scale = 3 * any();
    m.specular = any();
    m.specular_color = color() * 4;
    m.transmission = any();
    m.is_solid = any() < 0.5F;
    m.clearcoat = any();
    m.clearcoat_roughness = any();
    m.sheen_color = color();
    m.sheen_roughness = any();
    m.subsurface = any();
    m.subsurface_radius = color();
    m.subsurface_anisotropy = 2 * any() - 1;
    return m;
  }
};

bool is_good(Vec3 a, float pdf) {
  const auto fits = [](float x) { return x >= 0 && x < 1e30F; };
  return fits(a.x) && fits(a.y) && fits(a.z) && fits(pdf);
}

TEST(Materials, NoNumbersAreLostWhateverTheyAre) {
  Extremes some{Draws(5)};
  Material like[] = {Material{.ior = 0}, Material{.ior = 1}, Material{.ior = 1.005F},
                     Material{.ior = 1.5F}, Material{.ior = 4}};
  for (Material& m : like) m.clearcoat = m.sheen_color.x = 1;
  const BsdfTableData tables = make_bsdf_tables(like);
  for (int i = 0; i < 40000; ++i) {
    const auto number = static_cast<std::size_t>(i % 5);
    const Vec3 normal_map = some.color();
    const OneTexel texel({normal_map.x, normal_map.y, normal_map.z, some.any()});
    OneMaterial one(some.material(like[number]), 0);
    one.tables = tables.view();
    one.tables.dielectric_of_material += number;
    SceneView view = one.view();
    view.textures = &texel.texture;
    one.surface.geometric_normal = some.direction();
    one.surface.frame = frame_about(some.direction());
    const Vec3 wo = some.direction();
    one.surface.is_front = dot(wo, one.surface.geometric_normal) >= 0;
    const Bsdf bsdf = bsdf_at(view, one.settings, one.surface, wo);
    const Vec3 albedo = albedo_of(view, bsdf, wo);
    ASSERT_TRUE(is_good(albedo, 0)) << i;
    for (int j = 0; j < 12; ++j) {
      const Vec3 wi = j == 0 ? -wo : j == 1 ? wo : some.direction();
      const BsdfValue v = evaluate(view, bsdf, wo, wi);
      ASSERT_TRUE(is_good(v.value, v.pdf)) << i;
      ASSERT_TRUE(v.pdf > 0 || is_black(v.value)) << i;
      const auto [lobe, u] = some.draws.next();
      BsdfSample s;
      if (!sample(view, bsdf, wo, lobe, u, s)) continue;
      ASSERT_TRUE(is_good(s.weight, s.pdf)) << i;
      ASSERT_GT(s.pdf, 0);
      ASSERT_NEAR(length(s.wi), 1, 1e-3F) << i;
      ASSERT_EQ(s.is_transmission, dot(s.wi, bsdf.side) < 0) << i;
    }
  }
}

}  // namespace
}  // namespace sovren::trace
