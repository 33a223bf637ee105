// SPDX-License-Identifier: Apache-2.0
// Any bytes as a glTF file, .gltf or .glb. What is read can be drawn: every number names something
// that is there, and every vertex is finite.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/check.h"
#include "jobs/rendering/scene_file.h"
#include "kernels/trace/film.h"

namespace {

using namespace sovren;

constexpr std::int64_t bytes_max = 4 << 20;

std::string scene_path() {
  const auto folder =
      std::filesystem::temp_directory_path() / ("gltf_fuzz_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  return (folder / "scene.gltf").string();
}

void check_mesh(const trace::Scene& scene, const trace::Mesh& mesh) {
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

void check_scene(const trace::Scene& scene) {
  for (const trace::Mesh& mesh : scene.meshes) check_mesh(scene, mesh);
  for (const trace::Instance& instance : scene.instances)
    SOVREN_CHECK(instance.mesh >= 0 && instance.mesh < std::ssize(scene.meshes) &&
                     trace::is_finite(instance.world_from_object.origin) &&
                     trace::determinant(instance.world_from_object) != 0,
                 "an instance is of a mesh and stands somewhere");
  for (const trace::Material& material : scene.materials)
    SOVREN_CHECK(material.base_color_texture.texture < std::ssize(scene.textures) &&
                     material.normal_texture.texture < std::ssize(scene.textures),
                 "materials look up textures");
  for (const trace::Camera& camera : scene.cameras)
    SOVREN_CHECK(trace::is_finite(camera.world_from_camera.columns[0]) && camera.y_fov > 0,
                 "a camera looks somewhere");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = scene_path();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto scene =
      jobs::read_gltf(path, {.time_s = 0.25, .end_time_s = 0.75, .bytes_max = bytes_max});
  if (scene)
    check_scene(*scene);
  else
    SOVREN_CHECK(!scene.error().what.empty() && !scene.error().where.empty(),
                 "a refusal says where and why");
  return 0;
}
