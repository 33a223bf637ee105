// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/bsdf_at.h"
#include "kernels/trace/bsdf_values.h"
#include "kernels/trace/disk.h"
#include "kernels/trace/math.h"
#include "kernels/trace/microfacet.h"
#include "kernels/trace/sheen.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// What surfaces do with light. Directions wo and wi are unit, in world space, and point away from
// the surface; wo is the one that bsdf_at() was asked for. Models and sources: docs/rendering.md.

/// Of layers, without the delta lobes, and without one of two: `skipped`, a lobe whose value is
/// known.
enum class Lobe { none, interface, coat };
SOVREN_TRACE BsdfValue evaluate_layers(const SceneView& view, const Bsdf& bsdf, Vec3 wi,
                                       Lobe skipped) {
  const Layers& layers = bsdf.layers;
  const Interface& s = layers.interface;
  const float height = dot(bsdf.side, wi);
  const Vec3 local = local_from_world(bsdf.frame, wi);
  BsdfValue sum;
  if (local.z * height > 0) {  // not between the planes of the two normals
    if (!s.is_mirror && skipped != Lobe::interface && layers.interface_chance > 0) {
      sum = evaluate_interface(s, layers.local_wo, local);
      sum.pdf *= layers.interface_chance;
    }
    if (height > 0 && !is_black(bsdf.diffuse)) {
      const float cosine = local.z * inverse_pi;
      const float passed = s.is_inside ? 1 : 1 - reflected_share(view, s, local.z);
      sum.value += bsdf.diffuse * (cosine * passed);
      sum.pdf += cosine * (1 - layers.interface_chance - layers.coat_chance - layers.sheen_chance -
                           layers.body_chance);
    }
    if (height > 0 && layers.sheen_chance > 0) {
      const Sheen& sheen = layers.sheen;
      sum.value += sheen.color * (sheen.scale * evaluate_sheen(sheen, layers.local_wo, local));
      sum.pdf += layers.sheen_chance * (0.5F * inverse_pi);
    }
  }
  const Coat& coat = layers.coat;
  if (layers.coat_chance > 0 && height > 0 && !coat.face.is_mirror && skipped != Lobe::coat) {
    const Vec3 above = local_from_world(coat.frame, wi);
    if (!(above.z > 0)) return sum;
    const BsdfValue value = evaluate_interface(coat.face, coat.local_wo, above);
    sum.value += value.value;
    sum.pdf += value.pdf * layers.coat_chance;
  }
  return sum;
}

/// Of light from wi that is scattered to wo; delta lobes are left out.
SOVREN_TRACE BsdfValue evaluate(const SceneView& view, const Bsdf& bsdf, Vec3, Vec3 wi) {
  if (bsdf.is_layered) return evaluate_layers(view, bsdf, wi, Lobe::none);
  const float cosine = dot(bsdf.frame.z, wi);
  if (!(cosine > 0 && dot(bsdf.side, wi) > 0)) return {};
  return {bsdf.diffuse * (cosine * inverse_pi), cosine * inverse_pi};
}

/// The interface or the coat was sampled, with this chance: adds what the other lobes send along
/// the same way.
SOVREN_TRACE bool finish_interface(const SceneView& view, const Bsdf& bsdf, const Frame& frame,
                                   Lobe lobe, float chance, BsdfSample& out) {
  const bool is_up = out.wi.z > 0;
  out.wi = world_from_local(frame, out.wi);
  if ((dot(bsdf.side, out.wi) > 0) != is_up) return false;
  out.weight *= 1 / chance;
  out.pdf *= chance;
  if (out.is_delta || chance == 1) return true;
  const BsdfValue others = evaluate_layers(view, bsdf, out.wi, lobe);
  const float pdf = out.pdf + others.pdf;
  out.weight = (out.weight * out.pdf + others.value) * (1 / pdf);
  out.pdf = pdf;
  return true;
}

/// Light goes into the body, evenly spread.
SOVREN_TRACE bool enter_body(const Bsdf& bsdf, Vec2 u, BsdfSample& out) {
  const Layers& layers = bsdf.layers;
  const Vec3 local = sample_cosine(u);
  out.wi = -world_from_local(bsdf.frame, local);
  out.pdf = layers.body_chance * local.z * inverse_pi;
  out.is_transmission = out.is_subsurface = true;
  out.spread = 0.5F;
  out.weight = Vec3{1, 1, 1} * (layers.body_share / layers.body_chance);
  return out.pdf > 0 && dot(bsdf.side, out.wi) < 0;
}

SOVREN_TRACE bool sample_layers(const SceneView& view, const Bsdf& bsdf, float lobe, Vec2 u,
                                BsdfSample& out) {
  const Layers& layers = bsdf.layers;
  if (lobe < layers.interface_chance) {
    const float rest = lobe / layers.interface_chance;
    return sample_interface(layers.interface, layers.local_wo, rest, u, out) &&
           finish_interface(view, bsdf, bsdf.frame, Lobe::interface, layers.interface_chance, out);
  }
  lobe -= layers.interface_chance;
  if (lobe < layers.coat_chance) {
    const Coat& coat = layers.coat;
    return sample_interface(coat.face, coat.local_wo, 0, u, out) &&
           finish_interface(view, bsdf, coat.frame, Lobe::coat, layers.coat_chance, out);
  }
  lobe -= layers.coat_chance;
  if (lobe < layers.body_chance) return enter_body(bsdf, u, out);
  lobe -= layers.body_chance;
  const bool is_sheen = lobe < layers.sheen_chance;
  out.wi = world_from_local(bsdf.frame, is_sheen ? sample_half_sphere(u) : sample_cosine(u));
  out.spread = 0.5F;
  if (!(dot(bsdf.side, out.wi) > 0)) return false;
  const BsdfValue value = evaluate_layers(view, bsdf, out.wi, Lobe::none);
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
  if (!is_black(bsdf.diffuse)) return false;
  if (!bsdf.is_layered) return true;
  const Layers& layers = bsdf.layers;
  return (layers.interface.is_mirror || layers.interface_chance == 0) &&
         (layers.coat_chance == 0 || layers.coat.face.is_mirror) && layers.sheen_chance == 0;
}

/// The surface's colour for denoisers; white for mirrors and glass.
SOVREN_TRACE Vec3 albedo_of(const SceneView& view, const Bsdf& bsdf, Vec3) {
  if (!bsdf.is_layered) return bsdf.diffuse;
  const Layers& layers = bsdf.layers;
  if (is_smooth(bsdf) && !(layers.body_share > 0)) return {1, 1, 1};
  const Facet facet = facet_at(layers.interface, layers.local_wo.z);
  Vec3 sum = bsdf.diffuse * layers.interface.passed_mean + layers.body * layers.body_share +
             facet.reflection + facet.transmission;
  if (layers.coat_chance > 0) sum += facet_at(layers.coat.face, layers.coat.local_wo.z).reflection;
  if (layers.sheen_chance > 0)
    sum += layers.sheen.color *
           (layers.sheen.scale * sheen_albedo(view, layers.sheen.alpha, layers.local_wo.z));
  return {minimum(sum.x, 1), minimum(sum.y, 1), minimum(sum.z, 1)};
}

}  // namespace sovren::trace
