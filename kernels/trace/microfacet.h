// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/bsdf_values.h"
#include "kernels/trace/disk.h"
#include "kernels/trace/fresnel.h"
#include "kernels/trace/ggx.h"

namespace sovren::trace {

// The interface of a metal and a dielectric. Directions are in the frame whose z is the normal.
//
// Radiance   light that passes into a denser medium is not concentrated by eta^2: what paths carry
//            is basic radiance, L / n^2, so that lights and cameras in air see what they should,
//            and a surface that is not closed does no harm (as Cycles has it).

/// What one microfacet does with light.
struct Facet {
  Vec3 reflection, transmission;
  float dielectric = 0;  ///< most that the dielectric reflects of a colour
  float cos_behind = 0;  ///< of the refracted direction; 0: none
  float chance = 1;      ///< of sample_interface() to reflect there
};

/// cosine: of the direction and the facet's normal, > 0.
SOVREN_TRACE Facet facet_at(const Interface& s, float cosine) {
  const Vec3 white{1, 1, 1};
  Facet facet;
  if (s.metallic > 0)
    facet.reflection = (s.metal + (white - s.metal) * schlick_rise(cosine)) * s.metal_gain;
  if (s.metallic < 1 && (s.high > 0 || s.clear > 0)) {
    const float exact = fresnel_dielectric(cosine, s.eta, facet.cos_behind);
    const float rise = dielectric_rise(exact, s.normal, cosine);
    Vec3 once = s.low + (white * s.high - s.low) * rise;
    // Of high indices the curve dips before it rises: below 0, where the low end is black.
    once = {maximum(once.x, 0), maximum(once.y, 0), maximum(once.z, 0)};
    if (facet.cos_behind == 0 && s.is_inside) once = white;
    facet.dielectric = largest(once);
    float passed = 1 - facet.dielectric;
    if (s.is_thin && s.clear > 0) {
      // All that goes back and forth between the two faces, summed up.
      const Vec3 often{2 * once.x / (1 + once.x), 2 * once.y / (1 + once.y),
                       2 * once.z / (1 + once.z)};
      once = mix(once, often, s.clear);
      passed = (1 - facet.dielectric) / (1 + facet.dielectric);
    }
    facet.reflection += once * ((1 - s.metallic) * mix(1, s.gain, s.clear));
    facet.transmission = s.transmission * (passed * s.gain);
  }
  facet.reflection *= s.scale;
  facet.transmission *= s.scale;
  if (s.clear > 0) {
    const float back = luminance(facet.reflection);
    const float through = luminance(facet.transmission);
    facet.chance = back + through > 0 ? back / (back + through) : 1;
  }
  return facet;
}

/// Of light to wi by an interface that is no mirror. wi.z is not 0.
SOVREN_TRACE BsdfValue evaluate_interface(const Interface& s, Vec3 wo, Vec3 wi) {
  const bool is_reflection = wi.z > 0;
  if (!is_reflection && !(s.clear > 0)) return {};
  Vec3 h = wo + (is_reflection ? wi : s.is_thin ? Vec3{wi.x, wi.y, -wi.z} : wi * s.eta);
  const float size = dot(h, h);
  if (!(size > 0)) return {};
  h *= (h.z < 0 ? -1 : 1) / root(size);
  const float cos_o = dot(wo, h);
  if (!(cos_o > 0)) return {};
  const Facet facet = facet_at(s, cos_o);
  float density = ggx_visible_density(s.alpha, wo, h);
  if (is_reflection || s.is_thin) {
    density *= 0.25F;
  } else {
    const float cos_i = dot(wi, h);
    if (!(cos_i < 0) || facet.cos_behind == 0) return {};
    density *= cos_o * -cos_i * square(s.eta / (cos_o + s.eta * cos_i));
  }
  const Vec3 color = is_reflection ? facet.reflection : facet.transmission;
  const float chance = is_reflection ? facet.chance : 1 - facet.chance;
  return {color * (density * ggx_lit_share(s.alpha, wo, wi, s.is_correlated)), density * chance};
}

/// A direction that the interface sends light to; lobe: decides between the two sides. weight and
/// pdf are of the interface alone.
SOVREN_TRACE bool sample_interface(const Interface& s, Vec3 wo, float lobe, Vec2 u,
                                   BsdfSample& out) {
  const Vec3 h = s.is_mirror ? Vec3{0, 0, 1} : ggx_sample(s.alpha, wo, disk_point(u));
  const float cosine = dot(wo, h);
  if (!(cosine > 0)) return false;
  const Facet facet = facet_at(s, cosine);
  out.is_transmission = !(lobe < facet.chance);
  out.is_delta = s.is_mirror;
  out.spread = s.is_mirror ? 0 : s.alpha;
  float density = 0.25F;
  if (!out.is_transmission || s.is_thin) {
    out.wi = reflected(wo, h);
    if (!(out.wi.z > 0)) return false;
    if (out.is_transmission) out.wi.z = -out.wi.z;
  } else {
    if (facet.cos_behind == 0) return false;
    out.wi = refracted(wo, h, s.eta, cosine, facet.cos_behind);
    if (!(out.wi.z < 0)) return false;
    const float cos_i = facet.cos_behind;
    density = cosine * cos_i * square(s.eta / (cosine - s.eta * cos_i));
  }
  out.pdf = out.is_transmission ? 1 - facet.chance : facet.chance;
  out.weight = (out.is_transmission ? facet.transmission : facet.reflection) / out.pdf;
  if (s.is_mirror) return true;
  out.pdf *= density * ggx_visible_density(s.alpha, wo, h);
  out.weight *= ggx_lit_share(s.alpha, wo, out.wi, s.is_correlated);
  return out.pdf > 0;
}

}  // namespace sovren::trace
