// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

#include "core/base/check.h"
#include "kernels/trace/film.h"
#include "kernels/trace/scene.h"

namespace sovren {

// What holds of every scene that a reader accepts.

inline void check_mesh(const trace::Scene& scene, const trace::Mesh& mesh) {
  const std::size_t count = mesh.positions.size();
  const auto fits = [&](std::size_t size) { return size == 0 || size == count; };
  SOVREN_CHECK(fits(mesh.positions_end.size()) && fits(mesh.normals.size()) &&
                   fits(mesh.tangents.size()) && fits(mesh.uv[0].size()) &&
                   fits(mesh.uv[1].size()) && fits(mesh.colors.size()),
               "each vertex has all attributes");
  const auto is_finite = [](trace::Vec3 v) { return trace::is_finite(v); };
  SOVREN_CHECK(std::ranges::all_of(mesh.positions, is_finite) &&
                   std::ranges::all_of(mesh.positions_end, is_finite) &&
                   std::ranges::all_of(mesh.normals, is_finite),
               "vertices are finite");
  for (const auto& corners : mesh.triangles)
    SOVREN_CHECK(std::ranges::all_of(corners, [&](auto v) { return v < count; }),
                 "corners are vertices");
  SOVREN_CHECK(mesh.material >= 0 && mesh.material < std::ssize(scene.materials),
               "a mesh has a material");
}

inline void check_scene(const trace::Scene& scene) {
  for (const trace::Mesh& mesh : scene.meshes) check_mesh(scene, mesh);
  for (const trace::Instance& instance : scene.instances)
    SOVREN_CHECK(instance.mesh >= 0 && instance.mesh < std::ssize(scene.meshes),
                 "an instance is of a mesh");
  for (const trace::Material& material : scene.materials)
    SOVREN_CHECK(material.base_color_texture.texture < std::ssize(scene.textures) &&
                     material.normal_texture.texture < std::ssize(scene.textures),
                 "materials look up textures");
  for (const trace::Camera& camera : scene.cameras)
    SOVREN_CHECK(trace::is_finite(camera.world_from_camera.columns[0]) && camera.y_fov > 0,
                 "a camera looks somewhere");
}

}  // namespace sovren
