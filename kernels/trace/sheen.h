// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/albedo.h"
#include "kernels/trace/bsdf_values.h"
#include "kernels/trace/math.h"
#include "kernels/trace/vec.h"

namespace sovren::trace {

// Cloth, as KHR_materials_sheen has it: microfacets that stand off the surface. Directions are in
// the frame whose z is the normal. alpha: sheen roughness squared.
//
// Source   Estevez and Kulla, Production Friendly Microfacet Sheen BRDF (SIGGRAPH course 2017): the
//          distribution "Charlie", and its shadowing by a curve with the paper's five constants,
//          each between the ones for alpha 0 and 1.

/// Sharper lobes are not resolved.
inline constexpr float least_sheen_roughness = 0.07F;

SOVREN_TRACE float sheen_curve(float x, float alpha) {
  const float share = square(1 - alpha);
  const float a = mix(21.5473F, 25.3245F, share);
  const float b = mix(3.82987F, 3.32435F, share);
  const float c = mix(0.19823F, 0.16801F, share);
  const float d = mix(-1.97760F, -1.27393F, share);
  const float e = mix(-4.32054F, -4.85967F, share);
  return a / (1 + b * power(x, c)) + d * x + e;
}
/// Lambda of Smith's shadowing. middle: sheen_curve() of 1/2.
SOVREN_TRACE float sheen_lambda(float cosine, float alpha, float middle) {
  const float x = clamped(cosine, 0, 1);
  if (x < 0.5F) return exp_of(sheen_curve(x, alpha));
  return exp_of(2 * middle - sheen_curve(1 - x, alpha));
}

/// White sheen that is seen from wo.
SOVREN_TRACE Sheen sheen_of(float alpha, Vec3 wo) {
  const float middle = sheen_curve(0.5F, alpha);
  return {{1, 1, 1}, alpha, 1, middle, sheen_lambda(wo.z, alpha, middle)};
}

/// Without colour and scale, times the cosine of wi. wo.z, wi.z > 0.
SOVREN_TRACE float evaluate_sheen(const Sheen& sheen, Vec3 wo, Vec3 wi) {
  const Vec3 h = normalized(wo + wi);
  const float sine = root(h.x * h.x + h.y * h.y);
  const float sharp = 1 / sheen.alpha;
  const float density = (2 + sharp) * power(sine, sharp) * (0.5F * inverse_pi);
  const float lambda = sheen_lambda(wi.z, sheen.alpha, sheen.middle);
  return density / (4 * wo.z * (1 + sheen.lambda + lambda));
}

/// A direction of the upper half, all alike likely: 1 / (2 pi).
SOVREN_TRACE Vec3 sample_half_sphere(Vec2 u) {
  float sine, cosine;
  sin_cos(2 * pi * u.x, sine, cosine);
  const float radius = root(maximum(0, 1 - u.y * u.y));
  return {radius * cosine, radius * sine, u.y};
}

/// Row of the table of sheen.
SOVREN_TRACE float sheen_row(float alpha) {
  return (root(alpha) - least_sheen_roughness) / (1 - least_sheen_roughness);
}
/// Light that white sheen sends back in all.
SOVREN_TRACE float sheen_albedo(const SceneView& view, float alpha, float cosine) {
  return entry(view.tables.sheen,
               table_place(sheen_size, clamped(sheen_row(alpha), 0, 1), root(cosine)));
}

}  // namespace sovren::trace
