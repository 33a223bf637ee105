// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kernels/trace/bsdf_tables.h"
#include "kernels/trace/compiled_scene.h"
#include "kernels/trace/film.h"
#include "kernels/trace/light_tables.h"
#include "kernels/trace/mips.h"

namespace sovren::trace {
namespace {

tl::unexpected<Error> invalid(std::string what) {
  return fail({.code = Code::data_invalid, .what = std::move(what)});
}

bool is_finite(const Affine& m) {
  return trace::is_finite(m.columns[0]) && trace::is_finite(m.columns[1]) &&
         trace::is_finite(m.columns[2]) && trace::is_finite(m.origin);
}

/// The first vertex that is not finite; none if all are.
std::optional<std::size_t> first_bad(const std::vector<Vec3>& vectors) {
  for (std::size_t i = 0; i < vectors.size(); ++i)
    if (!trace::is_finite(vectors[i])) return i;
  return std::nullopt;
}

std::string text_of(Vec3 v) {
  return "(" + std::to_string(v.x) + ", " + std::to_string(v.y) + ", " + std::to_string(v.z) + ")";
}

template <class T>
std::string lengths_fault(const Mesh& mesh, const std::vector<T>& values, const char* what) {
  if (values.empty() || values.size() == mesh.positions.size()) return {};
  return "mesh '" + mesh.name + "' has " + std::to_string(values.size()) + " " + what + " for " +
         std::to_string(mesh.positions.size()) + " vertices";
}

std::string mesh_fault(const Mesh& mesh, std::size_t materials) {
  const std::string named = "mesh '" + mesh.name + "': ";
  if (mesh.material < 0 || static_cast<std::size_t>(mesh.material) >= materials)
    return named + "its material " + std::to_string(mesh.material) + " is none of the " +
           std::to_string(materials) + " that there are";
  if (const auto bad = first_bad(mesh.positions))
    return named + "vertex " + std::to_string(*bad) + " is " + text_of(mesh.positions[*bad]) +
           ", which is not finite";
  if (const auto bad = first_bad(mesh.positions_end))
    return named + "vertex " + std::to_string(*bad) + " moves to " +
           text_of(mesh.positions_end[*bad]) + ", which is not finite";
  if (const auto bad = first_bad(mesh.normals))
    return named + "the normal of vertex " + std::to_string(*bad) + " is not finite";
  for (const std::string& fault : {lengths_fault(mesh, mesh.positions_end, "end positions"),
                                   lengths_fault(mesh, mesh.normals, "normals"),
                                   lengths_fault(mesh, mesh.tangents, "tangents"),
                                   lengths_fault(mesh, mesh.uv[0], "texture coordinates"),
                                   lengths_fault(mesh, mesh.uv[1], "texture coordinates"),
                                   lengths_fault(mesh, mesh.colors, "colours")})
    if (!fault.empty()) return fault;
  for (std::size_t t = 0; t < mesh.triangles.size(); ++t)
    for (const std::uint32_t corner : mesh.triangles[t])
      if (corner >= mesh.positions.size())
        return named + "triangle " + std::to_string(t) + " has corner " + std::to_string(corner) +
               ", but there are " + std::to_string(mesh.positions.size()) + " vertices";
  return {};
}

std::string instance_fault(const Instance& instance, std::size_t meshes) {
  const std::string named = "node '" + instance.name + "': ";
  if (instance.mesh < 0 || static_cast<std::size_t>(instance.mesh) >= meshes)
    return named + "its mesh " + std::to_string(instance.mesh) + " is none of the " +
           std::to_string(meshes) + " that there are";
  if (!is_finite(instance.world_from_object) || !is_finite(instance.world_from_object_end))
    return named + "its transform is not finite";
  return {};
}

/// Has the triangle no area, at the beginning and (where it moves) at the end?
bool is_flat(const Mesh& mesh, const std::array<std::uint32_t, 3>& t) {
  const auto is_flat_in = [&t](const std::vector<Vec3>& p) {
    const Vec3 normal = cross(p[t[1]] - p[t[0]], p[t[2]] - p[t[0]]);
    return !(dot(normal, normal) > 0);
  };
  return is_flat_in(mesh.positions) &&
         (mesh.positions_end.empty() || is_flat_in(mesh.positions_end));
}

/// Do the normals say no more than the faces do? Then nothing has to be interpolated.
bool is_faceted(const Mesh& mesh) {
  constexpr float least_cosine = 1 - 1e-6F;
  return std::all_of(mesh.triangles.begin(), mesh.triangles.end(), [&mesh](const auto& t) {
    const Vec3 normal = cross(mesh.positions[t[1]] - mesh.positions[t[0]],
                              mesh.positions[t[2]] - mesh.positions[t[0]]);
    const float size = length(normal);
    return std::all_of(t.begin(), t.end(), [&](std::uint32_t corner) {
      const Vec3 n = mesh.normals[corner];
      return dot(n, normal) >= least_cosine * size * length(n);
    });
  });
}

template <class T>
std::int64_t append(std::vector<T>& all, const std::vector<T>& some) {
  if (some.empty()) return -1;
  const auto first = static_cast<std::int64_t>(all.size());
  all.insert(all.end(), some.begin(), some.end());
  return first;
}

/// Adds the mesh to the flat arrays. Returns how many triangles have no area.
std::size_t add_mesh(const Mesh& mesh, CompiledScene& scene) {
  MeshView view;
  view.first_vertex = std::max<std::int64_t>(0, append(scene.positions, mesh.positions));
  view.first_position_end = append(scene.positions_end, mesh.positions_end);
  const bool is_moving = !mesh.positions_end.empty();
  if (!mesh.normals.empty() && (is_moving || !is_faceted(mesh)))
    view.first_normal = append(scene.normals, mesh.normals);
  view.first_tangent = append(scene.tangents, mesh.tangents);
  for (int set = 0; set < 2; ++set)
    view.first_uv[set] = append(scene.uv, mesh.uv[static_cast<std::size_t>(set)]);
  view.first_color = append(scene.colors, mesh.colors);
  view.first_triangle = static_cast<std::int64_t>(scene.triangles.size());
  std::size_t flat = 0;
  for (const auto& t : mesh.triangles) {
    if (is_flat(mesh, t))
      ++flat;
    else
      scene.triangles.push_back({{t[0], t[1], t[2]}});
  }
  view.vertex_count = static_cast<std::uint32_t>(mesh.positions.size());
  view.triangle_count = static_cast<std::uint32_t>(mesh.triangles.size() - flat);
  view.material = mesh.material;
  scene.meshes.push_back(view);
  return flat;
}

/// None: the transform is flat, and so nothing can be seen of it.
std::optional<InstanceView> instance_view(const Instance& instance) {
  const float det = determinant(instance.world_from_object);
  const float det_end = determinant(instance.world_from_object_end);
  if (det == 0 || det_end == 0 || (det < 0) != (det_end < 0)) return std::nullopt;
  InstanceView view;
  view.world_from_object = instance.world_from_object;
  view.object_from_world = inverse(instance.world_from_object);
  view.world_from_object_end = instance.world_from_object_end;
  view.mesh = instance.mesh;
  view.object_id = instance.object_id;
  view.is_moving = !(instance.world_from_object == instance.world_from_object_end);
  view.is_identity = !view.is_moving && instance.world_from_object == Affine{};
  view.is_mirrored = det < 0;
  return view;
}

void find_bounds(CompiledScene& scene) {
  const float far = infinite;
  scene.low = {far, far, far};
  scene.high = {-far, -far, -far};
  const auto widen = [&scene](Vec3 p) {
    scene.low = {minimum(scene.low.x, p.x), minimum(scene.low.y, p.y), minimum(scene.low.z, p.z)};
    scene.high = {maximum(scene.high.x, p.x), maximum(scene.high.y, p.y),
                  maximum(scene.high.z, p.z)};
  };
  for (const InstanceView& instance : scene.instances) {
    const MeshView& mesh = scene.meshes[static_cast<std::size_t>(instance.mesh)];
    for (std::int64_t v = 0; v < mesh.vertex_count; ++v) {
      const Vec3 begin = scene.positions[static_cast<std::size_t>(mesh.first_vertex + v)];
      widen(transform_point(instance.world_from_object, begin));
      if (mesh.first_position_end < 0 && !instance.is_moving) continue;
      const Vec3 end =
          mesh.first_position_end < 0
              ? begin
              : scene.positions_end[static_cast<std::size_t>(mesh.first_position_end + v)];
      widen(transform_point(instance.world_from_object_end, end));
    }
  }
  if (scene.low.x > scene.high.x) scene.low = scene.high = {};
}

/// All that the material looks up.
std::array<TextureRef, 12> textures_of(const Material& m) {
  return {m.base_color_texture,       m.metallic_roughness_texture, m.normal_texture,
          m.specular_texture,         m.specular_color_texture,     m.emission_texture,
          m.transmission_texture,     m.clearcoat_texture,          m.clearcoat_roughness_texture,
          m.clearcoat_normal_texture, m.sheen_color_texture,        m.sheen_roughness_texture};
}

std::string texture_fault(const Scene& scene) {
  const auto count = static_cast<int>(scene.textures.size());
  for (std::size_t i = 0; i < scene.materials.size(); ++i)
    for (const TextureRef& ref : textures_of(scene.materials[i]))
      if (ref.texture >= count)
        return "material " + std::to_string(i) + " names texture " + std::to_string(ref.texture) +
               ", but there are " + std::to_string(count);
  if (scene.environment.texture >= count) return "the environment's texture is not there";
  return {};
}

void mark_textured(CompiledScene& scene) {
  for (MeshView& mesh : scene.meshes) {
    const auto refs = textures_of(scene.materials[static_cast<std::size_t>(mesh.material)]);
    mesh.has_textures = std::any_of(refs.begin(), refs.end(),
                                    [](const TextureRef& ref) { return ref.texture >= 0; });
  }
}

}  // namespace

Result<std::shared_ptr<const CompiledScene>> compile(Scene scene) {
  auto compiled = std::make_shared<CompiledScene>();
  compiled->warnings = std::move(scene.warnings);
  if (const std::string fault = texture_fault(scene); !fault.empty()) return invalid(fault);
  for (Mesh& mesh : scene.meshes) {
    if (mesh.name.empty()) mesh.name = "number " + std::to_string(compiled->meshes.size());
    if (const std::string fault = mesh_fault(mesh, scene.materials.size()); !fault.empty())
      return invalid(fault);
    if (const std::size_t flat = add_mesh(mesh, *compiled); flat > 0)
      compiled->warnings.push_back("mesh '" + mesh.name + "': " + std::to_string(flat) +
                                   " triangles without area are left out");
  }
  for (const Instance& instance : scene.instances) {
    if (const std::string fault = instance_fault(instance, scene.meshes.size()); !fault.empty())
      return invalid(fault);
    if (const auto view = instance_view(instance))
      compiled->instances.push_back(*view);
    else
      compiled->warnings.push_back("node '" + instance.name +
                                   "': its transform has no inverse; it is left out");
  }
  scene.meshes.clear();  // for their memory
  compiled->materials = std::move(scene.materials);
  compiled->textures = std::move(scene.textures);
  compiled->cameras = std::move(scene.cameras);
  compiled->has_alpha =
      std::any_of(compiled->materials.begin(), compiled->materials.end(),
                  [](const Material& m) { return m.alpha_mode != Material::Alpha::opaque; });
  mark_textured(*compiled);
  find_bounds(*compiled);
  build_texture_views(*compiled);
  compiled->bsdf_tables = make_bsdf_tables(compiled->materials);
  build_lights(scene.lights, scene.environment, *compiled);
  return std::shared_ptr<const CompiledScene>(std::move(compiled));
}

SceneView CompiledScene::view() const {
  SceneView view;
  view.positions = positions.data();
  view.positions_end = positions_end.data();
  view.normals = normals.data();
  view.tangents = tangents.data();
  view.uv = uv.data();
  view.colors = colors.data();
  view.triangles = triangles.data();
  view.meshes = meshes.data();
  view.instances = instances.data();
  view.materials = materials.data();
  view.textures = texture_views.data();
  view.lights = lights.data();
  view.light_chances = light_chances.data();
  view.light_tree = light_nodes.empty() ? nullptr : light_nodes.data();
  view.light_leaf = light_leaf.empty() ? nullptr : light_leaf.data();
  view.environment = environment;
  view.tables = bsdf_tables.view();
  view.mesh_count = static_cast<std::uint32_t>(meshes.size());
  view.instance_count = static_cast<std::uint32_t>(instances.size());
  view.material_count = static_cast<std::uint32_t>(materials.size());
  view.texture_count = static_cast<std::uint32_t>(texture_views.size());
  view.light_count = static_cast<std::uint32_t>(lights.size());
  view.placed_light_count = placed_light_count;
  view.light_chance_count = static_cast<std::uint32_t>(light_chances.size());
  view.light_node_count = static_cast<std::uint32_t>(light_nodes.size());
  view.has_alpha = has_alpha;
  view.low = low;
  view.high = high;
  return view;
}

std::int64_t CompiledScene::size_bytes() const {
  const auto bytes = [](const auto& values) {
    return static_cast<std::int64_t>(values.size() * sizeof values[0]);
  };
  std::int64_t total = bytes(positions) + bytes(positions_end) + bytes(normals) + bytes(tangents) +
                       bytes(colors) + bytes(uv) + bytes(triangles) + bytes(instances) +
                       bytes(lights) + bytes(light_nodes) + bytes(environment_cells);
  for (const Texture& texture : textures) total += bytes(texture.texels);
  for (const auto& levels : mip_texels) total += bytes(levels);
  return total;
}

}  // namespace sovren::trace
