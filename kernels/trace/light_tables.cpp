// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/light_tables.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "kernels/trace/environment_table.h"
#include "kernels/trace/light.h"
#include "kernels/trace/light_tree_build.h"
#include "kernels/trace/math.h"
#include "kernels/trace/surface.h"

namespace sovren::trace {
namespace {

constexpr float right_angle = pi / 2;

/// Mean luminance of the triangle's front: 64 points, mixed from as many texels as lie between
/// them.
float mean_luminance(const SceneView& view, const LightView& light) {
  const MeshView& mesh = view.meshes[view.instances[light.instance].mesh];
  const std::int64_t first = mesh.first_uv[0];
  constexpr int steps = 8;
  float footprint = 0;
  if (first >= 0) {
    const Triangle& t = view.triangles[mesh.first_triangle + light.primitive];
    const Vec2 b = view.uv[first + t.corner[1]] - view.uv[first + t.corner[0]];
    const Vec2 c = view.uv[first + t.corner[2]] - view.uv[first + t.corner[0]];
    footprint = root(0.5F * magnitude(b.x * c.y - b.y * c.x)) / steps;
  }
  float sum = 0;
  for (int y = 0; y < steps; ++y) {
    for (int x = 0; x < steps; ++x) {
      const Vec2 p = triangle_point(
          {(static_cast<float>(x) + 0.5F) / steps, (static_cast<float>(y) + 0.5F) / steps});
      sum += luminance(uneven_radiance(view, emitter_point(view, light, p, footprint, true)));
    }
  }
  return sum / (steps * steps);
}

/// The farthest corner from the triangle's middle, squared.
float radius_squared(const Corners& c) {
  const Vec3 middle = (c.a + c.b + c.c) * (1.0F / 3.0F);
  return maximum(maximum(dot(c.a - middle, c.a - middle), dot(c.b - middle, c.b - middle)),
                 dot(c.c - middle, c.c - middle));
}

void widen(LightBounds& bounds, const Corners& c) {
  for (const Vec3 p : {c.a, c.b, c.c}) {
    bounds.low = {minimum(bounds.low.x, p.x), minimum(bounds.low.y, p.y),
                  minimum(bounds.low.z, p.z)};
    bounds.high = {maximum(bounds.high.x, p.x), maximum(bounds.high.y, p.y),
                   maximum(bounds.high.z, p.z)};
  }
}

class Collector {
 public:
  Collector(const SceneView& view, CompiledScene& scene) : view_(view), scene_(scene) {}

  void add_emitters() {
    for (std::size_t i = 0; i < scene_.instances.size(); ++i) {
      InstanceView& instance = scene_.instances[i];
      instance.first_emitter = -1;
      const MeshView& mesh = view_.meshes[instance.mesh];
      const Material& material = view_.materials[mesh.material];
      if (material.is_unlit || is_black(material.emission)) continue;
      instance.first_emitter = static_cast<std::int32_t>(scene_.lights.size());
      for (std::uint32_t k = 0; k < mesh.triangle_count; ++k)
        add_triangle(instance, static_cast<std::uint32_t>(i), k);
    }
  }

  void add_placed(const PunctualLight& light) {
    const bool is_spot = light.kind == PunctualLight::Kind::spot;
    LightView v;
    v.kind = is_spot ? LightView::Kind::spot : LightView::Kind::point;
    v.position = light.position;
    v.direction = light.direction;
    v.radiance = light.intensity;
    v.cos_inner = light.cos_inner;
    v.cos_outer = light.cos_outer;
    const float angle = 2.0F * pi * (is_spot ? 1.0F - light.cos_outer : 2.0F);
    v.power = angle * luminance(light.intensity);
    LightBounds b{light.position, light.position, {{0, 0, 1}, pi}, right_angle, v.power, false};
    if (is_spot) {
      // As if each direction of its cone were a normal; a little wider, for rounding.
      b.normals = {light.direction, arc_cos(light.cos_outer)};
      b.emission = 0.01F;
    }
    add(v, b);
  }

  void add_distant(const PunctualLight& light, float disk) {
    LightView v;
    v.kind = LightView::Kind::directional;
    v.direction = light.direction;
    v.radiance = light.intensity;
    v.power = luminance(light.intensity) * disk;
    scene_.lights.push_back(v);
  }

  const std::vector<LightBounds>& bounds() const { return bounds_; }

 private:
  void add(const LightView& light, const LightBounds& bounds) {
    scene_.lights.push_back(light);
    bounds_.push_back(bounds);
  }

  void add_triangle(const InstanceView& instance, std::uint32_t number, std::uint32_t primitive) {
    const MeshView& mesh = view_.meshes[instance.mesh];
    const Material& material = view_.materials[mesh.material];
    LightView v;
    v.instance = number;
    v.primitive = primitive;
    v.is_uneven =
        material.emission_texture.texture >= 0 || material.alpha_mode != Material::Alpha::opaque;
    v.is_one_sided = !material.emits_backwards;
    v.radiance = material.emission;
    v.is_moving = true;  // lit_triangle finds the place
    const LitTriangle t = lit_triangle(view_, v, 0);
    v.is_moving = instance.is_moving || mesh.first_position_end >= 0;
    v.position = t.corner;
    v.edge_b = t.edge_b;
    v.edge_c = t.edge_c;
    v.direction = t.normal;
    v.area = t.area;
    const float mean = v.is_uneven ? mean_luminance(view_, v) : luminance(v.radiance);
    v.power = mean * t.area * pi * (v.is_one_sided ? 1.0F : 2.0F);
    LightBounds b{t.corner, t.corner, {t.normal, 0}, right_angle, v.power, !v.is_one_sided};
    float radius = 0;
    // What moves by its corners and by its transform stays within all pairs of their ends.
    for (const float shape : {0.0F, 1.0F}) {
      const Corners c = object_corners(view_, mesh, primitive, shape);
      for (const Affine& m : {instance.world_from_object, instance.world_from_object_end}) {
        const Corners world{transform_point(m, c.a), transform_point(m, c.b),
                            transform_point(m, c.c)};
        widen(b, world);
        radius = maximum(radius, radius_squared(world));
      }
    }
    v.near_squared = 4.0F * radius;
    if (v.is_moving) b.normals.angle = pi;
    add(v, b);
  }

  const SceneView& view_;
  CompiledScene& scene_;
  std::vector<LightBounds> bounds_;
};

/// The sky, if it shines. disk: area that its light falls on.
void add_environment(const Environment& environment, float disk, CompiledScene& scene) {
  EnvironmentView& view = scene.environment;
  view = {};
  scene.environment_cells.clear();
  view.texture = environment.texture;
  view.tint = environment.tint;
  view.rotation = environment.rotation;
  double irradiance = static_cast<double>(4.0F * pi * luminance(view.tint));
  if (view.texture >= 0 && !is_black(view.tint)) {
    EnvironmentTable table =
        environment_table(scene.texture_views[static_cast<std::size_t>(view.texture)], view.tint);
    irradiance = table.irradiance;
    scene.environment_cells = std::move(table.cells);
    view.cells = scene.environment_cells.empty() ? nullptr : scene.environment_cells.data();
    view.cells_x = table.columns;
    view.cells_y = table.rows;
  }
  view.is_black = !(irradiance > 0);
  if (view.is_black) return;
  LightView light;
  light.kind = LightView::Kind::environment;
  light.power = static_cast<float>(irradiance) * disk;
  scene.lights.push_back(light);
}

double power_of(const CompiledScene& scene, std::size_t begin, std::size_t end) {
  double sum = 0;
  for (std::size_t i = begin; i < end; ++i) sum += static_cast<double>(scene.lights[i].power);
  return sum;
}

/// Chances of all lights, or of the distant ones and the tree.
void find_chances(CompiledScene& scene, bool has_tree) {
  const std::size_t placed = scene.placed_light_count;
  const std::size_t count = scene.lights.size();
  const double near = power_of(scene, 0, placed);
  const double far = power_of(scene, placed, count);
  double share = near + far > 0 ? near / (near + far) : 0;
  if (near > 0 && far > 0) share = std::clamp(share, 0.25, 0.75);
  std::vector<double> weights;
  for (std::size_t i = has_tree ? placed : 0; i < count; ++i) {
    const double power = static_cast<double>(scene.lights[i].power);
    weights.push_back(i < placed ? (near > 0 ? power / near * share : 0)
                                 : (far > 0 ? power / far * (1 - share) : 0));
  }
  if (has_tree) weights.push_back(share);
  scene.light_chances = alias_table(weights);
  if (!scene.environment.is_black && !scene.light_chances.empty())
    scene.environment.chance = scene.light_chances[count - 1 - (has_tree ? placed : 0)].chance;
}

}  // namespace

std::vector<AliasEntry> alias_table(const std::vector<double>& weights) {
  double sum = 0;
  std::size_t heaviest = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    sum += weights[i];
    if (weights[i] > weights[heaviest]) heaviest = i;
  }
  std::vector<AliasEntry> table;
  if (!(sum > 0)) return table;
  table.resize(weights.size());
  std::vector<double> rest(weights.size());
  std::vector<std::uint32_t> small, large;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    table[i].chance = static_cast<float>(weights[i] / sum);
    table[i].other = static_cast<std::uint32_t>(heaviest);
    rest[i] = weights[i] / sum * static_cast<double>(weights.size());
    (rest[i] < 1 ? small : large).push_back(static_cast<std::uint32_t>(i));
  }
  while (!small.empty() && !large.empty()) {
    const std::uint32_t s = small.back();
    const std::uint32_t l = large.back();
    small.pop_back();
    table[s].keep = static_cast<float>(rest[s]);
    table[s].other = l;
    rest[l] -= 1 - rest[s];
    if (rest[l] < 1) {
      large.pop_back();
      small.push_back(l);
    }
  }
  // What is left is 1 but for rounding; an entry without weight is never taken.
  for (const std::uint32_t s : small) table[s].keep = weights[s] > 0 ? 1.0F : 0.0F;
  return table;
}

void build_lights(const std::vector<PunctualLight>& lights, const Environment& environment,
                  CompiledScene& scene) {
  scene.lights.clear();
  const float radius = 0.5F * length(scene.high - scene.low);
  const float disk = radius > 0 ? pi * radius * radius : pi;
  // Not CompiledScene::view(): the lights that it shows are not there yet.
  SceneView view;
  view.positions = scene.positions.data();
  view.positions_end = scene.positions_end.data();
  view.uv = scene.uv.data();
  view.colors = scene.colors.data();
  view.triangles = scene.triangles.data();
  view.meshes = scene.meshes.data();
  view.instances = scene.instances.data();
  view.materials = scene.materials.data();
  view.textures = scene.texture_views.data();
  Collector collector(view, scene);
  collector.add_emitters();
  for (const PunctualLight& light : lights)
    if (light.kind != PunctualLight::Kind::directional) collector.add_placed(light);
  scene.placed_light_count = static_cast<std::uint32_t>(scene.lights.size());
  for (const PunctualLight& light : lights)
    if (light.kind == PunctualLight::Kind::directional) collector.add_distant(light, disk);
  add_environment(environment, disk, scene);

  LightTree tree;
  if (scene.placed_light_count > lights_without_tree) tree = build_light_tree(collector.bounds());
  scene.light_nodes = std::move(tree.nodes);
  scene.light_leaf = std::move(tree.leaves);
  find_chances(scene, !scene.light_nodes.empty());
}

}  // namespace sovren::trace
