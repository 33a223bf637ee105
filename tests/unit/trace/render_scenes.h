// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "kernels/trace/scene.h"
#include "kernels/trace/settings.h"
#include "tests/unit/trace/scenes.h"

namespace sovren::trace {

/// A small scene that renderers are compared on, and how it is looked at.
struct RenderScene {
  std::string name;
  Scene scene;
  RenderSettings settings;
};

inline Mesh mesh_of(const Shape& shape, int material) {
  Mesh mesh;
  mesh.material = material;
  mesh.positions = shape.positions;
  for (const Triangle& t : shape.triangles)
    mesh.triangles.push_back({t.corner[0], t.corner[1], t.corner[2]});
  return mesh;
}

inline void stand(Scene& scene, Mesh mesh, const Affine& at, const Affine& end) {
  const int number = static_cast<int>(scene.instances.size());
  scene.meshes.push_back(std::move(mesh));
  scene.instances.push_back({.name = "thing " + std::to_string(number),
                             .mesh = static_cast<int>(scene.meshes.size()) - 1,
                             .object_id = number + 1,
                             .world_from_object = at,
                             .world_from_object_end = end});
}
inline void stand(Scene& scene, Mesh mesh, const Affine& at = {}) {
  stand(scene, std::move(mesh), at, at);
}

/// A square of side 2 about the origin that faces +z, with texture coordinates.
inline Mesh square(int material) {
  Mesh mesh;
  mesh.material = material;
  mesh.positions = {{-1, -1, 0}, {1, -1, 0}, {1, 1, 0}, {-1, 1, 0}};
  mesh.uv[0] = {{0, 1}, {1, 1}, {1, 0}, {0, 0}};
  mesh.triangles = {{0, 1, 2}, {0, 2, 3}};
  return mesh;
}
/// Columns: where the square's x, y and z go.
inline Affine turned(Vec3 x, Vec3 y, Vec3 z, Vec3 origin) {
  return {{x, y, z}, origin};
}

/// Squares of random colours, half of them see-through where `alpha`.
inline Texture checkers(Texture::Format format, bool alpha) {
  Texture texture;
  texture.name = "checkers";
  texture.width = texture.height = 8;
  texture.format = format;
  Numbers numbers(77);
  for (int i = 0; i < 8 * 8; ++i)
    for (int c = 0; c < 4; ++c) {
      const bool is_clear = alpha && (i / 8 + i) % 2 == 0;
      const float value = c < 3 ? numbers.between(0.1F, 1) : is_clear ? 0.25F : 1.0F;
      if (format == Texture::Format::float32) {
        std::array<std::byte, sizeof value> bytes;
        std::memcpy(bytes.data(), &value, sizeof value);
        texture.texels.insert(texture.texels.end(), bytes.begin(), bytes.end());
      } else {
        texture.texels.push_back(static_cast<std::byte>(value * 255));
      }
    }
  return texture;
}

inline Material coloured(Vec3 color, float roughness = 1, float metallic = 0) {
  Material material;
  material.base_color = color;
  material.roughness = roughness;
  material.metallic = metallic;
  return material;
}
inline Material shining(Vec3 radiance) {
  Material material = coloured({0, 0, 0});
  material.emission = radiance;
  return material;
}

/// Looks along -z from `distance`.
inline RenderSettings seen_from(float distance) {
  RenderSettings settings;
  settings.camera.world_from_camera.origin = {0, 0, distance};
  settings.camera.world_from_camera_end = settings.camera.world_from_camera;
  settings.width = 24;
  settings.height = 18;
  settings.max_depth = 6;
  settings.seed = 7;
  return settings;
}

/// Walls about the origin, and a lamp below the ceiling. Materials 0 to 2 are theirs.
inline Scene room() {
  Scene scene;
  scene.materials = {coloured({0.7F, 0.7F, 0.7F}), coloured({0.6F, 0.1F, 0.1F}),
                     shining({12, 11, 9})};
  const float s = 1.5F;
  stand(scene, square(0), turned({s, 0, 0}, {0, s, 0}, {0, 0, 1}, {0, 0, -s}));
  stand(scene, square(0), turned({s, 0, 0}, {0, 0, -s}, {0, 1, 0}, {0, -s, 0}));
  stand(scene, square(0), turned({s, 0, 0}, {0, 0, s}, {0, -1, 0}, {0, s, 0}));
  stand(scene, square(1), turned({0, 0, -s}, {0, s, 0}, {1, 0, 0}, {-s, 0, 0}));
  stand(scene, square(0), turned({0, 0, s}, {0, s, 0}, {-1, 0, 0}, {s, 0, 0}));
  stand(scene, square(2), turned({0.5F, 0, 0}, {0, 0, 0.5F}, {0, -1, 0}, {0, s - 0.01F, 0}));
  return scene;
}

/// Mirrors, glass and metal in a room.
inline RenderScene room_of_glass() {
  RenderScene made{"glass", room(), seen_from(4.5F)};
  Material glass = coloured({0.95F, 1, 0.95F}, 0);
  glass.transmission = 1;
  glass.is_solid = true;
  glass.attenuation_color = {0.5F, 0.9F, 0.5F};
  glass.attenuation_distance = 1;
  made.scene.materials.push_back(glass);
  made.scene.materials.push_back(coloured({0.9F, 0.7F, 0.3F}, 0.3F, 1));
  made.scene.materials.push_back(coloured({1, 1, 1}, 0, 1));
  stand(made.scene, mesh_of(ball(5, 0), 3), moved({-0.5F, -0.9F, 0.3F}, scaling(0.5F, 0.5F, 0.5F)));
  stand(made.scene, mesh_of(ball(3, 0.1F), 4), moved({0.7F, -0.9F, 0}, scaling(0.5F, 0.5F, 0.5F)));
  stand(made.scene, mesh_of(ball(2, 0), 5), moved({0.2F, 0.5F, -0.7F}, scaling(0.4F, 0.4F, 0.4F)));
  return made;
}

/// Sheets with holes, textures, an environment that is an image, and lights without extent.
inline RenderScene sheets_with_holes() {
  RenderScene made{"sheets", {}, seen_from(4)};
  made.settings.is_transparent = true;
  Scene& scene = made.scene;
  scene.textures = {checkers(Texture::Format::srgb8, true),
                    checkers(Texture::Format::float32, false)};
  scene.environment = {.texture = 1, .tint = {0.5F, 0.5F, 0.6F}, .rotation = 0.3F};
  Material masked = coloured({1, 1, 1});
  masked.base_color_texture.texture = 0;
  masked.alpha_mode = Material::Alpha::mask;
  Material veil = coloured({0.9F, 0.4F, 0.4F}, 0.4F);
  veil.base_color_texture.texture = 0;
  veil.alpha_mode = Material::Alpha::blend;
  scene.materials = {coloured({0.8F, 0.8F, 0.8F}), masked, veil};
  scene.lights = {{.name = "point",
                   .kind = PunctualLight::Kind::point,
                   .position = {1, 2, 2},
                   .intensity = {5, 4, 3}},
                  {.name = "sun",
                   .kind = PunctualLight::Kind::directional,
                   .direction = normalized(Vec3{-1, -2, -1}),
                   .intensity = {1, 1, 1.2F}}};
  stand(scene, square(0), turned({3, 0, 0}, {0, 0, -3}, {0, 1, 0}, {0, -1.2F, 0}));
  stand(scene, square(1), turned({1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {-0.5F, 0, 0.5F}));
  stand(scene, square(2), turned({1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0.5F, 0.1F, 0}));
  return made;
}

/// All that can move does, before a lens.
inline RenderScene moving_things() {
  RenderScene made{"motion", room(), seen_from(4.5F)};
  made.settings.camera.lens_radius = 0.05F;
  made.settings.camera.focus_distance = 4;
  made.settings.camera.world_from_camera_end.origin.x = 0.2F;
  const Affine small = scaling(0.4F, 0.4F, 0.4F);
  Mesh changing = mesh_of(ball(3, 0.2F), 1);
  for (const Vec3 p : changing.positions) changing.positions_end.push_back(p * 0.6F);
  stand(made.scene, changing, moved({-0.7F, -0.5F, 0}, small));
  stand(made.scene, mesh_of(ball(3, 0.1F), 0), moved({0.6F, -0.8F, 0}, small),
        moved({0.6F, -0.2F, 0.3F}, small));
  // The last mesh stands there twice more, and one of the two moves.
  const int shared = static_cast<int>(made.scene.meshes.size()) - 1;
  for (const float y : {0.4F, 0.9F})
    made.scene.instances.push_back({.name = "copy",
                                    .mesh = shared,
                                    .object_id = 90,
                                    .world_from_object = moved({-0.3F, y, 0}, small),
                                    .world_from_object_end = moved({-0.3F, 0.4F, 0}, small)});
  return made;
}

/// A body that light wanders through, and layers upon surfaces.
inline RenderScene skin_and_layers() {
  RenderScene made{"skin", room(), seen_from(4.5F)};
  Material skin = coloured({0.8F, 0.5F, 0.4F}, 0.5F);
  skin.subsurface = 0.9F;
  skin.subsurface_radius = {0.2F, 0.1F, 0.05F};
  Material layers = coloured({0.2F, 0.3F, 0.7F}, 0.6F);
  layers.clearcoat = 1;
  layers.clearcoat_roughness = 0.1F;
  layers.sheen_color = {0.5F, 0.4F, 0.3F};
  layers.sheen_roughness = 0.4F;
  made.scene.materials.push_back(skin);
  made.scene.materials.push_back(layers);
  stand(made.scene, mesh_of(ball(4, 0), 3), moved({-0.5F, -0.7F, 0}, scaling(0.6F, 0.6F, 0.6F)));
  stand(made.scene, mesh_of(ball(4, 0), 4), moved({0.7F, -0.7F, 0}, scaling(0.6F, 0.6F, 0.6F)));
  return made;
}

inline std::vector<RenderScene> render_scenes() {
  return {room_of_glass(), sheets_with_holes(), moving_things(), skin_and_layers()};
}

}  // namespace sovren::trace
