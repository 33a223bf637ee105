// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>

#include "kernels/trace/bsdf_values.h"
#include "kernels/trace/interface_at.h"
#include "kernels/trace/material_at.h"
#include "kernels/trace/settings.h"
#include "kernels/trace/sheen.h"
#include "kernels/trace/surface.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// From a material and its textures at one point to a Bsdf. Layers above take what they send back to
// wo off what lies under them (albedo scaling): energy is kept for every wo. Sheen and coats are
// not reciprocal by that, as in OpenPBR; a path from the eye does not notice.

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

/// The frame, or near it one whose z is usable_normal().
SOVREN_TRACE Frame usable_frame(const Frame& frame, Vec3 side, Vec3 wo) {
  const Vec3 n = usable_normal(frame.z, side, wo);
  return n == frame.z ? frame : frame_about(n);
}

/// wo in a frame whose z it sees.
SOVREN_TRACE Vec3 local_from_seen(const Frame& frame, Vec3 wo) {
  const Vec3 local = local_from_world(frame, wo);
  return {local.x, local.y, maximum(local.z, 1e-6F)};
}

/// The coat, if there is one here; its share of light is taken off what is under it.
SOVREN_TRACE void add_coat(const SceneView& view, const Material& m, const Surface& surface,
                           Vec3 wo, const Bsdf& bsdf, Layers& layers) {
  const float weight = clamped(m.clearcoat * texel(view, m.clearcoat_texture, surface).x, 0, 1);
  if (!(weight > 0)) return;
  Coat& coat = *new (&layers.coat) Coat;
  coat.face = coat_face(view, m, surface, layers.interface.is_correlated);
  Vec3 normal = mapped_normal(view, m.clearcoat_normal_texture, m.clearcoat_normal_scale, surface);
  if (!surface.is_front) normal = -normal;
  coat.frame = usable_frame(frame_about(normal), bsdf.side, wo);
  coat.local_wo = local_from_seen(coat.frame, wo);
  coat.face.scale = weight;
  const float sent = weight * reflected_share(view, coat.face, coat.local_wo.z);
  layers.coat_chance = sent;
  layers.interface.scale = 1 - sent;
}

/// The sheen, likewise.
SOVREN_TRACE void add_sheen(const SceneView& view, const Material& m, const Surface& surface,
                            Layers& layers) {
  const Vec3 color = m.sheen_color * first_three(texel(view, m.sheen_color_texture, surface));
  if (is_black(color)) return;
  const float roughness = m.sheen_roughness * texel(view, m.sheen_roughness_texture, surface).w;
  Sheen& sheen = layers.sheen;
  sheen = sheen_of(square(clamped(roughness, least_sheen_roughness, 1)), layers.local_wo);
  sheen.color = color;
  const float albedo = sheen_albedo(view, sheen.alpha, layers.local_wo.z);
  const float most = largest(color) * albedo;
  // Never more than arrives, whatever the colour.
  sheen.scale = layers.interface.scale / maximum(most, 1);
  layers.sheen_chance = luminance(color) * albedo * sheen.scale;
  layers.interface.scale *= 1 - minimum(most, 1);
}

/// What lies under the dielectric: Lambert's part, and light that goes through a scattering body.
/// What the dielectric sends back is taken off at both ends, such that white material loses nothing
/// (Kulla and Conty 2017).
SOVREN_TRACE void add_diffuse(const SceneView& view, const Material& m, Vec3 base, Bsdf& bsdf) {
  Layers& layers = bsdf.layers;
  Interface& s = layers.interface;
  const float share = s.scale * (1 - s.metallic) * (1 - s.clear);
  if (!(share > 0)) return;
  const float under = share * (1 - reflected_share(view, s, layers.local_wo.z));
  s.passed_mean = s.is_inside ? 1 : 1 - reflected_mean(view, s);
  bsdf.diffuse = base * (under / s.passed_mean);
  const Vec3 r = m.subsurface_radius;
  const float longest = largest(r);
  if (!(m.subsurface > 0 && longest > 0) || s.is_inside) return;
  // Much shorter ways in one channel than in another would be walked for nothing.
  const float least = 0.01F * longest;
  const float through = clamped(m.subsurface, 0, 1);
  layers.radius = {maximum(r.x, least), maximum(r.y, least), maximum(r.z, least)};
  layers.anisotropy = clamped(m.subsurface_anisotropy, -0.95F, 0.95F);
  layers.body = base;
  layers.body_share = through * under;
  bsdf.diffuse *= 1 - through;
}

/// Each part is sampled by about what it sends to wo. Coat and sheen have noted that already.
SOVREN_TRACE void choose_chances(const Bsdf& bsdf, Layers& layers) {
  const Interface& s = layers.interface;
  const Facet facet = facet_at(s, layers.local_wo.z);
  float interface = luminance(facet.reflection + facet.transmission);
  const float diffuse = luminance(bsdf.diffuse) * s.passed_mean;
  const float body = luminance(layers.body) * layers.body_share;
  const float others = diffuse + body + layers.coat_chance + layers.sheen_chance;
  // Seen from wo, a rough interface may look dark that is bright at other angles.
  if (interface > 0) interface = maximum(interface, 0.05F * others);
  const float sum = interface + others;
  if (!(sum > 0)) return;
  layers.interface_chance = others > 0 ? interface / sum : 1;
  layers.coat_chance /= sum;
  layers.sheen_chance /= sum;
  layers.body_chance = body / sum;
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
  if (m.normal_texture.texture >= 0)
    bsdf.frame = frame_about(normal);
  else
    bsdf.frame.z = normal;
  if (is_plain(m)) {
    bsdf.diffuse = base;
    return bsdf;
  }
  bsdf.is_layered = true;
  Layers& layers = *new (&bsdf.layers) Layers;
  bsdf.frame = usable_frame(bsdf.frame, bsdf.side, wo);
  layers.local_wo = local_from_seen(bsdf.frame, wo);
  Interface& s = layers.interface;
  s = interface_at(view, m, settings.smith == RenderSettings::Smith::correlated, surface, base);
  if (!s.is_inside) {
    if (m.clearcoat > 0) add_coat(view, m, surface, wo, bsdf, layers);
    if (!is_black(m.sheen_color)) add_sheen(view, m, surface, layers);
  }
  s.metal_gain = Vec3{1, 1, 1} * s.metallic;
  if (settings.is_compensated && !s.is_mirror) add_gain(view, s, layers.local_wo.z);
  add_diffuse(view, m, base, bsdf);
  choose_chances(bsdf, layers);
  return bsdf;
}

}  // namespace sovren::trace
