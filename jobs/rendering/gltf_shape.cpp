// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_shape.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "jobs/rendering/gltf_accessor.h"
#include "jobs/rendering/gltf_attribute.h"
#include "jobs/rendering/gltf_document.h"
#include "kernels/trace/film.h"

namespace sovren::jobs::gltf {

using trace::Mesh;
using trace::Vec2;
using trace::Vec3;
using trace::Vec4;

namespace {

enum Mode : std::int64_t { triangles = 4, strip = 5, fan = 6 };

using Corners = std::array<std::uint32_t, 3>;

Result<std::vector<Vec4>> read_colors(Document& document, const Place& attributes,
                                      std::size_t count) {
  std::vector<Vec4> colors;
  if (!attributes.has("COLOR_0")) return colors;
  const Wanted wanted{{"VEC3", "VEC4"}, f32 | norm_u8 | norm_u16};
  SOVREN_TRY(accessor, Accessor::open(document, attributes, "COLOR_0", wanted));
  if (accessor.components() == 4)
    return read_attribute<Vec4>(document, attributes, "COLOR_0", wanted, count);
  SOVREN_TRY(rgb, read_attribute<Vec3>(document, attributes, "COLOR_0", wanted, count));
  SOVREN_DO(document.charge(static_cast<std::int64_t>(count * sizeof(Vec4)), attributes));
  colors.reserve(count);
  for (const Vec3& c : rgb) colors.push_back({c.x, c.y, c.z, 1});
  return colors;
}

Result<void> read_attributes(Document& document, const Place& attributes, Mesh& mesh) {
  SOVREN_TRY(
      positions,
      read_vectors<Vec3>(
          document, attributes, "POSITION",
          {{"VEC3"},
           stored(document, f32, i8 | norm_i8 | u8 | norm_u8 | i16 | norm_i16 | u16 | norm_u16)}));
  const std::size_t count = positions.size();
  const unsigned direction = stored(document, f32, norm_i8 | norm_i16);
  SOVREN_TRY(normals,
             read_attribute<Vec3>(document, attributes, "NORMAL", {{"VEC3"}, direction}, count));
  SOVREN_TRY(tangents,
             read_attribute<Vec4>(document, attributes, "TANGENT", {{"VEC4"}, direction}, count));
  const Wanted uv{
      {"VEC2"},
      stored(document, f32 | norm_u8 | norm_u16, i8 | norm_i8 | u8 | i16 | norm_i16 | u16)};
  SOVREN_TRY(uv0, read_attribute<Vec2>(document, attributes, "TEXCOORD_0", uv, count));
  SOVREN_TRY(uv1, read_attribute<Vec2>(document, attributes, "TEXCOORD_1", uv, count));
  SOVREN_TRY(colors, read_colors(document, attributes, count));
  mesh.positions = std::move(positions);
  mesh.normals = std::move(normals);
  // Without normals, faces are flat and tangents say nothing (glTF 2.0, 3.7.2.1).
  if (!mesh.normals.empty()) mesh.tangents = std::move(tangents);
  mesh.uv = {std::move(uv0), std::move(uv1)};
  mesh.colors = std::move(colors);
  return {};
}

// The corners in their order: by index, or one after another.
Result<std::vector<std::uint32_t>> read_corners(Document& document, const Place& primitive,
                                                std::size_t vertices) {
  std::vector<std::uint32_t> corners;
  if (!primitive.has("indices")) {
    SOVREN_DO(document.charge(static_cast<std::int64_t>(vertices * 4), primitive));
    for (std::size_t i = 0; i < vertices; ++i) corners.push_back(static_cast<std::uint32_t>(i));
    return corners;
  }
  SOVREN_TRY(accessor,
             Accessor::open(document, primitive, "indices", {{"SCALAR"}, u8 | u16 | u32}));
  SOVREN_DO(document.charge(accessor.count() * 4, primitive));
  corners.resize(static_cast<std::size_t>(accessor.count()));
  SOVREN_DO(accessor.copy_wholes(corners));
  for (std::size_t i = 0; i < corners.size(); ++i)
    if (corners[i] >= vertices)
      return primitive.wrong_at("indices", "index " + std::to_string(i) + " is " +
                                               std::to_string(corners[i]) + ", but there are " +
                                               std::to_string(vertices) + " vertices");
  return corners;
}

Result<std::vector<Corners>> triangles_of(Document& document, const Place& primitive,
                                          std::int64_t mode, std::size_t vertices) {
  SOVREN_TRY(corners, read_corners(document, primitive, vertices));
  const std::size_t n = corners.size();
  std::vector<Corners> faces;
  if (mode == triangles) {
    if (n % 3 != 0)
      return primitive.wrong("has " + std::to_string(n) + " corners, which make no triangles");
    SOVREN_DO(document.charge(static_cast<std::int64_t>(n * 4), primitive));
    faces.resize(n / 3);
    if (n > 0) std::memcpy(faces.data(), corners.data(), n * sizeof(std::uint32_t));
    return faces;
  }
  SOVREN_DO(document.charge(static_cast<std::int64_t>(n * sizeof(Corners)), primitive));
  for (std::size_t i = 0; i + 2 < n; ++i) {
    const Corners face = mode == fan
                             ? Corners{corners[i + 1], corners[i + 2], corners[0]}
                             : Corners{corners[i], corners[i + 1 + i % 2], corners[i + 2 - i % 2]};
    // Strips are joined by triangles of no size.
    if (face[0] != face[1] && face[1] != face[2] && face[2] != face[0]) faces.push_back(face);
  }
  return faces;
}

}  // namespace

void repair_normals(Mesh& mesh) {
  std::vector<bool> is_lost(mesh.normals.size());
  bool is_any_lost = false;
  for (std::size_t v = 0; v < mesh.normals.size(); ++v) {
    Vec3& normal = mesh.normals[v];
    const float size = trace::length(normal);
    is_lost[v] = !(size > 0) || !trace::is_finite(size);
    is_any_lost = is_any_lost || is_lost[v];
    normal = is_lost[v] ? Vec3{} : normal / size;
  }
  if (!is_any_lost) return;
  for (const Corners& face : mesh.triangles) {
    const Vec3 a = mesh.positions[face[0]];
    const Vec3 up = trace::cross(mesh.positions[face[1]] - a, mesh.positions[face[2]] - a);
    for (const std::uint32_t v : face)
      if (is_lost[v]) mesh.normals[v] += up;
  }
  for (std::size_t v = 0; v < mesh.normals.size(); ++v) {
    if (!is_lost[v]) continue;
    const float size = trace::length(mesh.normals[v]);
    mesh.normals[v] = size > 0 && trace::is_finite(size) ? mesh.normals[v] / size : Vec3{0, 0, 1};
  }
}

Result<std::optional<Mesh>> read_shape(Document& document, const Place& primitive) {
  SOVREN_TRY(mode, primitive.whole("mode", triangles, 0, fan));
  SOVREN_TRY(attributes, primitive.needed_object("attributes"));
  if (mode < triangles || !attributes.has("POSITION")) {
    document.warn(primitive, mode < triangles ? "points and lines are left out"
                                              : "has no POSITION and is left out");
    return std::optional<Mesh>();
  }
  Mesh mesh;
  SOVREN_DO(read_attributes(document, attributes, mesh));
  SOVREN_TRY(faces, triangles_of(document, primitive, mode, mesh.positions.size()));
  if (faces.empty()) {
    document.warn(primitive, "has no triangles and is left out");
    return std::optional<Mesh>();
  }
  mesh.triangles = std::move(faces);
  repair_normals(mesh);
  return std::optional<Mesh>(std::move(mesh));
}

}  // namespace sovren::jobs::gltf
