// SPDX-License-Identifier: Apache-2.0
// A head in a studio: skin that light goes into, eyes behind a cornea, hair as tubes, a woollen
// sweater; a key light, a fill light, two rim lights. Moulded in centimetres, written in metres.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "jobs/rendering/generate/distance.h"
#include "jobs/rendering/generate/eyes.h"
#include "jobs/rendering/generate/hair.h"
#include "jobs/rendering/generate/head.h"
#include "jobs/rendering/generate/scene_parts.h"
#include "jobs/rendering/generate/shapes.h"
#include "jobs/rendering/generate/surface_nets.h"
#include "kernels/trace/math.h"

namespace sovren::jobs {
namespace {

using trace::Material;
using trace::Mesh;
using trace::Vec2;
using trace::Vec3;

constexpr float metres = 0.01F;  ///< of a centimetre

/// A body of many points, moved from centimetres to its place.
void add_body(GltfModel& model, const std::string& name, Mesh mesh, int material) {
  transform(mesh, scaled({metres, metres, metres}));
  add_object(model, name, std::move(mesh), material);
}

/// The normals that a height of the surface has, as a texture of `size` x `size` that repeats.
int add_bumps(GltfModel& model, const std::string& name, int size, float strength,
              const std::function<float(float, float)>& height) {
  const auto at = [&](float u, float v) { return height(u - std::floor(u), v - std::floor(v)); };
  return add_texture(model, name, size, trace::Texture::Format::linear8, [&](float u, float v) {
    const float step = 0.5F / static_cast<float>(size);
    // v of an image runs down, the normal's y up.
    const Vec3 normal = trace::normalized({(at(u - step, v) - at(u + step, v)) * strength,
                                           (at(u, v + step) - at(u, v - step)) * strength, 1});
    return (normal + Vec3{1, 1, 1}) * 0.5F;
  });
}

/// Pits of about a millimetre and a half, each somewhere in its own cell.
float pores(float u, float v) {
  constexpr int cells = 26;
  const float x = u * cells, y = v * cells;
  float height = 0;
  for (int dy = -1; dy <= 1; ++dy)
    for (int dx = -1; dx <= 1; ++dx) {
      const int column = static_cast<int>(x) + dx, row = static_cast<int>(y) + dy;
      const auto key =
          static_cast<std::uint32_t>((row + cells) % cells * cells + (column + cells) % cells);
      const float cx = static_cast<float>(column) + 0.2F + 0.6F * chance(21, key);
      const float cy = static_cast<float>(row) + 0.2F + 0.6F * chance(22, key);
      const float off = trace::square(x - cx) + trace::square(y - cy);
      height -= (0.4F + 0.6F * chance(23, key)) * trace::exp_of(-off * 9);
    }
  return height;
}

/// Two halves of a knitted stitch, leaning towards each other; four of them across.
float stitches(float u, float v) {
  constexpr float count = 4;
  const float x = u * count - std::floor(u * count);
  const float half = x < 0.5F ? x : 1 - x;
  const float y = v * count * 1.0F + half * 1.1F;
  const float along = y - std::floor(y) - 0.5F, across = (half - 0.25F) * 4;
  return trace::root(std::max(0.0F, 1 - along * along * 3.2F - across * across * 0.8F));
}

int skin_material(GltfModel& model) {
  Material skin = plastic({1, 1, 1}, 0.42F);
  skin.ior = 1.4F;
  skin.subsurface = 1;
  skin.subsurface_radius = {0.0016F, 0.0006F, 0.0003F};
  skin.normal_texture.texture = add_bumps(model, "pores", 256, 3.0F, pores);
  skin.normal_scale = 0.35F;
  return add_material(model, "skin", skin);
}

Mesh skin_mesh(float detail) {
  const float cell = 0.148F / trace::root(detail);
  Mesh skin = surface_of(head_distance, {grid_axis(-11, -5.5F, 5.5F, 11, cell, cell * 3),
                                         grid_axis(-22.5F, -11.5F, 4, 12.5F, cell, cell * 3),
                                         grid_axis(-12, 6, 12.5F, 12.6F, cell, cell * 3)});
  for (const Vec3 p : skin.positions) {
    const Vec3 color = skin_color(p);
    skin.colors.push_back({color.x, color.y, color.z, 1});
    skin.uv[0].push_back({trace::arc_tan2(p.x, p.z) * 2.4F, p.y * -0.25F});
  }
  return skin;
}

// The sweater lies on the body, a little loose, with a hole for the neck.

constexpr float neck_z = -2.9F;  ///< of the neck's axis at the collar

/// Height of the collar: lower in front, higher at the sides.
float collar_height(float x, float z) {
  return -15.4F - 0.42F * (z - neck_z) + 0.02F * x * x;
}

float sweater_distance(Vec3 p) {
  const float folds =
      0.55F * noise(p * 0.16F) + 0.3F * noise({p.x * 0.22F, p.y * 0.4F, p.z * 0.3F});
  const float cloth = body_distance(p) - 0.8F - folds * step_between(-17, -24, p.y);
  const float above = collar_height(p.x, p.z) - p.y;
  const float near = trace::root(p.x * p.x + trace::square(p.z - neck_z)) - 9.5F;
  return carved(cloth, std::max(above, near), 0.5F);
}

Mesh sweater_mesh(float detail) {
  const float cell = 0.62F / trace::root(detail);
  Mesh cloth = surface_of(sweater_distance, {grid_axis(-26, -26, 26, 26, cell, cell),
                                             grid_axis(-38, -38, -12, -12, cell, cell),
                                             grid_axis(-15, -15, 10, 10, cell, cell)});
  for (const Vec3 p : cloth.positions) cloth.uv[0].push_back({p.x / 2.2F, p.y / -2.2F});
  return cloth;
}

/// A ring of cloth about the neck, where the sweater ends.
Mesh collar_mesh(float detail) {
  const int count = std::max(24, static_cast<int>(160 * trace::root(detail)));
  std::vector<Vec3> points;
  std::vector<float> radii;
  for (int i = 0; i <= count; ++i) {
    const float angle = 2 * trace::pi * static_cast<float>(i % count) / static_cast<float>(count);
    // Outwards from the neck's axis, in the collar's plane, to where the skin ends.
    Vec3 at{};
    for (float off = 3; off < 10; off += 0.02F) {
      at = {off * sine(angle), 0, neck_z + off * cosine(angle)};
      at.y = collar_height(at.x, at.z);
      if (body_distance(at) > 0.4F) break;
    }
    points.push_back(at);
    radii.push_back(0.72F);
  }
  // The cloth does not follow every hollow of the neck.
  for (int round = 0; round < 30; ++round)
    for (int i = 0; i < count; ++i) {
      const auto next = static_cast<std::size_t>((i + 1) % count);
      const auto last = static_cast<std::size_t>((i + count - 1) % count);
      points[static_cast<std::size_t>(i)] =
          points[static_cast<std::size_t>(i)] * 0.5F + (points[next] + points[last]) * 0.25F;
    }
  points.back() = points.front();
  const int sides = std::max(6, static_cast<int>(14 * trace::root(detail)));
  Mesh ring = tube(points, radii, sides);
  for (std::size_t i = 0; i < ring.positions.size(); ++i) {
    const auto n = static_cast<std::size_t>(sides);
    ring.uv[0].push_back({static_cast<float>(i / n) / static_cast<float>(count) * 20,
                          static_cast<float>(i % n) / static_cast<float>(n) * 2});
  }
  return ring;
}

void add_clothes(GltfModel& model, float detail) {
  Material wool = matte({0.045F, 0.075F, 0.13F});
  wool.sheen_color = {0.28F, 0.34F, 0.45F};
  wool.sheen_roughness = 0.45F;
  wool.normal_texture.texture = add_bumps(model, "stitches", 128, 0.12F, stitches);
  const int material = add_material(model, "wool", wool);
  add_body(model, "sweater", sweater_mesh(detail), material);
  add_body(model, "collar", collar_mesh(detail), material);
}

void add_hair(GltfModel& model, const Mesh& skin, float detail) {
  const int hair = add_material(model, "hair", plastic({0.105F, 0.058F, 0.03F}, 0.34F));
  add_body(model, "hair", scalp_hair(skin, std::max(50, static_cast<int>(10300 * detail))), hair);
  const int brow = add_material(model, "brows", plastic({0.06F, 0.035F, 0.02F}, 0.45F));
  add_body(model, "brows", brows(detail), brow);
  add_body(model, "lashes", lashes(detail), brow);
}

/// A panel that shines towards the head, with a black back. Metres.
void add_softbox(GltfModel& model, const std::string& name, Vec3 at, Vec2 size, Vec3 radiance) {
  const Vec3 z = trace::normalized(-at), x = trace::normalized(trace::cross({0, 1, 0}, z));
  const Vec3 y = trace::cross(z, x);
  const auto panel = [&](float off) {
    const Vec3 o = at + z * off, u = x * (size.x / 2), v = y * (size.y / 2);
    return quad(o - u - v, o + u - v, o + u + v, o - u + v);
  };
  add_object(model, name, panel(0), add_material(model, name, shining(radiance)));
  add_object(model, name + " back", panel(-0.01F),
             add_material(model, name + " back", matte({0.02F, 0.02F, 0.02F})));
}

void add_studio(GltfModel& model) {
  const auto wall = [](float u, float v) {
    const float x = (u - 0.5F) * 6;
    return Vec3{x, -1.2F + 3.6F * v, -1.7F + 0.06F * x * x};
  };
  add_object(model, "backdrop", sheet(24, 2, wall),
             add_material(model, "backdrop", matte({0.24F, 0.27F, 0.31F})));
  add_softbox(model, "key light", {-0.95F, 0.75F, 1.0F}, {0.8F, 0.8F}, {14, 13, 11.8F});
  add_softbox(model, "fill light", {1.6F, 0.1F, 1.1F}, {1.2F, 1.4F}, {1.1F, 1.2F, 1.35F});
  add_softbox(model, "right rim light", {0.95F, 0.4F, -0.8F}, {0.25F, 1.0F}, {13, 13.5F, 15});
  add_softbox(model, "left rim light", {-1.0F, 0.3F, -0.85F}, {0.2F, 0.9F}, {8, 7.6F, 7});
  // On the backdrop, behind the head.
  const int glow = add_material(model, "backdrop light", shining({3, 3.2F, 3.6F}));
  add_object(model, "backdrop light",
             quad({-0.5F, -0.62F, -1.1F}, {0.5F, -0.62F, -1.1F}, {0.5F, -0.55F, -1.3F},
                  {-0.5F, -0.55F, -1.3F}),
             glow);
}

}  // namespace

GltfModel portrait_scene(float detail) {
  GltfModel model;
  const Vec3 from{0.36F, 0.005F, 1.38F};
  // 85 mm before a frame 24 mm high, at f/4; sharp at the nearer eye.
  trace::Camera camera{.name = "camera", .y_fov = 2 * trace::arc_tan2(12, 85)};
  camera.lens_radius = 0.0106F;
  camera.focus_distance = trace::length(from - Vec3{0.0315F, 0, 0.084F});
  add_camera(model, camera, from, {0, -0.03F, 0});

  const int skin_paint = skin_material(model);
  const Mesh skin = skin_mesh(detail);
  add_body(model, "skin", skin, skin_paint);
  add_hair(model, skin, detail);
  add_clothes(model, detail);
  add_eyes(model, detail, from * (1 / metres), metres);
  add_studio(model);
  return model;
}

}  // namespace sovren::jobs
