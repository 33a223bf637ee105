// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/device/both.h"

/// A small function of the path tracer, for the CPU and for devices. Each compiled file has its own
/// copy of it, so that files may be compiled for other processors.
#ifdef __CUDACC__
#define SOVREN_TRACE __host__ __device__ __forceinline__
#else
#define SOVREN_TRACE [[maybe_unused]] static inline
#endif

namespace sovren::trace {

inline constexpr float infinite = std::numeric_limits<float>::infinity();

// Plain values. Products and sums are rounded one by one on every machine (-ffp-contract=off,
// --fmad=false), so that the same picture comes from all of them.

struct Vec2 {
  float x = 0, y = 0;
  bool operator==(const Vec2&) const = default;
};
struct Vec3 {
  float x = 0, y = 0, z = 0;
  bool operator==(const Vec3&) const = default;
};
struct Vec4 {
  float x = 0, y = 0, z = 0, w = 0;
  bool operator==(const Vec4&) const = default;
};

SOVREN_TRACE Vec2 operator+(Vec2 a, Vec2 b) {
  return {a.x + b.x, a.y + b.y};
}
SOVREN_TRACE Vec2 operator-(Vec2 a, Vec2 b) {
  return {a.x - b.x, a.y - b.y};
}
SOVREN_TRACE Vec2 operator*(Vec2 a, float s) {
  return {a.x * s, a.y * s};
}

SOVREN_TRACE Vec3 operator+(Vec3 a, Vec3 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
SOVREN_TRACE Vec3 operator-(Vec3 a, Vec3 b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
SOVREN_TRACE Vec3 operator-(Vec3 a) {
  return {-a.x, -a.y, -a.z};
}
SOVREN_TRACE Vec3 operator*(Vec3 a, Vec3 b) {
  return {a.x * b.x, a.y * b.y, a.z * b.z};
}
SOVREN_TRACE Vec3 operator*(Vec3 a, float s) {
  return {a.x * s, a.y * s, a.z * s};
}
SOVREN_TRACE Vec3 operator*(float s, Vec3 a) {
  return a * s;
}
SOVREN_TRACE Vec3 operator/(Vec3 a, float s) {
  return a * (1.0F / s);
}
SOVREN_TRACE Vec3& operator+=(Vec3& a, Vec3 b) {
  a = a + b;
  return a;
}
SOVREN_TRACE Vec3& operator*=(Vec3& a, Vec3 b) {
  a = a * b;
  return a;
}
SOVREN_TRACE Vec3& operator*=(Vec3& a, float s) {
  a = a * s;
  return a;
}
SOVREN_TRACE Vec4 operator+(Vec4 a, Vec4 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
}
SOVREN_TRACE Vec4 operator*(Vec4 a, float s) {
  return {a.x * s, a.y * s, a.z * s, a.w * s};
}

SOVREN_TRACE float dot(Vec3 a, Vec3 b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
SOVREN_TRACE Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
SOVREN_TRACE float square(float x) {
  return x * x;
}
SOVREN_TRACE float minimum(float a, float b) {
  return a < b ? a : b;
}
SOVREN_TRACE float maximum(float a, float b) {
  return a > b ? a : b;
}
SOVREN_TRACE float clamped(float x, float low, float high) {
  return minimum(maximum(x, low), high);
}
/// Correctly rounded on every machine, as division is.
SOVREN_TRACE float root(float x) {
#ifdef __CUDA_ARCH__
  return sqrtf(x);
#else
  return __builtin_sqrtf(x);
#endif
}
SOVREN_TRACE float magnitude(float x) {
#ifdef __CUDA_ARCH__
  return fabsf(x);
#else
  return __builtin_fabsf(x);
#endif
}
SOVREN_TRACE float length(Vec3 a) {
  return root(dot(a, a));
}
SOVREN_TRACE Vec3 normalized(Vec3 a) {
  return a * (1.0F / length(a));
}
SOVREN_TRACE float largest(Vec3 a) {
  return maximum(maximum(a.x, a.y), a.z);
}
/// All channels 0 (or -0): one comparison of their bits.
SOVREN_TRACE bool is_black(Vec3 a) {
  std::uint32_t bits[3];
  __builtin_memcpy(bits, &a, sizeof bits);
  return (bits[0] | bits[1] | bits[2]) << 1 == 0;
}
/// Of linear sRGB (Rec. 709).
SOVREN_TRACE float luminance(Vec3 a) {
  return 0.212671F * a.x + 0.715160F * a.y + 0.072169F * a.z;
}
SOVREN_TRACE float mix(float a, float b, float share) {
  return a + (b - a) * share;
}
SOVREN_TRACE Vec3 mix(Vec3 a, Vec3 b, float share) {
  return a + (b - a) * share;
}

/// Three axes at right angles; z is the one that is named.
/// Source   Duff et al., Building an Orthonormal Basis, Revisited (JCGT 6.1, 2017), listing 3.
struct Frame {
  Vec3 x, y, z;
};
SOVREN_TRACE Frame frame_about(Vec3 z) {
  const float sign = z.z < 0 ? -1.0F : 1.0F;
  const float a = -1.0F / (sign + z.z);
  const float b = z.x * z.y * a;
  return {{1.0F + sign * z.x * z.x * a, sign * b, -sign * z.x}, {b, sign + z.y * z.y * a, -z.y}, z};
}
SOVREN_TRACE Vec3 local_from_world(const Frame& frame, Vec3 v) {
  return {dot(v, frame.x), dot(v, frame.y), dot(v, frame.z)};
}
SOVREN_TRACE Vec3 world_from_local(const Frame& frame, Vec3 v) {
  return frame.x * v.x + frame.y * v.y + frame.z * v.z;
}

/// x' = columns[0] x.x + columns[1] x.y + columns[2] x.z + origin.
struct Affine {
  Vec3 columns[3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  Vec3 origin;
  bool operator==(const Affine&) const = default;
};
SOVREN_TRACE Vec3 transform_vector(const Affine& m, Vec3 v) {
  return m.columns[0] * v.x + m.columns[1] * v.y + m.columns[2] * v.z;
}
SOVREN_TRACE Vec3 transform_point(const Affine& m, Vec3 p) {
  return transform_vector(m, p) + m.origin;
}
/// A normal goes by the inverse's transpose; inverse: of the transform. Not normalized.
SOVREN_TRACE Vec3 transform_normal(const Affine& inverse, Vec3 n) {
  return {dot(inverse.columns[0], n), dot(inverse.columns[1], n), dot(inverse.columns[2], n)};
}
/// First b, then a.
SOVREN_TRACE Affine operator*(const Affine& a, const Affine& b) {
  return {{transform_vector(a, b.columns[0]), transform_vector(a, b.columns[1]),
           transform_vector(a, b.columns[2])},
          transform_point(a, b.origin)};
}
SOVREN_TRACE Affine mix(const Affine& a, const Affine& b, float share) {
  return {{mix(a.columns[0], b.columns[0], share), mix(a.columns[1], b.columns[1], share),
           mix(a.columns[2], b.columns[2], share)},
          mix(a.origin, b.origin, share)};
}
SOVREN_TRACE float determinant(const Affine& m) {
  return dot(m.columns[0], cross(m.columns[1], m.columns[2]));
}
/// The determinant must not be 0.
SOVREN_TRACE Affine inverse(const Affine& m) {
  const float scale = 1.0F / determinant(m);
  const Vec3 rows[3] = {cross(m.columns[1], m.columns[2]) * scale,
                        cross(m.columns[2], m.columns[0]) * scale,
                        cross(m.columns[0], m.columns[1]) * scale};
  const Affine linear{{{rows[0].x, rows[1].x, rows[2].x},
                       {rows[0].y, rows[1].y, rows[2].y},
                       {rows[0].z, rows[1].z, rows[2].z}},
                      {}};
  return {{linear.columns[0], linear.columns[1], linear.columns[2]},
          -transform_vector(linear, m.origin)};
}

}  // namespace sovren::trace
