// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

/// The place where a ray met a surface, in world space.
struct Surface {
  Vec3 position;
  /// Unit, to the front: from where the corners go counter-clockwise, whichever side was hit.
  Vec3 geometric_normal;
  /// For shading: z is the interpolated normal (to the front too), x the tangent.
  Frame frame;
  float bitangent_sign = 1;  ///< y of a normal map goes along this times frame.y
  Vec2 uv[2];                ///< of materials with textures, as is the tangent; else some
  Vec4 color{1, 1, 1, 1};
  float cone_width = 0;     ///< of the ray's cone here
  float uv_per_length = 0;  ///< uv units in a unit of length, of uv[0]
  int material = 0;
  std::int32_t object_id = 0;
  std::uint32_t instance = 0, primitive = 0;
  bool is_front = true;  ///< did the ray come from the front?
};

/// Three corners of a triangle in world space.
struct Corners {
  Vec3 a, b, c;
};

SOVREN_TRACE Affine transform_at(const InstanceView& instance, float time) {
  if (!instance.is_moving) return instance.world_from_object;
  return mix(instance.world_from_object, instance.world_from_object_end, time);
}

SOVREN_TRACE Vec3 vertex_at(const SceneView& view, const MeshView& mesh, std::uint32_t vertex,
                            float time) {
  const Vec3 begin = view.positions[mesh.first_vertex + vertex];
  if (mesh.first_position_end < 0) return begin;
  return mix(begin, view.positions_end[mesh.first_position_end + vertex], time);
}

SOVREN_TRACE Corners object_corners(const SceneView& view, const MeshView& mesh,
                                    std::uint32_t primitive, float time) {
  const Triangle& t = view.triangles[mesh.first_triangle + primitive];
  return {vertex_at(view, mesh, t.corner[0], time), vertex_at(view, mesh, t.corner[1], time),
          vertex_at(view, mesh, t.corner[2], time)};
}

SOVREN_TRACE Corners world_corners(const SceneView& view, const InstanceView& instance,
                                   std::uint32_t primitive, float time) {
  const Corners c = object_corners(view, view.meshes[instance.mesh], primitive, time);
  if (instance.is_identity) return c;
  const Affine m = transform_at(instance, time);
  return {transform_point(m, c.a), transform_point(m, c.b), transform_point(m, c.c)};
}

/// (1 - u - v) a + u b + v c, as Hit has them.
template <class T>
SOVREN_TRACE T interpolated(const T& a, const T& b, const T& c, float u, float v) {
  return a * (1 - u - v) + b * u + c * v;
}

/// Makes frame.x the surface's tangent, along which u grows.
SOVREN_TRACE void find_tangent(const SceneView& view, const MeshView& mesh, const Triangle& t,
                               const Corners& world, const Affine& m, float u, float v,
                               Surface& surface) {
  const Vec3 z = surface.frame.z;
  Vec3 tangent;
  if (mesh.first_tangent >= 0) {
    const Vec4* tangents = view.tangents + mesh.first_tangent;
    const Vec4 w =
        interpolated(tangents[t.corner[0]], tangents[t.corner[1]], tangents[t.corner[2]], u, v);
    tangent = transform_vector(m, {w.x, w.y, w.z});
    surface.bitangent_sign = w.w < 0 ? -1.0F : 1.0F;
  } else {
    const Vec2* uv = view.uv + mesh.first_uv[0];
    const Vec2 d1 = uv[t.corner[1]] - uv[t.corner[0]];
    const Vec2 d2 = uv[t.corner[2]] - uv[t.corner[0]];
    const float area = d1.x * d2.y - d1.y * d2.x;
    // Where v grows downwards, as glTF has it, y of a normal map is against it.
    surface.bitangent_sign = area < 0 ? 1.0F : -1.0F;
    tangent = ((world.b - world.a) * d2.y - (world.c - world.a) * d1.y) * (area < 0 ? -1.0F : 1.0F);
  }
  tangent = tangent - z * dot(z, tangent);
  const float size = dot(tangent, tangent);
  if (!(size > 0)) return;  // the frame has some tangent already
  surface.frame.x = tangent * (1.0F / root(size));
  surface.frame.y = cross(z, surface.frame.x);
}

/// What the ray found at the hit. cone_width: of the ray's cone there.
SOVREN_TRACE Surface surface_at(const SceneView& view, const Ray& ray, const Hit& hit,
                                float cone_width) {
  const InstanceView& instance = view.instances[hit.instance];
  const MeshView& mesh = view.meshes[instance.mesh];
  const Triangle t = view.triangles[mesh.first_triangle + hit.primitive];
  Corners corners = object_corners(view, mesh, hit.primitive, ray.time);
  Surface surface;
  surface.position = interpolated(corners.a, corners.b, corners.c, hit.u, hit.v);
  Affine m;
  if (!instance.is_identity) {
    m = transform_at(instance, ray.time);
    surface.position = transform_point(m, surface.position);
    corners = {transform_point(m, corners.a), transform_point(m, corners.b),
               transform_point(m, corners.c)};
  }
  const Vec3 cross_product = cross(corners.b - corners.a, corners.c - corners.a);
  const float twice_area = length(cross_product);
  const float sign = instance.is_mirrored ? -1.0F : 1.0F;
  surface.geometric_normal = twice_area > 0 ? cross_product * (sign / twice_area) : -ray.direction;
  surface.is_front = dot(ray.direction, surface.geometric_normal) < 0;
  Vec3 normal = surface.geometric_normal;
  if (mesh.first_normal >= 0) {
    const Vec3* normals = view.normals + mesh.first_normal;
    Vec3 n = interpolated(normals[t.corner[0]], normals[t.corner[1]], normals[t.corner[2]], hit.u,
                          hit.v);
    if (!instance.is_identity)
      n = transform_normal(instance.is_moving ? inverse(m) : instance.object_from_world, n);
    const float size = dot(n, n);
    if (size > 0) normal = n * (1.0F / root(size));
    if (dot(normal, surface.geometric_normal) < 0) normal = -normal;
  }
  surface.frame = frame_about(normal);
  for (int set = 0; mesh.has_textures && set < 2; ++set) {
    if (mesh.first_uv[set] < 0) continue;
    const Vec2* uv = view.uv + mesh.first_uv[set];
    const Vec2 a = uv[t.corner[0]];
    const Vec2 b = uv[t.corner[1]];
    const Vec2 c = uv[t.corner[2]];
    surface.uv[set] = interpolated(a, b, c, hit.u, hit.v);
    if (set > 0) continue;
    const float uv_area = magnitude((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x));
    surface.uv_per_length = twice_area > 0 ? root(uv_area / twice_area) : 0;
  }
  if (mesh.has_textures && (mesh.first_uv[0] >= 0 || mesh.first_tangent >= 0)) {
    find_tangent(view, mesh, t, corners, m, hit.u, hit.v, surface);
    surface.bitangent_sign *= sign;
  }
  if (mesh.first_color >= 0) {
    const Vec4* colors = view.colors + mesh.first_color;
    surface.color =
        interpolated(colors[t.corner[0]], colors[t.corner[1]], colors[t.corner[2]], hit.u, hit.v);
  }
  surface.cone_width = cone_width;
  surface.material = mesh.material;
  surface.object_id = instance.object_id;
  surface.instance = hit.instance;
  surface.primitive = hit.primitive;
  return surface;
}

SOVREN_TRACE float offset_coordinate(float position, float normal) {
  constexpr float near_zero = 1.0F / 32;
  if (magnitude(position) < near_zero) return position + normal * (1.0F / 65536);
  const auto steps = static_cast<std::int32_t>(256.0F * normal);
  std::int32_t bits;
  __builtin_memcpy(&bits, &position, sizeof bits);
  bits += position < 0 ? -steps : steps;
  float moved;
  __builtin_memcpy(&moved, &bits, sizeof moved);
  return moved;
}

/// Where a ray begins that leaves the surface on the side that the normal points to, so that it
/// does not meet the surface again.
/// Source   Waechter and Binder, A Fast and Robust Method for Avoiding Self-Intersection (Ray
///          Tracing Gems, 2019, chapter 6).
SOVREN_TRACE Vec3 offset_origin(Vec3 position, Vec3 normal) {
  return {offset_coordinate(position.x, normal.x), offset_coordinate(position.y, normal.y),
          offset_coordinate(position.z, normal.z)};
}

}  // namespace sovren::trace
