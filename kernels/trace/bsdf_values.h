// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/vec.h"

namespace sovren::trace {

/// The outermost face of a mix of a metal and a dielectric, which share its GGX microfacets.
struct Interface {
  float roughness = 1;
  float alpha = 1;
  bool is_mirror = false;  ///< too smooth for a distribution: delta lobes
  bool is_correlated = true;
  bool is_thin = false;    ///< light that passes is not bent, and is reflected at both faces
  bool is_inside = false;  ///< wo is inside of the solid
  float metallic = 0;
  Vec3 metal;               ///< reflection of the metal at normal incidence
  Vec3 metal_gain;          ///< its share, times what gives back what one bounce loses
  Vec3 low;                 ///< of the dielectric at normal incidence
  float high = 0;           ///< and at grazing
  float eta = 1;            ///< refractive index behind the surface over the one on wo's side
  float normal = 0;         ///< fresnel_normal(eta)
  Vec3 transmission;        ///< colour of what the dielectric lets through, metal's share taken off
  float clear = 0;          ///< share of the dielectric that is clear
  float gain = 1;           ///< gives back what one bounce on the clear share loses
  float passed_mean = 1;    ///< share of light from everywhere that gets under it
  float scale = 1;          ///< what layers above let through
  std::int32_t block = -1;  ///< of the dielectric's tables
};

/// A clear coat above all, with a normal of its own.
struct Coat {
  Interface face;
  Frame frame;
  Vec3 local_wo;
};

/// Fibres that stand off the surface.
struct Sheen {
  Vec3 color;
  float alpha = 1;
  float scale = 1;   ///< of its light: what layers above let through
  float middle = 0;  ///< sheen_curve() of 1/2
  float lambda = 0;  ///< sheen_lambda() of wo
};

/// What a surface has besides Lambert's part.
struct Layers {
  Vec3 local_wo;
  Interface interface;
  // Light that goes through a scattering body (subsurface.h).
  Vec3 body;    ///< its colour
  Vec3 radius;  ///< mean free path in it
  float anisotropy = 0;
  float body_share = 0;
  // Chances of sample() to take a part; what is left is that of Lambert's.
  float interface_chance = 0;
  float coat_chance = 0;
  float sheen_chance = 0;
  float body_chance = 0;
  Sheen sheen;  ///< where sheen_chance > 0
  union {
    Coat coat;  ///< where coat_chance > 0; else not set
  };

  SOVREN_BOTH Layers() {}
};

/// How a surface scatters light that is seen from one direction wo.
struct Bsdf {
  Frame frame;              ///< z: the normal for shading, on wo's side
  Vec3 side;                ///< the geometric normal, on wo's side
  Vec3 diffuse;             ///< albedo of Lambert's part, with what depends on wo
  bool is_layered = false;  ///< is there more?
  union {
    Layers layers;  ///< if is_layered; else not set, because most surfaces are done without
  };

  SOVREN_BOTH Bsdf() {}
};

struct BsdfValue {
  Vec3 value;     ///< scattered radiance per irradiance, times |cos|: per solid angle
  float pdf = 0;  ///< of sample() choosing this direction, per solid angle
};

struct BsdfSample {
  Vec3 wi;
  Vec3 weight;    ///< value / pdf
  float pdf = 0;  ///< of a delta lobe: the chance to take it
  bool is_delta = false;
  bool is_transmission = false;
  bool is_subsurface = false;  ///< wi goes into the body, for a random walk
  float spread = 0;            ///< what the lobe adds to the spread of the ray's cone
};

}  // namespace sovren::trace
