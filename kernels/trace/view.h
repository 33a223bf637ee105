// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/material.h"
#include "kernels/trace/scene.h"
#include "kernels/trace/vec.h"

namespace sovren::trace {

// What kernels read: plain values and pointers, into the memory of the CPU or of a device. Made by
// compile() (compiled_scene.h), which owns what is pointed at.

inline constexpr std::uint32_t no_hit = 0xFFFFFFFF;

struct Ray {
  Vec3 origin;
  float t_min = 0;  ///< not below 0
  Vec3 direction;   ///< unit
  float t_max = 0;
  float time = 0;  ///< 0: the shutter opens, 1: it closes
};

/// The nearest surface. The point is (1 - u - v) a + u b + v c of the triangle's corners.
struct Hit {
  std::uint32_t instance = no_hit;
  std::uint32_t primitive = 0;  ///< triangle of the instance's mesh
  float t = 0, u = 0, v = 0;
};

inline constexpr std::uint32_t no_leaf = 0xFFFFFFFF;

inline constexpr int mip_levels_max = 16;

/// A texture with its smaller copies, each half as large (rounded down, at least 1).
struct TextureView {
  const void* levels[mip_levels_max] = {};  ///< texels of each, as Texture::texels
  int level_count = 0;
  int width = 0, height = 0;  ///< of level 0
  Texture::Format format = Texture::Format::srgb8;
  Texture::Wrap wrap_u = Texture::Wrap::repeat, wrap_v = Texture::Wrap::repeat;
  Texture::Filter filter = Texture::Filter::linear;
};

/// A mesh's part of the scene's flat arrays: element i of the mesh is at first + i; -1: it has
/// none.
struct MeshView {
  std::int64_t first_vertex = 0;  ///< of positions
  std::int64_t first_position_end = -1;
  std::int64_t first_normal = -1;
  std::int64_t first_tangent = -1;
  std::int64_t first_uv[2] = {-1, -1};
  std::int64_t first_color = -1;
  std::int64_t first_triangle = 0;
  std::uint32_t vertex_count = 0;
  std::uint32_t triangle_count = 0;
  int material = 0;
  bool has_textures = true;  ///< its material looks something up
};

struct InstanceView {
  Affine world_from_object, object_from_world;
  Affine world_from_object_end;
  int mesh = 0;
  int object_id = 0;
  bool is_identity = false;         ///< it stands still, where its mesh's coordinates say
  bool is_moving = false;           ///< world_from_object_end differs
  bool is_mirrored = false;         ///< its determinant is negative: the front is where corners go
                                    ///< clockwise
  std::int32_t first_emitter = -1;  ///< number of the light that its triangle 0 is; -1: dark
};

struct Triangle {
  std::uint32_t corner[3];
};

/// One light that next-event estimation can choose: a shining triangle, a punctual light, or the
/// environment. Those with a place come first.
struct LightView {
  enum class Kind : std::int32_t { triangle, point, spot, directional, environment };
  Kind kind = Kind::triangle;
  bool is_moving = false;     ///< triangle: its place follows from the instance and the time
  bool is_uneven = false;     ///< triangle: textures or opacity change the radiance along it
  bool is_one_sided = false;  ///< triangle: only the front shines
  std::uint32_t instance = 0, primitive = 0;  ///< triangle
  float power = 0;                            ///< what its chance to be chosen follows
  Vec3 position;           ///< of a punctual light, or of a triangle's first corner
  Vec3 edge_b, edge_c;     ///< triangle: from there to the others
  Vec3 direction;          ///< a triangle's normal, to the front; of a punctual light: as it shines
  Vec3 radiance;           ///< or the intensity of a punctual light
  float area = 0;          ///< triangle
  float near_squared = 0;  ///< triangle: seen from nearer, it is large (light_triangle.h)
  float cos_inner = 1, cos_outer = 0;  ///< spot
};

/// Walker and Vose: entry i is taken with chance `keep`, else `other`; all entries alike likely.
struct AliasEntry {
  float keep = 1;
  std::uint32_t other = 0;
  float chance = 0;  ///< of i, all in all
};

/// Light from all around, with a table to choose directions by (see Environment for the mapping).
struct EnvironmentView {
  int texture = -1;
  Vec3 tint;
  float rotation = 0;
  bool is_black = true;
  float chance = 0;  ///< of being chosen among the lights
  /// Cells of a grid over the texture, chosen by luminance x solid angle: first an entry for each
  /// row, then row by row one for each cell, whose chance is all in all and per unit of solid
  /// angle. Null: a constant one, all directions alike.
  const AliasEntry* cells = nullptr;
  int cells_x = 0, cells_y = 0;
};

/// A node of the tree of lights, depth first: the left child comes next (light_tree.h).
struct LightNode {
  Vec3 low, high;         ///< bounds of the positions
  Vec3 axis;              ///< of the normals' cone
  float cos_normal = -1;  ///< half angle of the cone
  float sin_normal = 0;
  float cos_emission = 0;  ///< how far from a normal it shines
  float power = 0;
  std::uint32_t right = 0;  ///< inner: the right child
  std::uint32_t light = 0;  ///< leaf: its light
  bool is_leaf = false;
  bool is_two_sided = false;  ///< it shines along the axis and against it
};

/// Light that rough surfaces send back in all, to keep energy (albedo.h); null where no material
/// needs them.
struct BsdfTables {
  const float* metal = nullptr;                          ///< (2 models, metal_size, metal_size)
  const float* metal_mean = nullptr;                     ///< (2, metal_size)
  const float* dielectric = nullptr;                     ///< (blocks, 2, DielectricBlock::size)
  const std::int32_t* dielectric_of_material = nullptr;  ///< number of each material's block
  const float* sheen = nullptr;                          ///< (sheen_size, sheen_size)
  std::int32_t coat = -1;                                ///< block of clearcoat
};

struct SceneView {
  const Vec3* positions = nullptr;
  const Vec3* positions_end = nullptr;
  const Vec3* normals = nullptr;
  const Vec4* tangents = nullptr;
  const Vec2* uv = nullptr;
  const Vec4* colors = nullptr;
  const Triangle* triangles = nullptr;
  const MeshView* meshes = nullptr;
  const InstanceView* instances = nullptr;
  const Material* materials = nullptr;
  const TextureView* textures = nullptr;
  const LightView* lights = nullptr;
  /// Of all lights; with a tree: of those without a place, and last of the tree.
  const AliasEntry* light_chances = nullptr;
  const LightNode* light_tree = nullptr;      ///< of the lights with a place; null: there is none
  const std::uint32_t* light_leaf = nullptr;  ///< of each such light: its leaf's node, or no_leaf
  EnvironmentView environment;
  BsdfTables tables;
  std::uint32_t mesh_count = 0;
  std::uint32_t instance_count = 0;
  std::uint32_t material_count = 0;
  std::uint32_t texture_count = 0;
  std::uint32_t light_count = 0;
  std::uint32_t placed_light_count = 0;  ///< the first of them, which have a place
  std::uint32_t light_chance_count = 0;  ///< of light_chances
  std::uint32_t light_node_count = 0;
  bool has_alpha = false;  ///< is a material not opaque?
  Vec3 low, high;          ///< bounds of all surfaces
};

}  // namespace sovren::trace
