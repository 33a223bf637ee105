// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/device_scene.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/base/check.h"

namespace sovren::trace {
namespace {

constexpr std::int64_t mebibyte = 1 << 20;

/// Where arrays of the host are on the device.
class Copies {
 public:
  explicit Copies(TraceDevice& device) : device_(device) {}

  template <class T>
  Result<void> add(const std::vector<T>& values) {
    if (values.empty()) return {};
    const std::size_t bytes = values.size() * sizeof(T);
    SOVREN_TRY(to, device_.allocate(bytes));
    SOVREN_DO(device_.upload(to, values.data(), bytes));
    arrays_[reinterpret_cast<const std::byte*>(values.data())] = {bytes,
                                                                  static_cast<std::byte*>(to)};
    return {};
  }

  /// Makes `pointer`, into an array that was added, point at the same place on the device. Nothing
  /// is behind pointers into empty arrays: they become null.
  template <class T>
  void move(const T*& pointer) const {
    const auto* host = reinterpret_cast<const std::byte*>(pointer);
    pointer = nullptr;
    auto array = arrays_.upper_bound(host);
    if (array == arrays_.begin()) return;
    --array;
    const std::ptrdiff_t offset = host - array->first;
    if (offset >= static_cast<std::ptrdiff_t>(array->second.bytes)) return;
    pointer = reinterpret_cast<const T*>(array->second.device + offset);
  }
  void move(const void*& pointer) const {
    const auto* bytes = static_cast<const std::byte*>(pointer);
    move(bytes);
    pointer = bytes;
  }

 private:
  struct Array {
    std::size_t bytes = 0;
    std::byte* device = nullptr;
  };
  TraceDevice& device_;
  std::map<const std::byte*, Array, std::less<>> arrays_;
};

Result<void> add_arrays(Copies& copies, const CompiledScene& scene) {
  SOVREN_DO(copies.add(scene.positions));
  SOVREN_DO(copies.add(scene.positions_end));
  SOVREN_DO(copies.add(scene.normals));
  SOVREN_DO(copies.add(scene.tangents));
  SOVREN_DO(copies.add(scene.colors));
  SOVREN_DO(copies.add(scene.uv));
  SOVREN_DO(copies.add(scene.triangles));
  SOVREN_DO(copies.add(scene.meshes));
  SOVREN_DO(copies.add(scene.instances));
  SOVREN_DO(copies.add(scene.materials));
  SOVREN_DO(copies.add(scene.lights));
  SOVREN_DO(copies.add(scene.light_chances));
  SOVREN_DO(copies.add(scene.light_nodes));
  SOVREN_DO(copies.add(scene.light_leaf));
  SOVREN_DO(copies.add(scene.environment_cells));
  SOVREN_DO(copies.add(scene.bsdf_tables.metal));
  SOVREN_DO(copies.add(scene.bsdf_tables.metal_mean));
  SOVREN_DO(copies.add(scene.bsdf_tables.dielectric));
  SOVREN_DO(copies.add(scene.bsdf_tables.dielectric_of_material));
  SOVREN_DO(copies.add(scene.bsdf_tables.sheen));
  for (const Texture& texture : scene.textures) SOVREN_DO(copies.add(texture.texels));
  for (const std::vector<std::byte>& levels : scene.mip_texels) SOVREN_DO(copies.add(levels));
  return {};
}

void move_pointers(const Copies& copies, SceneView& view) {
  copies.move(view.positions);
  copies.move(view.positions_end);
  copies.move(view.normals);
  copies.move(view.tangents);
  copies.move(view.uv);
  copies.move(view.colors);
  copies.move(view.triangles);
  copies.move(view.meshes);
  copies.move(view.instances);
  copies.move(view.materials);
  copies.move(view.textures);
  copies.move(view.lights);
  copies.move(view.light_chances);
  copies.move(view.light_tree);
  copies.move(view.light_leaf);
  copies.move(view.environment.cells);
  copies.move(view.tables.metal);
  copies.move(view.tables.metal_mean);
  copies.move(view.tables.dielectric);
  copies.move(view.tables.dielectric_of_material);
  copies.move(view.tables.sheen);
}

}  // namespace

std::int64_t device_bytes(const CompiledScene& scene, const WideBvh& bvh) {
  return scene.size_bytes() + bvh.size_bytes();
}

Result<DeviceScene> copy_scene(TraceDevice& device, const CompiledScene& scene,
                               const WideBvh& bvh) {
  SOVREN_TRY(free, device.free_bytes());
  const std::int64_t needed = device_bytes(scene, bvh);
  if (needed > free)
    return fail({.code = Code::refused,
                 .what = "the scene needs " + std::to_string(needed / mebibyte + 1) + " MiB on " +
                         device.name() + ", where " + std::to_string(free / mebibyte) +
                         " MiB are free",
                 .hint = "backend = \"cpu\" has the host's memory"});
  Copies copies(device);
  SOVREN_DO(add_arrays(copies, scene));
  std::vector<TextureView> textures = scene.texture_views;
  for (TextureView& texture : textures)
    for (const void*& level : texture.levels) copies.move(level);
  SOVREN_DO(copies.add(textures));
  SOVREN_DO(copies.add(bvh.nodes));
  SOVREN_DO(copies.add(bvh.items));
  SOVREN_DO(copies.add(bvh.ends));

  DeviceScene moved{scene.view(), bvh.view(scene.instances.data())};
  moved.scene.textures = textures.data();
  move_pointers(copies, moved.scene);
  copies.move(moved.bvh.nodes);
  copies.move(moved.bvh.items);
  copies.move(moved.bvh.ends);
  copies.move(moved.bvh.instances);
  return moved;
}

}  // namespace sovren::trace
