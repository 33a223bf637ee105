// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/albedo.h"
#include "kernels/trace/bsdf_values.h"
#include "kernels/trace/material.h"
#include "kernels/trace/math.h"
#include "kernels/trace/microfacet.h"
#include "kernels/trace/settings.h"
#include "kernels/trace/surface.h"
#include "kernels/trace/texture.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// From a material and its textures at one point to a Bsdf, light, and opacity.

/// Below it the lobe of GGX is sharper than floats resolve: a mirror.
inline constexpr float alpha_of_mirrors = 5e-4F;

SOVREN_TRACE Vec4 texel(const SceneView& view, const TextureRef& ref, const Surface& surface) {
  if (ref.texture < 0) return {1, 1, 1, 1};
  return look_up(view, ref, surface.uv, surface.cone_width * surface.uv_per_length);
}
SOVREN_TRACE Vec3 first_three(Vec4 a) {
  return {a.x, a.y, a.z};
}
SOVREN_TRACE Vec3 base_color_at(const SceneView& view, const Material& m, const Surface& surface) {
  const Vec3 color = m.base_color * first_three(surface.color);
  if (m.base_color_texture.texture < 0) return color;
  return color * first_three(texel(view, m.base_color_texture, surface));
}

/// Radiance that the surface sends back along the ray that found it; 0 from a back that does not
/// shine.
SOVREN_TRACE Vec3 emission_at(const SceneView& view, const Surface& surface) {
  const Material& m = view.materials[surface.material];
  if (m.is_unlit) return base_color_at(view, m, surface);
  if (is_black(m.emission) || !(surface.is_front || m.emits_backwards)) return {};
  return m.emission * first_three(texel(view, m.emission_texture, surface));
}

/// 1: light never passes as if nothing were there; 0: always.
SOVREN_TRACE float opacity_at(const SceneView& view, const Surface& surface) {
  const Material& m = view.materials[surface.material];
  if (m.alpha_mode == Material::Alpha::opaque) return 1;
  const float alpha = m.alpha * surface.color.w * texel(view, m.base_color_texture, surface).w;
  if (m.alpha_mode == Material::Alpha::mask) return alpha < m.alpha_cutoff ? 0.0F : 1.0F;
  return clamped(alpha, 0, 1);
}

/// Of light inside of a solid, per unit of length (Beer and Lambert).
SOVREN_TRACE Vec3 attenuation_of(const Material& m) {
  const float distance = m.attenuation_distance;
  if (!(distance > 0) || distance == infinity) return {};
  constexpr float darkest = 1e-6F;
  const Vec3 c = m.attenuation_color;
  return Vec3{-log_of(clamped(c.x, darkest, 1)), -log_of(clamped(c.y, darkest, 1)),
              -log_of(clamped(c.z, darkest, 1))} /
         distance;
}

/// The front's normal, with a normal map.
SOVREN_TRACE Vec3 mapped_normal(const SceneView& view, const TextureRef& map, float scale,
                                const Surface& surface) {
  const Frame& frame = surface.frame;
  if (map.texture < 0) return frame.z;
  const Vec4 t = texel(view, map, surface);
  const Vec3 local{(2 * t.x - 1) * scale, (2 * t.y - 1) * scale * surface.bitangent_sign,
                   2 * t.z - 1};
  const Vec3 n = world_from_local(frame, local);
  const float size = dot(n, n);
  return size > 1e-8F ? n * (1 / root(size)) : frame.z;
}

/// n, or near it a normal that wo sees and that mirrors it to where no surface is: normals that are
/// interpolated or come from a map may lie so that light would go into the surface.
SOVREN_TRACE Vec3 usable_normal(Vec3 n, Vec3 side, Vec3 wo) {
  const float least = minimum(0.9F * dot(side, wo), 0.01F);
  const Vec3 mirrored = reflected(wo, n);
  const float height = dot(mirrored, side);
  if (height >= least && dot(n, wo) > 0) return n;
  const Vec3 lifted = height < least ? mirrored + side * (least - height) : mirrored;
  const float size = dot(lifted, lifted);
  if (!(size > 1e-8F)) return side;
  const Vec3 between = wo + lifted * (1 / root(size));
  const float between_size = dot(between, between);
  return between_size > 1e-8F ? between * (1 / root(between_size)) : side;
}

/// Is the material nothing but Lambert's, whatever its textures say?
SOVREN_TRACE bool is_plain(const Material& m) {
  return m.specular == 0 && m.metallic == 0 && m.transmission == 0 && m.subsurface == 0;
}

/// 0 stands for one without bound (KHR_materials_ior).
SOVREN_TRACE float refractive_index(const Material& m) {
  return m.ior == 0 ? 1000.0F : clamped(m.ior, 1, 1000);
}

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
         (low + (s.high - low) * mean_rise(block, s.roughness, cosine));
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

/// Gives back what rough interfaces lose because a sample bounces on them only once.
/// Source   Turquin, Practical Multiple Scattering Compensation for Microfacet Models (2019).
SOVREN_TRACE void add_gain(const SceneView& view, Interface& s, float cosine) {
  s.metal_gain = Vec3{1, 1, 1} * s.metallic;
  if (s.is_mirror) return;
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

/// What lies under the dielectric: Lambert's part, and light that goes through a scattering body.
/// What the dielectric sends back is taken off at both ends, such that white material loses nothing
/// (Kulla and Conty 2017).
SOVREN_TRACE void add_diffuse(const SceneView& view, const Material& m, Vec3 base, Bsdf& bsdf) {
  Interface& s = bsdf.interface;
  const float share = (1 - s.metallic) * (1 - s.clear);
  if (!(share > 0)) return;
  const float under = share * (1 - reflected_share(view, s, bsdf.local_wo.z));
  s.passed_mean = s.is_inside ? 1 : 1 - reflected_mean(view, s);
  bsdf.diffuse = base * (under / s.passed_mean);
  const Vec3 r = m.subsurface_radius;
  const float longest = largest(r);
  if (!(m.subsurface > 0 && longest > 0) || s.is_inside) return;
  // Much shorter ways in one channel than in another would be walked for nothing.
  const float least = 0.01F * longest;
  const float through = clamped(m.subsurface, 0, 1);
  bsdf.radius = {maximum(r.x, least), maximum(r.y, least), maximum(r.z, least)};
  bsdf.anisotropy = clamped(m.subsurface_anisotropy, -0.95F, 0.95F);
  bsdf.body = base;
  bsdf.body_share = through * under;
  bsdf.diffuse *= 1 - through;
}

/// Each part is sampled by about what it sends to wo.
SOVREN_TRACE void choose_chances(Bsdf& bsdf) {
  const Facet facet = facet_at(bsdf.interface, bsdf.local_wo.z);
  const float interface = luminance(facet.reflection + facet.transmission);
  const float diffuse = luminance(bsdf.diffuse) * bsdf.interface.passed_mean;
  const float body = luminance(bsdf.body) * bsdf.body_share;
  const float sum = interface + diffuse + body;
  if (!(sum > 0)) return;
  // Seen from wo, a rough interface may look dark that is bright at other angles.
  bsdf.interface_chance = interface == sum ? 1
                          : interface > 0  ? maximum(interface / sum, 0.05F)
                                           : 0;
  bsdf.body_chance = (1 - bsdf.interface_chance) * (body > 0 ? body / (diffuse + body) : 0);
}

/// How the surface scatters light to wo. The result is for this wo alone.
SOVREN_TRACE Bsdf bsdf_at(const SceneView& view, const RenderSettings& settings,
                          const Surface& surface, Vec3 wo) {
  const Material& m = view.materials[surface.material];
  Bsdf bsdf;
  bsdf.frame = surface.frame;
  bsdf.side = surface.is_front ? surface.geometric_normal : -surface.geometric_normal;
  if (m.is_unlit) return bsdf;
  Vec3 normal = mapped_normal(view, m.normal_texture, m.normal_scale, surface);
  if (!surface.is_front) normal = -normal;
  const Vec3 base = base_color_at(view, m, surface);
  if (is_plain(m)) {
    bsdf.diffuse = base;
    if (m.normal_texture.texture >= 0)
      bsdf.frame = frame_about(normal);
    else
      bsdf.frame.z = normal;
    return bsdf;
  }
  bsdf.is_layered = true;
  bsdf.interface =
      interface_at(view, m, settings.smith == RenderSettings::Smith::correlated, surface, base);
  Interface& s = bsdf.interface;
  bsdf.frame = frame_about(usable_normal(normal, bsdf.side, wo));
  bsdf.local_wo = local_from_world(bsdf.frame, wo);
  bsdf.local_wo.z = maximum(bsdf.local_wo.z, 1e-6F);
  add_gain(view, s, bsdf.local_wo.z);
  add_diffuse(view, m, base, bsdf);
  choose_chances(bsdf);
  return bsdf;
}

}  // namespace sovren::trace
