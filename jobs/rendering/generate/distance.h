// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "kernels/trace/vec.h"

namespace sovren::jobs {

// Distances to bodies, negative inside, and ways to blend them softly: what heads are moulded of.
// Source   I. Quilez's articles on distance functions (round cone, polynomial smooth minimum).

inline float ball_distance(trace::Vec3 p, trace::Vec3 middle, float radius) {
  return trace::length(p - middle) - radius;
}

/// About right near the surface, which is what counts.
inline float ellipsoid_distance(trace::Vec3 p, trace::Vec3 middle, trace::Vec3 radii) {
  const trace::Vec3 q = p - middle;
  const trace::Vec3 a{q.x / radii.x, q.y / radii.y, q.z / radii.z};
  const trace::Vec3 b{a.x / radii.x, a.y / radii.y, a.z / radii.z};
  const float k0 = trace::length(a), k1 = trace::length(b);
  return k1 > 1e-6F ? k0 * (k0 - 1) / k1 : -std::min({radii.x, radii.y, radii.z});
}

/// A capsule whose ends are of different radii (its sides are slightly off where they differ much).
inline float limb_distance(trace::Vec3 p, trace::Vec3 a, float radius_a, trace::Vec3 b,
                           float radius_b) {
  const trace::Vec3 along = b - a, q = p - a;
  const float share = std::clamp(trace::dot(q, along) / trace::dot(along, along), 0.0F, 1.0F);
  return trace::length(q - along * share) - trace::mix(radius_a, radius_b, share);
}

/// The union of two bodies, filleted over about `width`.
inline float joined(float a, float b, float width) {
  const float h = std::max(width - trace::magnitude(a - b), 0.0F) / width;
  return std::min(a, b) - h * h * width * 0.25F;
}

/// What is left of a body without another, the edge rounded.
inline float carved(float body, float hole, float width) {
  return -joined(-body, hole, width);
}

/// 0 below `low`, 1 above `high`, smooth between.
inline float step_between(float low, float high, float x) {
  const float t = std::clamp((x - low) / (high - low), 0.0F, 1.0F);
  return t * t * (3 - 2 * t);
}

}  // namespace sovren::jobs
