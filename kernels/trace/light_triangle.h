// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/math.h"
#include "kernels/trace/surface.h"
#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// Points of a shining triangle, as seen from somewhere. A triangle that is far away in relation to
// its size is chosen from evenly by area, a near one evenly by solid angle: by area, the light that
// comes from a near point would be found too rarely.

/// A shining triangle at one moment.
struct LitTriangle {
  Vec3 corner, edge_b, edge_c;
  Vec3 normal;  ///< unit, to the front
  float area = 0;
};

SOVREN_TRACE LitTriangle lit_triangle(const SceneView& view, const LightView& light, float time) {
  if (!light.is_moving)
    return {light.position, light.edge_b, light.edge_c, light.direction, light.area};
  const InstanceView& instance = view.instances[light.instance];
  const Corners corners = world_corners(view, instance, light.primitive, time);
  LitTriangle t{corners.a, corners.b - corners.a, corners.c - corners.a, {}, 0};
  const Vec3 normal = cross(t.edge_b, t.edge_c);
  const float twice_area = length(normal);
  t.area = 0.5F * twice_area;
  if (twice_area > 0) t.normal = normal * ((instance.is_mirrored ? -1.0F : 1.0F) / twice_area);
  return t;
}

/// A triangle on the unit sphere around the eye.
struct SphericalTriangle {
  Vec3 a, b, c;
  float solid_angle = 0;  ///< 0: the triangle is chosen from by area
};

/// Of triangles nearer than near_squared (to their middle). Of those that are seen at so small an
/// angle that floats do not resolve it, or from within, the area is better.
/// Source   Van Oosterom and Strackee, The Solid Angle of a Plane Triangle (IEEE Trans. Biomed.
///          Eng. 30.2, 1983).
SOVREN_TRACE SphericalTriangle spherical_triangle(const LitTriangle& t, float near_squared,
                                                  Vec3 eye) {
  SphericalTriangle s;
  const Vec3 a = t.corner - eye;
  const Vec3 middle = a + (t.edge_b + t.edge_c) * (1.0F / 3.0F);
  if (!(dot(middle, middle) < near_squared)) return s;
  s.a = normalized(a);
  s.b = normalized(a + t.edge_b);
  s.c = normalized(a + t.edge_c);
  const float volume = magnitude(dot(s.a, cross(s.b, s.c)));
  const float angle = 2.0F * arc_tan2(volume, 1.0F + dot(s.a, s.b) + dot(s.b, s.c) + dot(s.c, s.a));
  s.solid_angle = angle > 1e-3F && angle < 6.0F ? angle : 0.0F;
  return s;
}

/// Unit: the part of x at a right angle to unit y.
SOVREN_TRACE Vec3 part_across(Vec3 x, Vec3 y) {
  return normalized(x - y * dot(x, y));
}

/// A direction within the triangle, all alike likely.
/// Source   Arvo, Stratified Sampling of Spherical Triangles (SIGGRAPH 1995).
SOVREN_TRACE Vec3 direction_within(const SphericalTriangle& s, Vec2 u) {
  // The angle alpha at a, between the planes through b and through c.
  const Vec3 ab = cross(s.a, s.b);
  const Vec3 ac = cross(s.a, s.c);
  const float scale = 1.0F / root(dot(ab, ab) * dot(ac, ac));
  const float cos_alpha = dot(ab, ac) * scale;
  const float sin_alpha = magnitude(dot(s.a, cross(s.b, s.c))) * scale;
  // The triangle a, b, d has a share u.x of the area; d is on the edge from a to c.
  float sine = 0;
  float cosine = 0;
  sin_cos(u.x * s.solid_angle, sine, cosine);
  const float sin_rest = sine * cos_alpha - cosine * sin_alpha;
  const float cos_rest = cosine * cos_alpha + sine * sin_alpha;
  const float p = cos_rest - cos_alpha;
  const float q = sin_rest + sin_alpha * dot(s.a, s.b);
  const float cos_d = clamped(
      ((q * cos_rest - p * sin_rest) * cos_alpha - q) / ((q * sin_rest + p * cos_rest) * sin_alpha),
      -1, 1);
  const Vec3 d = s.a * cos_d + part_across(s.c, s.a) * root(maximum(0.0F, 1.0F - cos_d * cos_d));
  // Along the arc from b to d.
  const float z = 1.0F - u.y * (1.0F - clamped(dot(d, s.b), -1, 1));
  return s.b * z + part_across(d, s.b) * root(maximum(0.0F, 1.0F - z * z));
}

/// Evenly over the triangle's area: the share of the edges to b and c.
/// Source   Heitz, A Low-Distortion Map Between Triangle and Square (2019).
SOVREN_TRACE Vec2 triangle_point(Vec2 u) {
  if (u.y > u.x) return {0.5F * u.x, u.y - 0.5F * u.x};
  return {u.x - 0.5F * u.y, 0.5F * u.y};
}

struct TrianglePoint {
  Vec3 direction;  ///< unit, from the eye
  float distance = 0;
  Vec2 place;  ///< share of edge_b and edge_c
  float pdf = 0;
};

/// false: the eye is in the triangle's plane, or the front, which alone shines, is not seen.
SOVREN_TRACE bool sample_triangle(const LitTriangle& t, float near_squared, bool is_one_sided,
                                  Vec3 eye, Vec2 u, TrianglePoint& point) {
  const Vec3 to_corner = t.corner - eye;
  const float height = -dot(to_corner, t.normal);  // of the eye over the front
  if (height == 0 || (is_one_sided && height < 0)) return false;
  const SphericalTriangle s = spherical_triangle(t, near_squared, eye);
  if (s.solid_angle > 0) {
    point.direction = normalized(direction_within(s, u));
    point.distance = -height / dot(point.direction, t.normal);
    point.pdf = 1.0F / s.solid_angle;
    const Vec3 from_corner = point.direction * point.distance - to_corner;
    const Vec3 normal = cross(t.edge_b, t.edge_c);
    const float scale = 1.0F / dot(normal, normal);
    point.place = {dot(cross(from_corner, t.edge_c), normal) * scale,
                   dot(cross(t.edge_b, from_corner), normal) * scale};
    return point.distance > 0 && point.distance < infinity;
  }
  point.place = triangle_point(u);
  const Vec3 way = to_corner + t.edge_b * point.place.x + t.edge_c * point.place.y;
  const float squared = dot(way, way);
  point.distance = root(squared);
  point.direction = way * (1.0F / point.distance);
  const float cosine = magnitude(dot(point.direction, t.normal));
  point.pdf = squared / (cosine * t.area);
  return cosine > 0;
}

/// Per solid angle, of sample_triangle for a point of the triangle that is seen so.
SOVREN_TRACE float triangle_pdf(const LitTriangle& t, float near_squared, Vec3 eye, Vec3 direction,
                                float distance) {
  const SphericalTriangle s = spherical_triangle(t, near_squared, eye);
  if (s.solid_angle > 0) return 1.0F / s.solid_angle;
  const float cosine = magnitude(dot(direction, t.normal));
  return cosine > 0 ? distance * distance / (cosine * t.area) : 0.0F;
}

}  // namespace sovren::trace
