// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/vec.h"

namespace sovren::trace {

/// (1 - cosine)^5, by which Schlick's metals turn white at grazing angles.
SOVREN_TRACE float schlick_rise(float cosine) {
  const float m = clamped(1 - cosine, 0, 1);
  const float m2 = m * m;
  return m2 * m2 * m;
}

/// Share of unpolarized light that a smooth dielectric reflects, in [0, 1]: exactly 1 beyond the
/// critical angle. cosine: of the incoming direction and the normal, >= 0. eta: refractive index
/// behind the surface over the one in front. cos_behind: of the refracted direction; 0: there is
/// none.
/// Source   Fresnel's equations (Born and Wolf, Principles of Optics, section 1.5.2).
SOVREN_TRACE float fresnel_dielectric(float cosine, float eta, float& cos_behind) {
  const float sin2_behind = maximum(0, 1 - cosine * cosine) / (eta * eta);
  cos_behind = 0;
  if (!(sin2_behind < 1)) return 1;
  cos_behind = root(1 - sin2_behind);
  const float s = (cosine - eta * cos_behind) / (cosine + eta * cos_behind);
  const float p = (eta * cosine - cos_behind) / (eta * cosine + cos_behind);
  return 0.5F * (s * s + p * p);
}

/// What a dielectric reflects at normal incidence.
SOVREN_TRACE float fresnel_normal(float eta) {
  return square((eta - 1) / (eta + 1));
}

/// How far a dielectric's reflection has risen from normal incidence (0) to grazing (1): Fresnel's
/// curve where a colour or a share is given for both ends. exact: fresnel_dielectric(); normal:
/// fresnel_normal(). Indices without bound, from files made for specular and glossiness, rise as
/// metals do.
SOVREN_TRACE float dielectric_rise(float exact, float normal, float cosine) {
  return normal < 0.99F ? (exact - normal) / (1 - normal) : schlick_rise(cosine);
}

SOVREN_TRACE Vec3 reflected(Vec3 w, Vec3 normal) {
  return normal * (2 * dot(w, normal)) - w;
}

/// The direction into which light from w goes on behind the surface. cosine: of w and the normal;
/// cos_behind: as fresnel_dielectric() found it.
SOVREN_TRACE Vec3 refracted(Vec3 w, Vec3 normal, float eta, float cosine, float cos_behind) {
  return normalized(normal * (cosine / eta - cos_behind) - w / eta);
}

}  // namespace sovren::trace
