// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/bsdf_at.h"
#include "kernels/trace/bsdf_values.h"
#include "kernels/trace/math.h"
#include "kernels/trace/microfacet.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// What surfaces do with light. Directions wo and wi are unit, in world space, and point away from
// the surface; wo is the one that bsdf_at() was asked for. Models and sources: docs/rendering.md.

/// A direction about z, density cosine / pi.
/// Source   Malley's method over the concentric map of Shirley and Chiu (JGT 2.3, 1997).
SOVREN_TRACE Vec3 sample_cosine(Vec2 u) {
  const float a = 2 * u.x - 1;
  const float b = 2 * u.y - 1;
  const bool is_wide = magnitude(a) > magnitude(b);
  const float radius = is_wide ? a : b;
  const float other = is_wide ? b : a;
  float sine, cosine;
  sin_cos(radius != 0 ? 0.25F * pi * (other / radius) : 0, sine, cosine);
  const float x = radius * (is_wide ? cosine : sine);
  const float y = radius * (is_wide ? sine : cosine);
  return {x, y, root(maximum(0, 1 - radius * radius))};
}

/// Of the layers, delta lobes aside, to a local wi whose side is known to be right.
SOVREN_TRACE BsdfValue evaluate_layers(const SceneView& view, const Bsdf& bsdf, Vec3 wi) {
  const Interface& s = bsdf.interface;
  BsdfValue sum;
  if (!s.is_mirror && bsdf.interface_chance > 0) {
    sum = evaluate_interface(s, bsdf.local_wo, wi);
    sum.pdf *= bsdf.interface_chance;
  }
  const float diffuse_chance = 1 - bsdf.interface_chance - bsdf.body_chance;
  if (wi.z > 0 && !is_black(bsdf.diffuse)) {
    const float cosine = wi.z * inverse_pi;
    const float passed = s.is_inside ? 1 : 1 - reflected_share(view, s, wi.z);
    sum.value += bsdf.diffuse * (cosine * passed);
    sum.pdf += cosine * diffuse_chance;
  }
  return sum;
}

/// Of light from wi that is scattered to wo; delta lobes are left out.
SOVREN_TRACE BsdfValue evaluate(const SceneView& view, const Bsdf& bsdf, Vec3, Vec3 wi) {
  const float height = dot(bsdf.side, wi);
  const float cosine = dot(bsdf.frame.z, wi);
  if (!(height * cosine > 0)) return {};  // between the two normals' planes
  if (bsdf.is_layered) return evaluate_layers(view, bsdf, local_from_world(bsdf.frame, wi));
  if (cosine < 0) return {};
  return {bsdf.diffuse * (cosine * inverse_pi), cosine * inverse_pi};
}

/// Light goes into the body, evenly spread.
SOVREN_TRACE bool enter_body(const Bsdf& bsdf, Vec2 u, BsdfSample& out) {
  const Vec3 local = sample_cosine(u);
  out.wi = -world_from_local(bsdf.frame, local);
  out.pdf = bsdf.body_chance * local.z * inverse_pi;
  out.is_transmission = out.is_subsurface = true;
  out.spread = 0.5F;
  out.weight = Vec3{1, 1, 1} * (bsdf.body_share / bsdf.body_chance);
  return out.pdf > 0 && dot(bsdf.side, out.wi) < 0;
}

SOVREN_TRACE bool sample_layers(const SceneView& view, const Bsdf& bsdf, float lobe, Vec2 u,
                                BsdfSample& out) {
  Vec3 local;
  const float diffuse_begin = bsdf.interface_chance + bsdf.body_chance;
  if (lobe < bsdf.interface_chance) {
    if (!sample_interface(bsdf.interface, bsdf.local_wo, lobe / bsdf.interface_chance, u, out))
      return false;
    local = out.wi;
  } else if (lobe < diffuse_begin) {
    return enter_body(bsdf, u, out);
  } else {
    local = sample_cosine(u);
    out.spread = 0.5F;
  }
  out.wi = world_from_local(bsdf.frame, local);
  if (!(dot(bsdf.side, out.wi) * local.z > 0)) return false;
  if (out.is_delta) {
    out.weight *= 1 / bsdf.interface_chance;
    out.pdf *= bsdf.interface_chance;
    return true;
  }
  const BsdfValue value = evaluate_layers(view, bsdf, local);
  if (!(value.pdf > 0)) return false;
  out.weight = value.value * (1 / value.pdf);
  out.pdf = value.pdf;
  return true;
}

/// Chooses where the light that goes to wo came from. false: it is absorbed.
SOVREN_TRACE bool sample(const SceneView& view, const Bsdf& bsdf, Vec3, float lobe, Vec2 u,
                         BsdfSample& out) {
  out = {};
  if (bsdf.is_layered) return sample_layers(view, bsdf, lobe, u, out);
  const Vec3 local = sample_cosine(u);
  out.wi = world_from_local(bsdf.frame, local);
  out.weight = bsdf.diffuse;
  out.pdf = local.z * inverse_pi;
  out.spread = 0.5F;
  return out.pdf > 0 && dot(bsdf.side, out.wi) > 0 && !is_black(bsdf.diffuse);
}

/// Are there delta lobes only? Then no light is looked for.
SOVREN_TRACE bool is_smooth(const Bsdf& bsdf) {
  return is_black(bsdf.diffuse) && (!bsdf.is_layered || bsdf.interface.is_mirror);
}

/// The surface's colour for denoisers; white for mirrors and glass.
SOVREN_TRACE Vec3 albedo_of(const SceneView&, const Bsdf& bsdf, Vec3) {
  if (!bsdf.is_layered) return bsdf.diffuse;
  if (is_smooth(bsdf)) return {1, 1, 1};
  const Facet facet = facet_at(bsdf.interface, bsdf.local_wo.z);
  const Vec3 under = bsdf.diffuse * bsdf.interface.passed_mean + bsdf.body * bsdf.body_share;
  return under + facet.reflection + facet.transmission;
}

}  // namespace sovren::trace
