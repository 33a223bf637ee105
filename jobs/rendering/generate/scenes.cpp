// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/generate/scenes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string>
#include <utility>

#include "jobs/rendering/generate/scene_parts.h"
#include "jobs/rendering/generate/shapes.h"

namespace sovren::jobs {
namespace {

using trace::Material;
using trace::Vec3;

constexpr std::array<std::string_view, 5> names{"cornell", "spheres", "portrait", "interior",
                                                "animation"};

}  // namespace

int add_material(GltfModel& model, const std::string& name, const Material& material) {
  model.materials.push_back(material);
  model.material_names.push_back(name);
  return static_cast<int>(model.materials.size()) - 1;
}

int add_mesh(GltfModel& model, const std::string& name, trace::Mesh triangles, int material) {
  triangles.material = material;
  model.meshes.push_back(
      {.name = name, .parts = {{.triangles = std::move(triangles), .joints = {}, .weights = {}}}});
  return static_cast<int>(model.meshes.size()) - 1;
}

int add_node(GltfModel& model, const GltfNode& node) {
  model.nodes.push_back(node);
  return static_cast<int>(model.nodes.size()) - 1;
}

int add_object(GltfModel& model, const std::string& name, trace::Mesh triangles, int material) {
  GltfNode node;
  node.name = name;
  node.mesh = add_mesh(model, name, std::move(triangles), material);
  return add_node(model, node);
}

int add_camera(GltfModel& model, const trace::Camera& camera, Vec3 from, Vec3 at) {
  model.cameras.push_back(camera);
  GltfNode node;
  node.name = camera.name;
  node.translation = from;
  node.rotation = looking(from, at);
  node.camera = static_cast<int>(model.cameras.size()) - 1;
  return add_node(model, node);
}

Material matte(Vec3 color) {
  Material material;
  material.base_color = color;
  material.specular = 0;
  return material;
}

Material shining(Vec3 radiance) {
  Material material = matte({0, 0, 0});
  material.emission = radiance;
  return material;
}

Material metal(Vec3 color, float roughness) {
  Material material;
  material.base_color = color;
  material.metallic = 1;
  material.roughness = roughness;
  return material;
}

Material plastic(Vec3 color, float roughness) {
  Material material;
  material.base_color = color;
  material.roughness = roughness;
  return material;
}

Material glass(float ior) {
  Material material;
  material.roughness = 0;
  material.transmission = 1;
  material.is_solid = true;
  material.ior = ior;
  return material;
}

int add_texture(GltfModel& model, const std::string& name, int size, trace::Texture::Format format,
                const std::function<Vec3(float, float)>& at) {
  trace::Texture texture;
  texture.name = name;
  texture.width = texture.height = size;
  texture.format = format;
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const auto middle = [&](int i) {
        return (static_cast<float>(i) + 0.5F) / static_cast<float>(size);
      };
      const Vec3 color = at(middle(x), middle(y));
      for (const float channel : {color.x, color.y, color.z, 1.0F})
        texture.texels.push_back(
            static_cast<std::byte>(std::lround(std::clamp(channel, 0.0F, 1.0F) * 255)));
    }
  model.textures.push_back(std::move(texture));
  return static_cast<int>(model.textures.size()) - 1;
}

std::span<const std::string_view> scene_names() {
  return names;
}

Result<GltfModel> generate_scene(std::string_view name, double detail) {
  if (!(detail >= scene_detail_min && detail <= scene_detail_max))
    return fail({.code = Code::usage, .what = "detail must be a number from 0.01 to 10"});
  const auto share = static_cast<float>(detail);
  if (name == "cornell") return cornell_scene();
  if (name == "spheres") return spheres_scene(share);
  if (name == "portrait") return portrait_scene(share);
  if (name == "interior") return interior_scene(share);
  if (name == "animation") return animation_scene(share);
  std::string list;
  for (const std::string_view known : names)
    list += (list.empty() ? "" : ", ") + std::string(known);
  return fail({.code = Code::usage,
               .what = "there is no scene '" + std::string(name) + "'",
               .hint = "one of " + list});
}

}  // namespace sovren::jobs
