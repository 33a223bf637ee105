// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/mitsuba_shapes.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "jobs/rendering/file_beside.h"
#include "jobs/rendering/generate/shapes.h"
#include "jobs/rendering/obj_reader.h"
#include "jobs/rendering/ply_reader.h"

namespace sovren::jobs::mitsuba {
namespace {

using trace::Affine;
using trace::Mesh;
using trace::Vec2;
using trace::Vec3;

constexpr int round_segments = 128;  ///< of balls, disks and cylinders, about their axis

void flip(Mesh& mesh) {
  for (auto& t : mesh.triangles) std::swap(t[1], t[2]);
  for (Vec3& n : mesh.normals) n = -n;
}

Result<std::vector<Mesh>> read_file(const Node& shape, std::int64_t bytes_max) {
  SOVREN_TRY(name, shape.text("filename", ""));
  if (name.empty()) return fail(shape.wrong("there is no filename"));
  std::string plain = name;
  std::ranges::replace(plain, '\\', '/');
  SOVREN_TRY(path, path_beside(shape.document().path(), plain));
  const bool is_obj = shape.type() == "obj";
  // Mitsuba turns v of OBJ files round, as our reader does, unless it is told not to; v of PLY
  // files it takes as it is, unless it is told to turn it.
  SOVREN_TRY(is_flipped, shape.flag("flip_tex_coords", is_obj));
  SOVREN_TRY(is_flat, shape.flag("face_normals", false));
  std::vector<Mesh> meshes;
  if (is_obj) {
    SOVREN_TRY(file, read_obj_file(path, bytes_max));
    for (ObjFile::Part& part : file.parts) meshes.push_back(std::move(part.mesh));
  } else {
    SOVREN_TRY(mesh, read_ply_mesh(path, bytes_max));
    meshes.push_back(std::move(mesh));
  }
  for (Mesh& mesh : meshes) {
    if (is_flipped != is_obj)
      for (Vec2& uv : mesh.uv[0]) uv.y = 1 - uv.y;
    if (is_flat)
      mesh.normals.clear();
    else if (mesh.normals.empty())
      make_smooth(mesh);  // as Mitsuba does where a file has none
  }
  return meshes;
}

/// A unit disk in z = 0 that looks along +z.
Mesh disk() {
  Mesh mesh;
  mesh.positions.push_back({0, 0, 0});
  mesh.uv[0].push_back({0, 0});
  for (int i = 0; i < round_segments; ++i) {
    const float share = static_cast<float>(i) / round_segments;
    const float angle = share * 6.2831853F;
    mesh.positions.push_back({cosine(angle), sine(angle), 0});
    mesh.uv[0].push_back({1, share});
    const auto at = static_cast<std::uint32_t>(i);
    mesh.triangles.push_back({0, at + 1, (at + 1) % round_segments + 1});
  }
  mesh.normals.assign(mesh.positions.size(), Vec3{0, 0, 1});
  return mesh;
}

Result<Affine> ball_place(const Node& shape) {
  SOVREN_TRY(middle, shape.vector("center", {0, 0, 0}));
  SOVREN_TRY(radius, shape.number("radius", 1));
  if (!(radius > 0)) return fail(shape.wrong("the radius must be more than 0"));
  return moved(middle) * scaled({radius, radius, radius});
}

Result<Mesh> cylinder(const Node& shape) {
  SOVREN_TRY(from, shape.vector("p0", {0, 0, 0}));
  SOVREN_TRY(to, shape.vector("p1", {0, 0, 1}));
  SOVREN_TRY(radius, shape.number("radius", 1));
  if (!(radius > 0) || from == to) return fail(shape.wrong("a cylinder of no size"));
  return tube(std::array<Vec3, 2>{from, to}, std::array<float, 2>{radius, radius}, round_segments);
}

}  // namespace

Result<std::optional<Shape>> read_shape(const Node& shape, std::int64_t bytes_max) {
  Shape made;
  SOVREN_TRY(place, shape.transform("to_world"));
  made.world_from_object = place;
  const std::string type = shape.type();
  if (type == "obj" || type == "ply") {
    SOVREN_TRY(meshes, read_file(shape, bytes_max));
    made.meshes = std::move(meshes);
  } else if (type == "rectangle") {
    made.meshes.push_back(quad({-1, -1, 0}, {1, -1, 0}, {1, 1, 0}, {-1, 1, 0}));
  } else if (type == "disk") {
    made.meshes.push_back(disk());
  } else if (type == "cube") {
    made.meshes.push_back(rounded_box({2, 2, 2}, 0, 1));
  } else if (type == "sphere") {
    SOVREN_TRY(of_ball, ball_place(shape));
    made.world_from_object = place * of_ball;
    made.meshes.push_back(ball(1, round_segments));
  } else if (type == "cylinder") {
    SOVREN_TRY(mesh, cylinder(shape));
    made.meshes.push_back(std::move(mesh));
  } else {
    shape.warn("the shape '" + type.substr(0, 40) + "' is left out");
    return std::nullopt;
  }
  SOVREN_TRY(is_flipped, shape.flag("flip_normals", false));
  for (Mesh& mesh : made.meshes) {
    if (is_flipped) flip(mesh);
    mesh.name = shape.id().empty() ? type : shape.id();
  }
  return made;
}

}  // namespace sovren::jobs::mitsuba
