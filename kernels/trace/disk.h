// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/math.h"
#include "kernels/trace/vec.h"

namespace sovren::trace {

/// A point of the unit disk, evenly spread; neighbours stay neighbours. Without branches that
/// follow the numbers: a processor cannot guess them.
/// Source   Shirley and Chiu, A Low Distortion Map Between Disk and Square (JGT 2.3, 1997).
SOVREN_TRACE Vec2 disk_point(Vec2 u) {
  const float a = 2.0F * u.x - 1.0F;
  const float b = 2.0F * u.y - 1.0F;
  const float wide = magnitude(a);
  const float high = magnitude(b);
  const float radius = maximum(wide, high);
  // Sine and cosine of a quarter of pi times t, |t| <= 1, by their series.
  const float t = minimum(wide, high) / maximum(radius, 1e-30F);
  const float z = t * t;
  const float sine =
      t * (0.785398163F +
           z * (-0.0807455122F + z * (0.00249039457F + z * (-3.65762042e-05F + z * 3.1336e-07F))));
  const float cosine =
      1.0F +
      z * (-0.308425138F + z * (0.0158543442F + z * (-0.000325991887F + z * 3.59086045e-06F)));
  constexpr std::uint32_t sign_bit = 0x80000000;
  const std::uint32_t is_wide = 0U - static_cast<std::uint32_t>(wide > high);
  const std::uint32_t swap = (bits_of(sine) ^ bits_of(cosine)) & is_wide;
  return {radius * float_of_bits((bits_of(sine) ^ swap) | (bits_of(a) & sign_bit)),
          radius * float_of_bits((bits_of(cosine) ^ swap) | (bits_of(b) & sign_bit))};
}

/// A direction about z, with density cosine / pi.
/// Source   Malley's method: a point of the disk, lifted to the sphere.
SOVREN_TRACE Vec3 sample_cosine(Vec2 u) {
  const Vec2 p = disk_point(u);
  return {p.x, p.y, root(maximum(0, 1 - (p.x * p.x + p.y * p.y)))};
}

}  // namespace sovren::trace
