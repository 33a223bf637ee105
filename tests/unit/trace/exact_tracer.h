// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/trace/compiled_scene.h"

namespace sovren::trace {

/// Where a ray meets the plane of a triangle, in double. inside: the least of the barycentric
/// weights, below 0 outside of the triangle.
struct ExactHit {
  std::uint32_t instance, primitive;
  double t, u, v, inside;
};

namespace exact {

using Point = std::array<double, 3>;

inline Point minus(const Point& a, const Point& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
inline Point cross(const Point& a, const Point& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
inline double dot(const Point& a, const Point& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
inline Point point(Vec3 v) {
  return {static_cast<double>(v.x), static_cast<double>(v.y), static_cast<double>(v.z)};
}
inline Point mix(const Point& a, const Point& b, double share) {
  return {a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share};
}
inline Point transformed(const Affine& m, const Point& p) {
  Point to = point(m.origin);
  for (std::size_t column = 0; column < 3; ++column) {
    const Point c = point(m.columns[column]);
    for (std::size_t i = 0; i < 3; ++i) to[i] += c[i] * p[column];
  }
  return to;
}

/// A corner in the world at a time.
inline Point corner(const CompiledScene& scene, const InstanceView& instance, std::uint32_t vertex,
                    double time) {
  const MeshView& mesh = scene.meshes[static_cast<std::size_t>(instance.mesh)];
  Point p = point(scene.positions[static_cast<std::size_t>(mesh.first_vertex) + vertex]);
  if (mesh.first_position_end >= 0)
    p = mix(p,
            point(scene.positions_end[static_cast<std::size_t>(mesh.first_position_end) + vertex]),
            time);
  return mix(transformed(instance.world_from_object, p),
             transformed(instance.world_from_object_end, p), time);
}

}  // namespace exact

/// Crossings of a ray with every triangle that it comes as near to as `margin` (a barycentric
/// weight), wherever on the ray.
/// Source   Moeller, Trumbore: Fast, minimum storage ray-triangle intersection (1997).
inline std::vector<ExactHit> exact_hits(const CompiledScene& scene, const Ray& ray, double margin) {
  using namespace exact;
  std::vector<ExactHit> hits;
  const Point origin = point(ray.origin), direction = point(ray.direction);
  const auto time = static_cast<double>(ray.time);
  for (std::uint32_t i = 0; i < scene.instances.size(); ++i) {
    const InstanceView& instance = scene.instances[i];
    const MeshView& mesh = scene.meshes[static_cast<std::size_t>(instance.mesh)];
    for (std::uint32_t k = 0; k < mesh.triangle_count; ++k) {
      const Triangle& triangle = scene.triangles[static_cast<std::size_t>(mesh.first_triangle) + k];
      const Point a = corner(scene, instance, triangle.corner[0], time);
      const Point ab = minus(corner(scene, instance, triangle.corner[1], time), a);
      const Point ac = minus(corner(scene, instance, triangle.corner[2], time), a);
      const Point p = cross(direction, ac);
      const double volume = dot(ab, p);
      if (volume == 0) continue;
      const Point s = minus(origin, a), q = cross(s, ab);
      const double u = dot(s, p) / volume, v = dot(direction, q) / volume;
      const double inside = std::fmin(std::fmin(u, v), 1 - u - v);
      if (inside >= -margin) hits.push_back({i, k, dot(ac, q) / volume, u, v, inside});
    }
  }
  return hits;
}

}  // namespace sovren::trace
