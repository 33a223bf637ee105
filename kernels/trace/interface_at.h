// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/albedo.h"
#include "kernels/trace/bsdf_values.h"
#include "kernels/trace/material_at.h"
#include "kernels/trace/microfacet.h"

namespace sovren::trace {

// The interface of a metal and a dielectric: from numbers of a material to an Interface, with the
// energy that single bounces lose given back.

/// Below it the lobe of GGX is sharper than floats resolve: a mirror.
inline constexpr float alpha_of_mirrors = 5e-4F;

/// Of clear coats (KHR_materials_clearcoat).
inline constexpr float coat_index = 1.5F;

/// Metal, dielectric and what of light passes between them.
SOVREN_TRACE Interface interface_at(const SceneView& view, const Material& m, bool is_correlated,
                                    const Surface& surface, Vec3 base) {
  Interface s;
  s.is_correlated = is_correlated;
  float roughness = m.roughness;
  s.metallic = m.metallic;
  if (m.metallic_roughness_texture.texture >= 0) {
    const Vec4 t = texel(view, m.metallic_roughness_texture, surface);
    roughness *= t.y;
    s.metallic *= t.z;
  }
  s.metallic = clamped(s.metallic, 0, 1);
  s.roughness = clamped(roughness, 0, 1);
  s.alpha = square(s.roughness);
  s.metal = base;
  if (m.transmission > 0)
    s.clear = clamped(m.transmission * texel(view, m.transmission_texture, surface).x, 0, 1);
  s.is_thin = !m.is_solid;
  s.is_inside = !surface.is_front && m.is_solid && s.clear > 0;
  if (s.metallic < 1) {
    const float ior = refractive_index(m);
    s.block = view.tables.dielectric_of_material[surface.material];
    s.normal = fresnel_normal(ior);
    s.eta = s.is_inside ? 1 / ior : ior;
    s.high = clamped(m.specular * texel(view, m.specular_texture, surface).w, 0, 1);
    const Vec3 c = m.specular_color * first_three(texel(view, m.specular_color_texture, surface));
    s.low =
        Vec3{minimum(s.normal * c.x, 1), minimum(s.normal * c.y, 1), minimum(s.normal * c.z, 1)} *
        s.high;
    s.transmission = base * ((1 - s.metallic) * s.clear);
  }
  // An index this near to 1 bends light less than any roughness shows.
  const bool is_unbent = s.clear > 0 && m.is_solid && magnitude(s.eta - 1) < 0.01F;
  s.is_mirror = s.alpha < alpha_of_mirrors || is_unbent;
  return s;
}

/// Share of light at this cosine that the dielectric sends back, at most.
SOVREN_TRACE float reflected_share(const SceneView& view, const Interface& s, float cosine) {
  if (!(s.high > 0)) return 0;
  const float smooth = s.is_mirror || s.is_inside ? facet_at(s, cosine).dielectric : 0;
  if (s.is_mirror) return smooth;
  const float* block = dielectric_block(view, s.block, s.is_correlated);
  // Near the critical angle the table is too coarse for what is nearly smooth.
  if (s.is_inside) return maximum(smooth, sent_inside(block, s.roughness, cosine));
  const float low = largest(s.low);
  return metal_albedo(view, s.is_correlated, s.roughness, cosine) *
         maximum(low + (s.high - low) * mean_rise(block, s.roughness, cosine), 0);
}
/// The same of light from everywhere, from outside.
SOVREN_TRACE float reflected_mean(const SceneView& view, const Interface& s) {
  if (!(s.high > 0)) return 0;
  const float* block = dielectric_block(view, s.block, s.is_correlated);
  const float low = largest(s.low);
  const float roughness = s.is_mirror ? 0 : s.roughness;
  const float risen = row_entry(block + DielectricBlock::rise_mean, dielectric_size, roughness);
  return low * metal_mean(view, s.is_correlated, roughness) + (s.high - low) * risen;
}

/// Light that has bounced on a microfacet once and is lost bounces on, with the same chances, until
/// it gets out: a geometric series. lost: by one bounce.
SOVREN_TRACE float gain_of(float color, float lost) {
  return 1 / (1 - color * lost);
}

/// Not of mirrors. Gives back what rough interfaces lose because a sample bounces on them only
/// once. Source   Turquin, Practical Multiple Scattering Compensation for Microfacet Models (2019).
SOVREN_TRACE void add_gain(const SceneView& view, Interface& s, float cosine) {
  const float lost = 1 - metal_albedo(view, s.is_correlated, s.roughness, cosine);
  if (s.metallic > 0) {
    // The mean of Schlick's curve over all directions.
    const Vec3 f = s.metal * (20.0F / 21) + Vec3{1, 1, 1} * (1.0F / 21);
    s.metal_gain *= Vec3{gain_of(f.x, lost), gain_of(f.y, lost), gain_of(f.z, lost)};
  }
  if (s.metallic < 1 && s.clear > 0) {
    const float* block = dielectric_block(view, s.block, s.is_correlated);
    s.gain = gain_of(
        1, s.is_thin ? lost
                     : clear_loss(block, s.is_inside, s.roughness, cosine, largest(s.low), s.high));
  }
}

/// The face of a clear coat: white, of refractive index 1.5.
SOVREN_TRACE Interface coat_face(const SceneView& view, const Material& m, const Surface& surface,
                                 bool is_correlated) {
  Interface s;
  s.is_correlated = is_correlated;
  s.roughness =
      clamped(m.clearcoat_roughness * texel(view, m.clearcoat_roughness_texture, surface).y, 0, 1);
  s.alpha = square(s.roughness);
  s.is_mirror = s.alpha < alpha_of_mirrors;
  s.eta = coat_index;
  s.normal = fresnel_normal(coat_index);
  s.low = Vec3{1, 1, 1} * s.normal;
  s.high = 1;
  s.block = view.tables.coat;
  return s;
}

}  // namespace sovren::trace
