// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/alias.h"
#include "kernels/trace/environment.h"
#include "kernels/trace/light_tree.h"
#include "kernels/trace/light_triangle.h"
#include "kernels/trace/material_at.h"
#include "kernels/trace/math.h"
#include "kernels/trace/surface.h"
#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// Next-event estimation: one light is chosen, and one point of it. The tables are made by
// light_tables.h: few lights are chosen by power alone, many by a tree.

/// One direction from which light may come.
struct LightSample {
  Vec3 direction;      ///< unit, to the light
  float distance = 0;  ///< of what must not be in the way
  Vec3 radiance;
  /// Per solid angle. Of a delta light: the chance of its choice; radiance is then the irradiance
  /// of a plane that faces it.
  float pdf = 0;
  bool is_delta = false;
};

/// Chance that the light is chosen here.
SOVREN_TRACE float chance_of_light(const SceneView& view, const Receiver& receiver,
                                   std::uint32_t light) {
  if (view.light_chance_count == 0) return 0;  // nothing shines
  if (view.light_tree == nullptr) return view.light_chances[light].chance;
  const std::uint32_t placed = view.placed_light_count;
  if (light >= placed) return view.light_chances[light - placed].chance;
  const std::uint32_t leaf = view.light_leaf[light];
  if (leaf == no_leaf) return 0;
  return view.light_chances[view.light_chance_count - 1].chance *
         chance_of_leaf(view.light_tree, receiver, leaf);
}

/// A light, and the chance of its choice; no_leaf if no light reaches the receiver.
SOVREN_TRACE std::uint32_t choose_light(const SceneView& view, const Receiver& receiver, float u,
                                        float& chance) {
  const std::uint32_t count = view.light_chance_count;
  if (count == 0) return no_leaf;
  const std::uint32_t i = choose(view.light_chances, count, u);
  chance = view.light_chances[i].chance;
  if (view.light_tree == nullptr) return i;
  if (i + 1 < count) return view.placed_light_count + i;
  float share = 0;
  const std::uint32_t light = choose_from_tree(view.light_tree, receiver, u, share);
  chance *= share;
  return light;
}

SOVREN_TRACE bool is_on_side(const Receiver& receiver, Vec3 direction) {
  return is_black(receiver.side) || dot(direction, receiver.side) > 0;
}

/// A point of a shining triangle, as far as its material's emission and opacity follow from it.
/// place: share of the edges to b and c. footprint: width of what is seen, in uv units.
SOVREN_TRACE Surface emitter_point(const SceneView& view, const LightView& light, Vec2 place,
                                   float footprint, bool is_front) {
  const MeshView& mesh = view.meshes[view.instances[light.instance].mesh];
  const Triangle& t = view.triangles[mesh.first_triangle + light.primitive];
  Surface surface;
  for (int set = 0; set < 2; ++set) {
    if (mesh.first_uv[set] < 0) continue;
    const Vec2* uv = view.uv + mesh.first_uv[set];
    surface.uv[set] =
        interpolated(uv[t.corner[0]], uv[t.corner[1]], uv[t.corner[2]], place.x, place.y);
  }
  if (mesh.first_color >= 0) {
    const Vec4* colors = view.colors + mesh.first_color;
    surface.color = interpolated(colors[t.corner[0]], colors[t.corner[1]], colors[t.corner[2]],
                                 place.x, place.y);
  }
  surface.cone_width = footprint;
  surface.uv_per_length = 1;
  surface.material = mesh.material;
  surface.is_front = is_front;
  return surface;
}

/// What rays that meet the triangle there find on average: some pass where it is transparent.
SOVREN_TRACE Vec3 uneven_radiance(const SceneView& view, const Surface& surface) {
  return emission_at(view, surface) * opacity_at(view, surface);
}

SOVREN_TRACE bool sample_emitter(const SceneView& view, const LightView& light,
                                 const Receiver& receiver, Vec2 u, LightSample& sample) {
  const LitTriangle triangle = lit_triangle(view, light, receiver.time);
  TrianglePoint point;
  if (!sample_triangle(triangle, light.near_squared, light.is_one_sided, receiver.position, u,
                       point))
    return false;
  if (!is_on_side(receiver, point.direction)) return false;
  sample.direction = point.direction;
  sample.distance = point.distance;
  sample.pdf = point.pdf;
  sample.is_delta = false;
  sample.radiance = light.radiance;
  if (light.is_uneven) {
    const bool is_front = dot(point.direction, triangle.normal) < 0;
    sample.radiance = uneven_radiance(view, emitter_point(view, light, point.place, 0, is_front));
  }
  return true;
}

/// Point, spot and directional lights.
/// Source   KHR_lights_punctual: the spot's fall from its inner to its outer angle.
SOVREN_TRACE bool sample_punctual(const LightView& light, const Receiver& receiver,
                                  LightSample& sample) {
  sample.is_delta = true;
  sample.pdf = 1;
  sample.radiance = light.radiance;
  if (light.kind == LightView::Kind::directional) {
    sample.direction = -light.direction;
    sample.distance = infinity;
    return is_on_side(receiver, sample.direction);
  }
  const Vec3 way = light.position - receiver.position;
  const float squared = dot(way, way);
  if (!(squared > 0)) return false;
  sample.distance = root(squared);
  sample.direction = way * (1.0F / sample.distance);
  float share = 1;
  if (light.kind == LightView::Kind::spot) {
    const float cosine = -dot(sample.direction, light.direction);
    const float width = maximum(light.cos_inner - light.cos_outer, 1e-3F);
    share = square(clamped((cosine - light.cos_outer) / width, 0, 1));
  }
  sample.radiance *= share / squared;
  return share > 0 && is_on_side(receiver, sample.direction);
}

SOVREN_TRACE bool sample_environment(const SceneView& view, const Receiver& receiver, Vec2 u,
                                     LightSample& sample) {
  const EnvironmentView& environment = view.environment;
  sample.distance = infinity;
  sample.is_delta = false;
  if (environment.cells == nullptr) {
    sample.direction = sample_constant(receiver.side, u);
    sample.pdf = constant_pdf(receiver.side);
    sample.radiance = environment.tint;
  } else {
    sample.direction = sample_cells(environment, u);
    // Looked up as a ray that meets the environment will do it, so that both agree at the edges.
    const Vec2 place = environment_place(environment, sample.direction);
    sample.pdf = cells_pdf(environment, place);
    sample.radiance = environment_radiance_at(view, place);
  }
  return sample.pdf > 0 && is_on_side(receiver, sample.direction);
}

/// Looks for light: choice chooses the light, u a point of it; all from [0, 1). false: none comes.
SOVREN_TRACE bool sample_light(const SceneView& view, const Receiver& receiver, float choice,
                               Vec2 u, LightSample& sample) {
  float chance = 0;
  const std::uint32_t i = choose_light(view, receiver, choice, chance);
  if (i == no_leaf || !(chance > 0)) return false;
  const LightView& light = view.lights[i];
  bool is_lit = false;
  switch (light.kind) {
    case LightView::Kind::triangle:
      is_lit = sample_emitter(view, light, receiver, u, sample);
      break;
    case LightView::Kind::environment:
      is_lit = sample_environment(view, receiver, u, sample);
      break;
    default:
      is_lit = sample_punctual(light, receiver, sample);
      break;
  }
  sample.pdf *= chance;
  return is_lit;
}

/// Per solid angle: how likely sample_light finds that point of a shining surface from there.
/// distance: between them. 0 of what does not shine, or not to that side.
SOVREN_TRACE float light_pdf(const SceneView& view, const Receiver& receiver, const Surface& hit,
                             float distance) {
  const std::int32_t first = view.instances[hit.instance].first_emitter;
  if (first < 0) return 0;
  const std::uint32_t i = static_cast<std::uint32_t>(first) + hit.primitive;
  const LightView& light = view.lights[i];
  if (light.is_one_sided && !hit.is_front) return 0;
  const Vec3 direction = (hit.position - receiver.position) * (1.0F / distance);
  if (!is_on_side(receiver, direction)) return 0;
  const float chance = chance_of_light(view, receiver, i);
  if (!(chance > 0)) return 0;
  return chance * triangle_pdf(lit_triangle(view, light, receiver.time), light.near_squared,
                               receiver.position, direction, distance);
}

/// Per solid angle: how likely sample_light finds that direction into the environment.
SOVREN_TRACE float environment_pdf(const SceneView& view, const Receiver& receiver,
                                   Vec3 direction) {
  const EnvironmentView& environment = view.environment;
  if (environment.is_black || !is_on_side(receiver, direction)) return 0;
  if (environment.cells == nullptr) return environment.chance * constant_pdf(receiver.side);
  return environment.chance * cells_pdf(environment, environment_place(environment, direction));
}

}  // namespace sovren::trace
