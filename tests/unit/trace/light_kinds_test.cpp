// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/trace/light.h"
#include "kernels/trace/light_tree_build.h"
#include "tests/unit/trace/lit_scene.h"
#include "tests/unit/trace/scenes.h"

namespace sovren::trace {
namespace {

constexpr Vec3 up{0, 0, 1};
using Kind = PunctualLight::Kind;

/// The only light of a scene, as seen from a receiver.
bool only_light(const PunctualLight& light, const Receiver& receiver, LightSample& s) {
  LitScene lit;
  lit.build({light});
  return sample_light(lit.view(), receiver, 0.3F, {0.1F, 0.9F}, s);
}

TEST(TracePunctualLight, PointFallsWithTheSquareOfTheDistance) {
  LightSample s;
  const PunctualLight light{.position = {0, 0, 5}, .intensity = {8, 4, 2}};
  ASSERT_TRUE(only_light(light, {{0, 0, 1}, up, 0}, s));
  EXPECT_TRUE(s.is_delta);
  EXPECT_EQ(s.pdf, 1);
  EXPECT_EQ(s.radiance, (Vec3{0.5F, 0.25F, 0.125F}));
  EXPECT_EQ(s.direction, up);
  EXPECT_EQ(s.distance, 4);
  EXPECT_FALSE(only_light(light, {{0, 0, 6}, up, 0}, s));  // behind
  EXPECT_TRUE(only_light(light, {{0, 0, 6}, {}, 0}, s));   // of no matter
  EXPECT_FALSE(only_light(light, {{0, 0, 5}, {}, 0}, s));  // in it
}

TEST(TracePunctualLight, DirectionalIsTheSameEverywhere) {
  LightSample s;
  const PunctualLight sun{
      .kind = Kind::directional, .direction = {0, 0, -1}, .intensity = {3, 2, 1}};
  ASSERT_TRUE(only_light(sun, {{9, -7, 100}, up, 0}, s));
  EXPECT_EQ(s.radiance, (Vec3{3, 2, 1}));
  EXPECT_EQ(s.direction, up);
  EXPECT_EQ(s.distance, infinity);
  EXPECT_FALSE(only_light(sun, {{}, -up, 0}, s));
}

TEST(TracePunctualLight, SpotFallsFromItsInnerToItsOuterAngle) {
  const PunctualLight spot{.kind = Kind::spot,
                           .position = {0, 0, 2},
                           .direction = {0, 0, -1},
                           .intensity = {1, 1, 1},
                           .cos_inner = 0.9F,
                           .cos_outer = 0.8F};
  const auto at = [&](double cosine) {
    const double angle = std::acos(cosine);
    const Vec3 position{static_cast<float>(std::sin(angle)), 0,
                        static_cast<float>(2 - std::cos(angle))};
    LightSample s;
    return only_light(spot, {position, {}, 0}, s) ? s.radiance.x : 0.0F;
  };
  EXPECT_FLOAT_EQ(at(1), 1);
  EXPECT_FLOAT_EQ(at(0.901), 1);
  EXPECT_NEAR(at(0.85), 0.25, 1e-4);  // half way, squared
  EXPECT_EQ(at(0.799), 0);
  EXPECT_EQ(at(-1), 0);
}

TEST(TracePunctualLight, TreeOfSpotsGivesTheSumOfAll) {
  std::vector<PunctualLight> lights;
  Numbers numbers(8);
  for (int i = 0; i < 300; ++i) {
    lights.push_back({.kind = i % 3 == 0 ? Kind::point : Kind::spot,
                      .position = numbers.in_box(1),
                      .direction = numbers.direction(),
                      .intensity = Vec3{1, 1, 1} * numbers.between(0.1F, 2),
                      .cos_inner = 0.7F,
                      .cos_outer = numbers.between(-0.8F, 0.6F)});
  }
  LitScene lit;
  lit.build(lights);
  EXPECT_EQ(lit.scene.light_nodes.size(), 599U);
  for (const Receiver& receiver :
       {Receiver{{0.1F, 0.2F, 0}, up, 0}, Receiver{{2, 0, -1}, {-1, 0, 0}, 0}}) {
    double expected = 0;
    for (const PunctualLight& light : lights) {
      LightSample s;
      if (only_light(light, receiver, s))
        expected += static_cast<double>(s.radiance.x * dot(s.direction, receiver.side));
    }
    const Estimate e = irradiance(lit.view(), receiver, 1 << 16);
    EXPECT_LT(std::abs(e.mean - expected), 4 * e.error);
    EXPECT_LT(e.error, 0.02 * expected);
  }
}

TEST(TraceLightShares, NearAndFarLightsBothGetTheirs) {
  LitScene lit;
  lit.add_material({1e-4F, 1e-4F, 1e-4F});
  lit.add_quad({-1, -1, 1}, {0, 2, 0}, {2, 0, 0});
  lit.build({{.kind = Kind::directional, .intensity = {1, 1, 1}}}, {.tint = {1, 1, 1}});
  const SceneView view = lit.view();
  ASSERT_EQ(view.light_count, 4U);
  EXPECT_EQ(view.placed_light_count, 2U);
  const Receiver r;
  EXPECT_NEAR(chance_of_light(view, r, 0) + chance_of_light(view, r, 1), 0.25, 1e-6);
  // Irradiance 1 and 4 pi on the same disk.
  const double sky = 4 * std::acos(-1.0);
  EXPECT_NEAR(chance_of_light(view, r, 2), 0.75 / (1 + sky), 1e-6);
  EXPECT_NEAR(chance_of_light(view, r, 3), 0.75 * sky / (1 + sky), 1e-6);
  EXPECT_EQ(view.environment.chance, chance_of_light(view, r, 3));
}

/// A quad of side 1 at z = 1 that shines down and moves from x = 0 to x = 4 and, where `grows`, to
/// three times its size.
LitScene moving_quad(bool by_instance, bool grows) {
  LitScene lit;
  lit.add_material({1, 1, 1});
  MeshView& mesh = lit.add_mesh(
      {{-0.5F, -0.5F, 1}, {-0.5F, 0.5F, 1}, {0.5F, 0.5F, 1}, {0.5F, -0.5F, 1}}, {0, 1, 2, 0, 2, 3});
  InstanceView& instance = lit.scene.instances[0];
  const float scale = grows ? 3.0F : 1.0F;
  if (by_instance) {
    instance.is_identity = false;
    instance.is_moving = true;
    instance.world_from_object_end = {{{scale, 0, 0}, {0, scale, 0}, {0, 0, 1}}, {4, 0, 0}};
  } else {
    mesh.first_position_end = 0;
    for (const Vec3 p : lit.scene.positions)
      lit.scene.positions_end.push_back({p.x * scale + 4, p.y * scale, p.z});
  }
  lit.build();
  return lit;
}

TEST(TraceMovingLight, ShinesFromWhereItIs) {
  for (const bool by_instance : {false, true}) {
    for (const bool grows : {false, true}) {
      const LitScene lit = moving_quad(by_instance, grows);
      for (const float time : {0.0F, 0.3F, 1.0F}) {
        const float h = 0.5F * (1 + (grows ? 2.0F * time : 0.0F));
        const float x = 4 * time;
        const std::vector<Vec3> corners{
            {x - h, -h, 1}, {x - h, h, 1}, {x + h, h, 1}, {x + h, -h, 1}};
        for (const Vec3 eye : {Vec3{1, 0, -2}, Vec3{x, 0.1F, 0.6F}}) {
          const Receiver receiver{eye, up, time};
          const double expected = std::abs(polygon_irradiance(corners, eye, up));
          const Estimate e = irradiance(lit.view(), receiver, 1 << 13);
          EXPECT_LT(std::abs(e.mean - expected), 4 * e.error + 1e-4 * expected);
          EXPECT_LT(e.error, 0.02 * expected);
          LightSample s;
          ASSERT_TRUE(sample_light(lit.view(), receiver, 0.2F, {0.3F, 0.6F}, s));
          float chance = 0;
          const std::uint32_t light = choose_light(lit.view(), receiver, 0.2F, chance);
          const Surface hit = hit_of(lit, light, receiver, s);
          EXPECT_NEAR(light_pdf(lit.view(), receiver, hit, s.distance) / s.pdf, 1, 1e-4);
        }
      }
    }
  }
}

TEST(TraceMovingLight, ManyAreFoundByTheTree) {
  LitScene lit;
  Numbers numbers(6);
  lit.add_material({1, 1, 1});
  for (int i = 0; i < 50; ++i) {
    const Vec3 a = numbers.in_box(1);
    lit.add_mesh({a, a + numbers.in_box(0.3F), a + numbers.in_box(0.3F)}, {0, 1, 2});
    InstanceView& instance = lit.scene.instances.back();
    instance.is_identity = false;
    instance.is_moving = true;
    const Frame turned = frame_about(numbers.direction());
    instance.world_from_object_end = {{turned.x, turned.y, turned.z}, numbers.in_box(1)};
  }
  lit.build();
  EXPECT_FALSE(lit.scene.light_nodes.empty());
  const Receiver receiver{{0.2F, 0.1F, -4}, up, 0.6F};
  double expected = 0;
  for (std::uint32_t i = 0; i < 50; ++i) {
    const auto c = lit.corners_of(i, 0.6F);
    expected += std::abs(polygon_irradiance({c[0], c[1], c[2]}, receiver.position, up));
  }
  const Estimate e = irradiance(lit.view(), receiver, 1 << 15);
  EXPECT_LT(std::abs(e.mean - expected), 4 * e.error);
  EXPECT_LT(e.error, 0.02 * expected);
}

TEST(TraceTexturedLight, ShinesAsItsTextureSays) {
  LitScene lit;
  lit.add_material({2, 2, 2}).emission_texture.texture = 0;
  lit.add_quad({-0.5F, -0.5F, 1}, {0, 1, 0}, {1, 0, 0});
  Texture t;
  t.width = 2;
  t.height = 1;
  t.format = Texture::Format::float32;
  t.filter = Texture::Filter::nearest;
  t.wrap_u = Texture::Wrap::clamp;
  const float texels[8] = {1, 1, 1, 1, 0.25F, 0.25F, 0.25F, 1};
  t.texels.resize(sizeof texels);
  std::memcpy(t.texels.data(), texels, sizeof texels);
  lit.scene.textures.push_back(std::move(t));
  lit.build();
  // u goes along the first edge, y: below 0 the texture is 1, above a quarter.
  const std::vector<Vec3> bright{{-0.5F, -0.5F, 1}, {-0.5F, 0, 1}, {0.5F, 0, 1}, {0.5F, -0.5F, 1}};
  const std::vector<Vec3> dim{{-0.5F, 0, 1}, {-0.5F, 0.5F, 1}, {0.5F, 0.5F, 1}, {0.5F, 0, 1}};
  for (const Vec3 eye : {Vec3{0, -1, -1}, Vec3{0.1F, 0.2F, 0.6F}}) {
    const double expected = std::abs(2 * polygon_irradiance(bright, eye, up)) +
                            std::abs(0.5 * polygon_irradiance(dim, eye, up));
    const Estimate e = irradiance(lit.view(), {eye, up, 0}, 1 << 15);
    EXPECT_LT(std::abs(e.mean - expected), 4 * e.error);
    EXPECT_LT(e.error, 0.01 * expected);
  }
  // Power: area 1/2, both sides, mean of the texture over the triangle; 5/8 in all.
  const float power = 0.5F * 2 * pi * 2;
  EXPECT_NEAR((lit.scene.lights[0].power + lit.scene.lights[1].power) / power, 2 * 0.625, 0.02);
  EXPECT_LT(lit.scene.lights[0].power, lit.scene.lights[1].power);
}

TEST(TraceTexturedLight, LosesWhatIsTransparent) {
  for (const auto mode : {Material::Alpha::blend, Material::Alpha::mask}) {
    LitScene lit;
    Material& m = lit.add_material({2, 2, 2});
    m.alpha_mode = mode;
    m.base_color_texture.texture = 0;
    lit.add_quad({-0.5F, -0.5F, 1}, {0, 1, 0}, {1, 0, 0});
    Texture t;
    t.width = t.height = 1;
    t.texels = {std::byte{255}, std::byte{255}, std::byte{255}, std::byte{102}};  // alpha 0.4
    lit.scene.textures.push_back(std::move(t));
    lit.build();
    const std::vector<Vec3> corners{
        {-0.5F, -0.5F, 1}, {-0.5F, 0.5F, 1}, {0.5F, 0.5F, 1}, {0.5F, -0.5F, 1}};
    const double full = std::abs(2 * polygon_irradiance(corners, {}, up));
    const double seen = irradiance(lit.view(), {{}, up, 0}, 1 << 13).mean;
    EXPECT_NEAR(seen / full, mode == Material::Alpha::blend ? 0.4 : 0, 2e-3);
    EXPECT_EQ(lit.scene.lights[0].power > 0, mode == Material::Alpha::blend);
  }
}

TEST(TraceMirroredLight, FrontIsWhereTheNormalPoints) {
  LitScene lit;
  lit.add_material({1, 1, 1}).emits_backwards = false;
  lit.add_quad({-1, -1, 0}, {2, 0, 0}, {0, 2, 0});  // the front is up
  InstanceView& instance = lit.scene.instances[0];
  instance.is_identity = false;
  instance.is_mirrored = true;
  instance.world_from_object = {{{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {}};
  instance.world_from_object_end = instance.world_from_object;
  lit.build();
  EXPECT_EQ(lit.scene.lights[0].direction, up);
  EXPECT_GT(irradiance(lit.view(), {{0, 0, 3}, -up, 0}, 64).mean, 0.1);
  EXPECT_EQ(irradiance(lit.view(), {{0, 0, -3}, up, 0}, 64).mean, 0);
}

TEST(TraceLightCone, HoldsBoth) {
  Numbers numbers(5);
  for (int i = 0; i < 200; ++i) {
    const Cone a{numbers.direction(), numbers.between(0, 1.5F)};
    const Cone b{numbers.direction(), numbers.between(0, 1.5F)};
    const Cone c = cone_of(a, b);
    for (const Cone& part : {a, b}) {
      for (int k = 0; k < 20; ++k) {
        // A direction on the part's edge.
        const Vec3 across = part_across(numbers.direction(), part.axis);
        const Vec3 d = part.axis * std::cos(part.angle) + across * std::sin(part.angle);
        EXPECT_GE(dot(d, c.axis), std::cos(c.angle) - 1e-4F);
      }
    }
  }
  EXPECT_EQ(cone_of({up, 0.1F}, {-up, 0.1F}).angle, pi);
  EXPECT_EQ(cone_of({up, 1}, {normalized({0.1F, 0, 1}), 0.5F}).angle, 1);
}

}  // namespace
}  // namespace sovren::trace
