// SPDX-License-Identifier: Apache-2.0
// Twenty balls on a floor of tiles: rows of gold, of lacquer, of glass, and of what the extensions
// of glTF bring. Light comes from the job's environment.
#include <cmath>
#include <string>

#include "jobs/rendering/generate/scene_parts.h"
#include "jobs/rendering/generate/shapes.h"

namespace sovren::jobs {
namespace {

using trace::Material;
using trace::Vec3;

constexpr float radius = 0.5F, spacing = 1.2F;
constexpr int columns = 5;

/// Light and dark tiles, each a little different, with joints between them.
Vec3 tiles(float u, float v) {
  constexpr float count = 4;
  const float x = u * count, y = v * count;
  const auto column = static_cast<std::uint32_t>(x), row = static_cast<std::uint32_t>(y);
  const float dx = x - std::floor(x), dy = y - std::floor(y);
  const bool is_joint = std::min({dx, dy, 1 - dx, 1 - dy}) < 0.02F;
  if (is_joint) return {0.35F, 0.34F, 0.33F};
  const bool is_dark = (column + row) % 2 == 1;
  const float tint = 0.03F * (chance(11, row * 16 + column) - 0.5F);
  const Vec3 color = is_dark ? Vec3{0.33F, 0.35F, 0.38F} : Vec3{0.86F, 0.84F, 0.8F};
  return color + Vec3{tint, tint, tint};
}

Material glass_of(Vec3 color, float distance, float roughness) {
  Material material = glass(1.5F);
  material.roughness = roughness;
  material.attenuation_color = color;
  if (distance > 0) material.attenuation_distance = distance;
  return material;
}

Material coated(Material base, float roughness) {
  base.clearcoat = 1;
  base.clearcoat_roughness = roughness;
  return base;
}

Material velvet() {
  Material material = matte({0.12F, 0.02F, 0.06F});
  material.sheen_color = {0.9F, 0.45F, 0.6F};
  material.sheen_roughness = 0.35F;
  return material;
}

Material marble() {
  Material material = plastic({0.92F, 0.89F, 0.84F}, 0.25F);
  material.subsurface = 1;
  material.subsurface_radius = {0.08F, 0.06F, 0.045F};
  return material;
}

Material thin_bubble() {
  Material material = glass(1.33F);
  material.is_solid = false;
  return material;
}

Material of(int row, int column) {
  const float share = static_cast<float>(column) / (columns - 1);
  const Vec3 gold{1, 0.71F, 0.29F}, blue{0.05F, 0.19F, 0.55F};
  if (row == 0) return metal(gold, 0.7F * share);
  if (row == 1) return plastic(blue, share);
  if (row == 2) {
    const Material glasses[columns] = {
        glass_of({1, 1, 1}, 0, 0), glass_of({0.95F, 0.35F, 0.2F}, 0.5F, 0),
        glass_of({0.3F, 0.85F, 0.5F}, 0.5F, 0), glass_of({1, 1, 1}, 0, 0.25F), thin_bubble()};
    return glasses[column];
  }
  const Material others[columns] = {coated(matte({0.6F, 0.02F, 0.02F}), 0),
                                    coated(metal({0.35F, 0.55F, 0.5F}, 0.45F), 0.03F), velvet(),
                                    marble(), metal({0.95F, 0.93F, 0.88F}, 0)};
  return others[column];
}

}  // namespace

GltfModel spheres_scene(float detail) {
  GltfModel model;
  Material floor = plastic({1, 1, 1}, 0.35F);
  floor.base_color_texture.texture =
      add_texture(model, "tiles", 128, trace::Texture::Format::srgb8, tiles);
  trace::Mesh ground = quad({-12, 0, 12}, {12, 0, 12}, {12, 0, -12}, {-12, 0, -12});
  for (trace::Vec2& uv : ground.uv[0]) uv = uv * 6;
  add_object(model, "floor", std::move(ground), add_material(model, "tiles", floor));

  trace::Mesh shape = ball(radius, std::max(8, static_cast<int>(80 * std::sqrt(detail)) / 2 * 2));
  shape.uv[0].clear();
  const char* rows[] = {"gold", "lacquer", "glass", "extra"};
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < columns; ++column) {
      const std::string name = std::string(rows[row]) + " " + std::to_string(column + 1);
      GltfNode node;
      node.name = name;
      node.translation = {spacing * (static_cast<float>(column) - 2), radius,
                          1.45F * (static_cast<float>(row) - 1.5F)};
      node.mesh = add_mesh(model, name, shape, add_material(model, name, of(row, column)));
      add_node(model, node);
    }
  add_camera(model, {.name = "camera", .y_fov = 0.43F}, {1.0F, 6.3F, 8.9F}, {0, 0, 0.2F});
  return model;
}

}  // namespace sovren::jobs
