// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/bsdf_values.h"
#include "kernels/trace/math.h"
#include "kernels/trace/surface.h"
#include "kernels/trace/vec.h"

namespace sovren::trace {

// Light inside of a scattering body: it goes straight, turns, and goes on until it meets the
// body's surface from inside, through which it leaves as through white Lambert (exit_bsdf).
//
// The distance to the next turn is chosen by one channel, in proportion to what that channel still
// carries, and weighed against the choice by all three (spectral multiple importance sampling).

/// What a body does with light, each channel by itself.
struct Walk {
  Vec3 extinction;       ///< turns and losses per unit of length
  Vec3 albedo;           ///< share that is turned, not lost
  float anisotropy = 0;  ///< mean cosine of the turn (Henyey and Greenstein)
};

/// Albedo of a single turn, such that a thick flat body sends back `color` of what enters it.
/// Source   Kulla and Conty, Revisiting Physically Based Shading at Imageworks (SIGGRAPH course
///          2017): van de Hulst's fit for even turns, and his similarity relation for others.
SOVREN_TRACE float turn_albedo(float color, float anisotropy) {
  const float a = clamped(color, 0, 1);
  const float s = 4.09712F + 4.20863F * a - root(9.59217F + a * (41.6808F + a * 17.7126F));
  const float s2 = s * s;
  return clamped((1 - s2) / (1 - anisotropy * s2), 0, 1);
}

/// The walk that begins where sample() found is_subsurface.
SOVREN_TRACE Walk walk_of(const Bsdf& bsdf) {
  const Vec3 r = bsdf.layers.radius;
  const float g = bsdf.layers.anisotropy;
  const Vec3 c = bsdf.layers.body;
  return {{1 / r.x, 1 / r.y, 1 / r.z},
          {turn_albedo(c.x, g), turn_albedo(c.y, g), turn_albedo(c.z, g)},
          g};
}

/// Chances of the channels to decide a distance; their sum is 1.
SOVREN_TRACE Vec3 channel_chances(const Walk& walk, Vec3 throughput) {
  const Vec3 kept = walk.albedo * throughput;
  const float sum = kept.x + kept.y + kept.z;
  return sum > 0 ? kept / sum : Vec3{1.0F / 3, 1.0F / 3, 1.0F / 3};
}

/// How far light goes before it turns, if nothing is in its way. channel, u: in [0, 1).
SOVREN_TRACE float walk_distance(const Walk& walk, Vec3 throughput, float channel, float u) {
  const Vec3 chances = channel_chances(walk, throughput);
  const float extinction = channel < chances.x               ? walk.extinction.x
                           : channel < chances.x + chances.y ? walk.extinction.y
                                                             : walk.extinction.z;
  return -log_of(1 - u) / extinction;
}

/// What a way of this length multiplies the throughput by, which is the one walk_distance() was
/// given; escaped: the surface was nearer than the turn, at `distance`.
SOVREN_TRACE Vec3 walk_weight(const Walk& walk, Vec3 throughput, float distance, bool escaped) {
  const Vec3 chances = channel_chances(walk, throughput);
  const Vec3 e = walk.extinction;
  Vec3 left{exp_of(-e.x * distance), exp_of(-e.y * distance), exp_of(-e.z * distance)};
  if (!escaped) left *= e;
  const float pdf = dot(chances, left);
  if (!(pdf > 0)) return {};
  return (escaped ? left : left * walk.albedo) / pdf;
}

/// The direction after a turn. w: the one before; both go along with the light.
SOVREN_TRACE Vec3 walk_turn(const Walk& walk, Vec3 w, Vec2 u) {
  const float g = walk.anisotropy;
  float cosine = 1 - 2 * u.x;
  if (magnitude(g) > 1e-3F) {
    const float part = (1 - g * g) / (1 + g - 2 * g * u.x);
    cosine = clamped((1 + g * g - part * part) / (2 * g), -1, 1);
  }
  float sine_turn, cosine_turn;
  sin_cos(2 * pi * u.y, sine_turn, cosine_turn);
  const float sine = root(maximum(0, 1 - cosine * cosine));
  return normalized(
      world_from_local(frame_about(w), {sine * cosine_turn, sine * sine_turn, cosine}));
}

/// White Lambert on the side to which light leaves: away from where the walk met the surface.
SOVREN_TRACE Bsdf exit_bsdf(const Surface& surface) {
  Bsdf bsdf;
  bsdf.frame = surface.frame;
  bsdf.side = surface.geometric_normal;
  if (surface.is_front) {
    bsdf.frame.z = -bsdf.frame.z;
    bsdf.side = -bsdf.side;
  }
  bsdf.diffuse = {1, 1, 1};
  return bsdf;
}

}  // namespace sovren::trace
