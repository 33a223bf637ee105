// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/vec.h"

namespace sovren::trace {

// Does a ray meet a triangle? Watertight: the three products that decide are, on an edge that two
// triangles share, the same number with another sign, so that no ray passes between them. The CPU's
// walk does the same steps on four triangles (level/walk.cpp), and finds the same bits.
//
// Source   Woop, Benthin, Wald: Watertight ray/triangle intersection (JCGT 2.1, 2013). Left out:
//          its second look in double where a product is 0. Then both neighbours are hit, which the
//          order of ties (comes_first) settles.

/// A ray's space, in which it goes along the last axis.
struct RayShear {
  int kx = 0, ky = 1, kz = 2;  ///< axes; kz: the one that the direction has most of
  float sx = 0, sy = 0, sz = 0;
  Vec3 origin;
};

SOVREN_TRACE float on_axis(Vec3 v, int axis) {
  return axis == 0 ? v.x : axis == 1 ? v.y : v.z;
}

SOVREN_TRACE RayShear shear_of(Vec3 origin, Vec3 direction) {
  const float x = magnitude(direction.x), y = magnitude(direction.y), z = magnitude(direction.z);
  RayShear shear;
  shear.kz = x > y ? (x > z ? 0 : 2) : (y > z ? 1 : 2);
  shear.kx = shear.kz == 2 ? 0 : shear.kz + 1;
  shear.ky = shear.kx == 2 ? 0 : shear.kx + 1;
  shear.sz = 1.0F / on_axis(direction, shear.kz);
  shear.sx = on_axis(direction, shear.kx) * shear.sz;
  shear.sy = on_axis(direction, shear.ky) * shear.sz;
  shear.origin = origin;
  return shear;
}

/// A corner in the ray's space.
SOVREN_TRACE Vec3 sheared(const RayShear& shear, Vec3 corner) {
  const Vec3 p = corner - shear.origin;
  const float z = on_axis(p, shear.kz);
  return {on_axis(p, shear.kx) - shear.sx * z, on_axis(p, shear.ky) - shear.sy * z, shear.sz * z};
}

/// If so, and t_min < t <= t_max: the distance, and the point (1 - u - v) a + u b + v c.
SOVREN_TRACE bool meets(const RayShear& shear, Vec3 corner_a, Vec3 corner_b, Vec3 corner_c,
                        float t_min, float t_max, float& t, float& u, float& v) {
  const Vec3 a = sheared(shear, corner_a), b = sheared(shear, corner_b),
             c = sheared(shear, corner_c);
  const float of_a = c.x * b.y - c.y * b.x;
  const float of_b = a.x * c.y - a.y * c.x;
  const float of_c = b.x * a.y - b.y * a.x;
  const float least = minimum(minimum(of_a, of_b), of_c);
  const float most = maximum(maximum(of_a, of_b), of_c);
  if (!(least >= 0 || most <= 0)) return false;
  const float sum = of_a + of_b + of_c;
  t = (of_a * a.z + of_b * b.z + of_c * c.z) / sum;
  if (!(t > t_min && t <= t_max)) return false;  // nor is 0 / 0
  u = of_b / sum;
  v = of_c / sum;
  return true;
}

/// Of two hits at one distance: which is the ray's? So the answer does not depend on the tree.
SOVREN_TRACE bool comes_first(std::uint32_t instance, std::uint32_t primitive,
                              std::uint32_t than_instance, std::uint32_t than_primitive) {
  return instance < than_instance || (instance == than_instance && primitive < than_primitive);
}

}  // namespace sovren::trace
