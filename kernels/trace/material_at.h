// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/material.h"
#include "kernels/trace/math.h"
#include "kernels/trace/surface.h"
#include "kernels/trace/texture.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// What a material and its textures say at one point.

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

/// Is the material nothing but Lambert's, whatever its textures say?
SOVREN_TRACE bool is_plain(const Material& m) {
  return m.specular == 0 && m.metallic == 0 && m.transmission == 0 && m.subsurface == 0 &&
         m.clearcoat == 0 && is_black(m.sheen_color);
}
/// Is it a metal, whatever its textures say?
SOVREN_TRACE bool is_metal(const Material& m) {
  return m.metallic >= 1 && m.metallic_roughness_texture.texture < 0;
}

/// 0 stands for one without bound (KHR_materials_ior).
SOVREN_TRACE float refractive_index(const Material& m) {
  return m.ior == 0 ? 1000.0F : clamped(m.ior, 1, 1000);
}

}  // namespace sovren::trace
