// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/trace/compiled_scene.h"
#include "kernels/trace/light.h"
#include "kernels/trace/light_tables.h"
#include "kernels/trace/mips.h"
#include "kernels/trace/sampler.h"

namespace sovren::trace {

/// A scene of shining triangles, as much of it as lights need.
struct LitScene {
  CompiledScene scene;

  Material& add_material(Vec3 emission) {
    Material m;
    m.emission = emission;
    scene.materials.push_back(m);
    return scene.materials.back();
  }

  /// Of the last material; triangles: corners of each, one after another.
  MeshView& add_mesh(const std::vector<Vec3>& positions, const std::vector<std::uint32_t>& corners,
                     const std::vector<Vec2>& uv = {}) {
    MeshView mesh;
    mesh.first_vertex = static_cast<std::int64_t>(scene.positions.size());
    mesh.first_triangle = static_cast<std::int64_t>(scene.triangles.size());
    mesh.vertex_count = static_cast<std::uint32_t>(positions.size());
    mesh.triangle_count = static_cast<std::uint32_t>(corners.size() / 3);
    mesh.material = static_cast<int>(scene.materials.size()) - 1;
    if (!uv.empty()) mesh.first_uv[0] = static_cast<std::int64_t>(scene.uv.size());
    scene.positions.insert(scene.positions.end(), positions.begin(), positions.end());
    scene.uv.insert(scene.uv.end(), uv.begin(), uv.end());
    for (std::size_t i = 0; i < corners.size(); i += 3)
      scene.triangles.push_back({{corners[i], corners[i + 1], corners[i + 2]}});
    InstanceView instance;
    instance.mesh = static_cast<int>(scene.meshes.size());
    instance.is_identity = true;
    scene.instances.push_back(instance);
    scene.meshes.push_back(mesh);
    return scene.meshes.back();
  }

  /// A rectangle with corners at a, a + b, a + b + c, a + c: two triangles.
  void add_quad(Vec3 a, Vec3 b, Vec3 c) {
    add_mesh({a, a + b, a + b + c, a + c}, {0, 1, 2, 0, 2, 3}, {{0, 0}, {1, 0}, {1, 1}, {0, 1}});
  }

  void build(const std::vector<PunctualLight>& lights = {}, const Environment& environment = {}) {
    scene.low = {-2, -2, -2};
    scene.high = {2, 2, 2};
    build_texture_views(scene);
    build_lights(lights, environment, scene);
  }

  SceneView view() const { return scene.view(); }

  /// World corners of a light's triangle.
  std::array<Vec3, 3> corners_of(std::uint32_t light, float time = 0) const {
    const LightView& l = scene.lights[light];
    const Corners c = world_corners(view(), scene.instances[l.instance], l.primitive, time);
    return {c.a, c.b, c.c};
  }
};

/// Irradiance of a plane from a polygon of radiance 1 that lies above its horizon; negative where
/// corners go clockwise, seen from the receiver.
/// Source   Lambert, Photometria (1760).
inline double polygon_irradiance(const std::vector<Vec3>& corners, Vec3 eye, Vec3 normal) {
  double sum = 0;
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const Vec3 a = corners[i] - eye;
    const Vec3 b = corners[(i + 1) % corners.size()] - eye;
    const Vec3 c = cross(a, b);
    const double sine = static_cast<double>(length(c));
    const double angle = std::atan2(sine, static_cast<double>(dot(a, b)));
    sum += angle * static_cast<double>(dot(c, normal)) / sine;
  }
  return sum / 2;
}

/// Mean of a function of light samples, and its standard error.
struct Estimate {
  double mean = 0, error = 0;
};

/// Of `value` (radiance x something) / pdf over samples; those that find nothing count 0.
template <class Value>
Estimate estimate(const SceneView& view, const Receiver& receiver, std::uint32_t samples,
                  const Value& value) {
  double sum = 0, squares = 0;
  for (std::uint32_t i = 0; i < samples; ++i) {
    const BounceNumbers u = bounce_numbers({11, 3, i}, 0);
    LightSample s;
    if (!sample_light(view, receiver, u.light, u.light_point, s)) continue;
    const double x = static_cast<double>(value(s) / s.pdf);
    sum += x;
    squares += x * x;
  }
  const double n = samples;
  const double mean = sum / n;
  return {mean, std::sqrt(std::max(0.0, squares / n - mean * mean) / n)};
}

/// Of the irradiance (its red part) of a plane with the receiver's side.
inline Estimate irradiance(const SceneView& view, const Receiver& receiver, std::uint32_t samples) {
  return estimate(view, receiver, samples, [&](const LightSample& s) {
    return s.radiance.x * (s.is_delta && s.distance == infinity
                               ? dot(s.direction, receiver.side)
                               : maximum(0, dot(s.direction, receiver.side)));
  });
}

/// What a ray finds at the end of a sample of a triangle.
inline Surface hit_of(const LitScene& lit, std::uint32_t light, const Receiver& receiver,
                      const LightSample& s) {
  const LightView& l = lit.scene.lights[light];
  const auto c = lit.corners_of(light, receiver.time);
  Surface hit;
  hit.position = receiver.position + s.direction * s.distance;
  hit.geometric_normal = normalized(cross(c[1] - c[0], c[2] - c[0]));
  hit.is_front = dot(s.direction, hit.geometric_normal) < 0;
  hit.instance = l.instance;
  hit.primitive = l.primitive;
  return hit;
}

}  // namespace sovren::trace
