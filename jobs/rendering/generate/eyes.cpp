// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/generate/eyes.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "jobs/rendering/generate/distance.h"
#include "jobs/rendering/generate/head.h"
#include "jobs/rendering/generate/scene_parts.h"
#include "jobs/rendering/generate/shapes.h"
#include "kernels/trace/math.h"

namespace sovren::jobs {
namespace {

using trace::Material;
using trace::Mesh;
using trace::mix;
using trace::Vec2;
using trace::Vec3;

// Of one eye, about its middle: the axis is y until it is turned. Centimetres.
constexpr float limbus_radius = 0.6F;  ///< where the white ends
constexpr float cornea_radius = 0.78F;
constexpr float pupil_radius = 0.2F;

/// Height of the white's ball at the limbus: the cornea's ball meets it there.
float limbus_height() {
  return trace::root(eye_radius * eye_radius - limbus_radius * limbus_radius);
}

Mesh white_mesh(int segments) {
  const float last = trace::pi / 2 - trace::arc_tan2(limbus_radius, limbus_height());
  std::vector<Vec2> profile;
  const int rings = segments / 2;
  for (int i = 0; i <= rings; ++i) {
    const float angle =
        mix(-trace::pi / 2, last, static_cast<float>(i) / static_cast<float>(rings));
    profile.push_back({i == 0 ? 0 : eye_radius * cosine(angle), eye_radius * sine(angle)});
  }
  Mesh mesh = lathe(profile, segments);
  mesh.uv[0].clear();
  for (const Vec3 p : mesh.positions) {
    const float off = trace::root(p.x * p.x + p.z * p.z);
    Vec3 color{0.86F, 0.82F, 0.78F};
    // Redder away from the iris, with veins; grey where it goes over into it.
    const float veins = 1 - trace::magnitude(noise(p * 4.5F)) * 2.2F;
    const float red = step_between(0.75F, 1.15F, off);
    color = mix(color, {0.8F, 0.55F, 0.5F}, 0.3F * red + 0.35F * red * std::max(veins, 0.0F));
    color = mix(color, {0.45F, 0.46F, 0.47F}, 0.6F * step_between(0.68F, 0.6F, off));
    mesh.colors.push_back({color.x, color.y, color.z, 1});
  }
  return mesh;
}

Vec3 iris_color(float off, float angle) {
  const float share = (off - pupil_radius) / (limbus_radius - pupil_radius);
  const float x = cosine(angle), y = sine(angle);
  const float fibres = noise({x * 9, y * 9, off * 2.5F}) + 0.6F * noise({x * 21, y * 21, off * 4});
  Vec3 color = mix(Vec3{0.16F, 0.3F, 0.38F}, Vec3{0.1F, 0.22F, 0.33F}, share);
  color =
      mix(color, {0.36F, 0.24F, 0.1F}, 0.75F * step_between(0.42F, 0.05F, share + 0.12F * fibres));
  color *= 1 + 0.55F * fibres;
  const float ring = step_between(0.75F, 1.0F, share) + step_between(0.06F, 0, share);
  return mix(color, {0.015F, 0.02F, 0.025F}, 0.85F * std::min(ring, 1.0F));
}

/// A shallow cone from under the white's edge to the pupil, and the black behind it.
Mesh iris_mesh(int segments) {
  std::vector<Vec2> profile;
  constexpr int rings = 14;
  for (int i = 0; i <= rings; ++i) {
    const float share = static_cast<float>(i) / rings;
    profile.push_back({mix(limbus_radius + 0.22F, pupil_radius, share), mix(0.84F, 0.92F, share)});
  }
  Mesh mesh = lathe(profile, segments);
  mesh.uv[0].clear();
  for (const Vec3 p : mesh.positions) {
    const Vec3 color = iris_color(trace::root(p.x * p.x + p.z * p.z), trace::arc_tan2(p.x, p.z));
    mesh.colors.push_back(
        {std::max(color.x, 0.0F), std::max(color.y, 0.0F), std::max(color.z, 0.0F), 1});
  }
  return mesh;
}

Mesh pupil_mesh() {
  const std::vector<Vec2> profile{{pupil_radius * 1.3F, 0.86F}, {0, 0.86F}};
  Mesh mesh = lathe(profile, 24);
  mesh.uv[0].clear();
  return mesh;
}

}  // namespace

void add_eyes(GltfModel& model, float detail, Vec3 looked_at, float scale) {
  const int segments = std::max(16, static_cast<int>(72 * trace::root(detail)) / 2 * 2);
  Material white = plastic({1, 1, 1}, 0.3F);
  white.clearcoat = 1;
  white.clearcoat_roughness = 0.03F;
  white.subsurface = 0.5F;
  white.subsurface_radius = {0.0012F, 0.0007F, 0.0005F};
  Mesh cornea = ball(cornea_radius, segments);
  cornea.uv[0].clear();
  // Where both balls have the limbus's radius they are at the same height.
  const float cornea_height =
      limbus_height() - trace::root(cornea_radius * cornea_radius - limbus_radius * limbus_radius);
  transform(cornea, moved({0, cornea_height, 0}));

  const std::pair<std::string, int> parts[] = {
      {"white", add_mesh(model, "white", white_mesh(segments), add_material(model, "eye", white))},
      {"iris", add_mesh(model, "iris", iris_mesh(segments),
                        add_material(model, "iris", plastic({1, 1, 1}, 0.6F)))},
      {"pupil", add_mesh(model, "pupil", pupil_mesh(),
                         add_material(model, "pupil", matte({0.004F, 0.004F, 0.004F})))},
      {"cornea",
       add_mesh(model, "cornea", std::move(cornea), add_material(model, "cornea", glass(1.376F)))}};
  for (const float side : {1.0F, -1.0F}) {
    const Vec3 at{side * eye_middle.x, eye_middle.y, eye_middle.z};
    const Vec3 way = trace::normalized(looked_at - at);
    // From +y to the way: about the axis at right angles to both.
    const Vec3 axis = trace::normalized(trace::cross({0, 1, 0}, way));
    for (const auto& [name, mesh] : parts) {
      GltfNode node;
      node.name = (side > 0 ? "left " : "right ") + name;
      node.translation = at * scale;
      node.rotation = quaternion(axis, trace::arc_cos(way.y) * 180 / trace::pi);
      node.scale = {scale, scale, scale};
      node.mesh = mesh;
      add_node(model, node);
    }
  }
}

}  // namespace sovren::jobs
