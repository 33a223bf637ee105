// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/math.h"
#include "kernels/trace/vec.h"

namespace sovren::trace {

// The microfacets of GGX (Walter et al. 2007), in the frame whose z is the normal. alpha: roughness
// squared, > 0. Directions are unit; cosines of directions below the surface count as positive.

/// Density of microfacets whose normal is h, per solid angle and area of the surface.
SOVREN_TRACE float ggx_density(float alpha, Vec3 h) {
  const float a2 = alpha * alpha;
  // Of x and y and not of 1 - z^2, which has no digits left where surfaces are nearly smooth.
  const float s = h.x * h.x + h.y * h.y + a2 * (h.z * h.z);
  return inverse_pi * a2 / (s * s);
}

/// |z| (1 + 2 Lambda) of Smith's shadowing: sqrt(z^2 + alpha^2 (x^2 + y^2)).
SOVREN_TRACE float ggx_slope(float alpha, Vec3 w) {
  return root(w.z * w.z + alpha * alpha * (w.x * w.x + w.y * w.y));
}

/// Share of the visible microfacets that are lit too: G2(o, i) / G1(o), in [0, 1].
/// Source   Heitz, Understanding the Masking-Shadowing Function (JCGT 3.2, 2014): equation 99
///          (height-correlated), or the product of two G1.
SOVREN_TRACE float ggx_lit_share(float alpha, Vec3 wo, Vec3 wi, bool is_correlated) {
  const float o = magnitude(wo.z);
  const float i = magnitude(wi.z);
  const float slope_i = ggx_slope(alpha, wi);
  if (!is_correlated) return 2 * i / (i + slope_i);
  const float slope_o = ggx_slope(alpha, wo);
  return i * (o + slope_o) / (slope_o * i + slope_i * o);
}

/// G1(o) D(h) / cos o: pdf of seeing the microfacets h from wo is this times dot(wo, h).
SOVREN_TRACE float ggx_visible_density(float alpha, Vec3 wo, Vec3 h) {
  return 2 * ggx_density(alpha, h) / (magnitude(wo.z) + ggx_slope(alpha, wo));
}

/// A microfacet's normal with the pdf ggx_visible_density(wo, h) dot(wo, h). wo.z >= 0. disk: a
/// point of the unit disk, which is laid onto the cap of visible normals by Lambert's projection of
/// equal areas.
/// Source   Dupuy and Benyoub, Sampling Visible GGX Normals with Spherical Caps (HPG 2023).
SOVREN_TRACE Vec3 ggx_sample(float alpha, Vec3 wo, Vec2 disk) {
  const Vec3 stretched = normalized(Vec3{alpha * wo.x, alpha * wo.y, wo.z});
  const float height = (disk.x * disk.x + disk.y * disk.y) * (1 + stretched.z);
  const float scale = root(maximum(0, (1 + stretched.z) * (2 - height)));
  const Vec3 h = Vec3{disk.x * scale, disk.y * scale, 1 - height} + stretched;
  const Vec3 back{alpha * h.x, alpha * h.y, maximum(h.z, 0)};
  const float size = dot(back, back);
  return size > 0 ? back * (1 / root(size)) : Vec3{0, 0, 1};
}

}  // namespace sovren::trace
