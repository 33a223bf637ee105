// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/vec.h"

namespace sovren::trace {

// Functions of one number that give the same bits on every machine, as a system's own libm and a
// device's do not: sums, products, quotients and roots that IEEE 754 rounds one way only, in a
// fixed order. Denormal numbers count as 0, because threads may or may not be set to flush them.
//
// Errors   in units of the last place of the nearest float, against exact values, by
//          tests/unit/trace/math_test.cpp: at most 2 (power: 1, arc_tan2: 2.5).
// Source   the usual splits of the ranges (Cody and Waite, Software Manual for the Elementary
//          Functions, 1980); coefficients are minimax, found by our own Remez exchange.

inline constexpr float pi = 3.14159265358979F;
inline constexpr float inverse_pi = 0.318309886183791F;
inline constexpr float infinity = __builtin_huge_valf();

SOVREN_TRACE std::uint32_t bits_of(float x) {
#ifdef __CUDA_ARCH__
  return __float_as_uint(x);
#else
  return __builtin_bit_cast(std::uint32_t, x);
#endif
}
SOVREN_TRACE float float_of_bits(std::uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  return __builtin_bit_cast(float, bits);
#endif
}
/// 2^n, -126 <= n <= 127.
SOVREN_TRACE float power_of_two(int n) {
  return float_of_bits(static_cast<std::uint32_t>(n + 127) << 23);
}
/// The nearest whole number; of two, the one away from 0. |x| < 2^31.
SOVREN_TRACE int nearest(float x) {
  return static_cast<int>(x + (x < 0 ? -0.5F : 0.5F));
}
/// The largest whole number that is not above x. |x| < 2^31.
SOVREN_TRACE int floor_of(float x) {
  const int whole = static_cast<int>(x);
  return whole - (static_cast<float>(whole) > x ? 1 : 0);
}

/// x in radians, |x| < 1e6 (beyond, and for NaN, those of 0).
SOVREN_TRACE void sin_cos(float x, float& sine, float& cosine) {
  const double wide = magnitude(x) < 1e6F ? static_cast<double>(x) : 0.0;
  // Quarter turns; their first part has 33 bits, so that its product with n < 2^20 is exact.
  const int n = static_cast<int>(wide * 0.6366197723675814 + (wide < 0 ? -0.5 : 0.5));
  const double turns = n;
  const auto r =
      static_cast<float>((wide - turns * 1.5707963267341256) - turns * 6.077100506506192e-11);
  const float z = r * r;
  const float s = r + r * z * (-0.166666552F + z * (0.008332178F + z * -0.000195172674F));
  const float c =
      (1.0F - 0.5F * z) + z * z * (0.0416666456F + z * (-0.00138873677F + z * 2.44384155e-05F));
  const bool is_odd = (n & 1) != 0;
  sine = is_odd ? c : s;
  cosine = is_odd ? s : c;
  if ((n & 2) != 0) sine = -sine;
  if (((n + 1) & 2) != 0) cosine = -cosine;
}

/// 0 where e^x is below the smallest normal number.
SOVREN_TRACE float exp_of(float x) {
  if (x > 88.7228317F) return infinity;
  if (x < -87.3365402F) return 0;
  if (x != x) return x;
  const int n = nearest(x * 1.44269504F);
  const auto whole = static_cast<float>(n);
  // ln 2 in two parts; the first has 15 bits.
  const float r = (x - whole * 0.693145751953125F) - whole * 1.4286068203094173e-06F;
  const float tail =
      r * r *
      (0.5F + r * (0.166665182F + r * (0.041666206F + r * (0.0083688898F + r * 0.00139504904F))));
  const float value = 1.0F + (r + tail);
  return n > 127 ? value * 2.0F * power_of_two(n - 1) : value * power_of_two(n);
}

/// -infinity of 0 and of denormal numbers, NaN of negative ones.
SOVREN_TRACE float log_of(float x) {
  const std::uint32_t bits = bits_of(x);
  if (bits >= 0x7F800000) {  // infinite, NaN or negative
    return x == infinity || x != x ? x : (bits << 1) < 0x01000000 ? -infinity : infinity - infinity;
  }
  if (bits < 0x00800000) return -infinity;
  // x = 2^n (1 + f), with 1 + f from root(1/2) to root(2).
  const int n = static_cast<int>(bits - 0x3F3504F3) >> 23;
  const float f = float_of_bits(bits - (static_cast<std::uint32_t>(n) << 23)) - 1.0F;
  const auto whole = static_cast<float>(n);
  float p = 0.118729256F + f * (-0.117898658F + f * 0.0691554099F);
  p = 0.200022265F + f * (-0.166692525F + f * (0.142186642F + f * (-0.12384335F + f * p)));
  p = 0.333333105F + f * (-0.249999866F + f * p);
  const float z = f * f;
  const float low = f * z * p + whole * 1.4286068203094173e-06F;
  return (f + (low - 0.5F * z)) + whole * 0.693145751953125F;
}

/// base^exponent, base >= 0; 0^0 is 1. In double precision inside: the logarithm's error is
/// multiplied by the exponent. 0 where the result is below the smallest normal number.
SOVREN_TRACE float power(float base, float exponent) {
  if (exponent == 0 || base == 1.0F) return 1.0F;
  if (base != base || exponent != exponent) return base + exponent;
  const std::uint32_t bits = bits_of(base);
  if (bits < 0x00800000) return exponent > 0 ? 0.0F : infinity;
  if (base == infinity) return exponent > 0 ? infinity : 0.0F;
  const int n = static_cast<int>(bits - 0x3F3504F3) >> 23;
  const double m = float_of_bits(bits - (static_cast<std::uint32_t>(n) << 23));
  // ln m = 2 artanh s, by its series: |s| < 0.172.
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double sum = 1.0 / 11 + z * (1.0 / 13 + z * (1.0 / 15 + z * (1.0 / 17)));
  sum = 1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * sum)));
  const double log2 = 2.0 * (s + s * z * sum) * 1.4426950408889634 + static_cast<double>(n);
  const double y = log2 * static_cast<double>(exponent);
  if (y >= 128.0) return infinity;
  if (y < -126.0) return 0;
  const int whole = static_cast<int>(y + (y < 0 ? -0.5 : 0.5));
  const double r = (y - static_cast<double>(whole)) * 0.6931471805599453;
  double e = 1.0 / 720 + r * (1.0 / 5040 + r * (1.0 / 40320));
  e = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r * e)))));
  const int half = whole / 2;
  return static_cast<float>(e * static_cast<double>(power_of_two(half)) *
                            static_cast<double>(power_of_two(whole - half)));
}

/// asin s of 0 <= s <= root(1/2), its square z given.
SOVREN_TRACE float small_arc_sin(float s, float z) {
  return s +
         s * z *
             (0.166667536F +
              z * (0.0749524161F + z * (0.0454770997F + z * (0.0241475999F + z * 0.0422185697F))));
}

/// From 0 to pi; x beyond -1 and 1 counts as those. Accurate near 1, where angles are small.
SOVREN_TRACE float arc_cos(float x) {
  const float a = magnitude(x);
  if (a <= 0.5F) {
    const float s = small_arc_sin(a, a * a);
    return x < 0 ? 1.57079633F + s : 1.57079633F - s;
  }
  const float z = 0.5F * (1.0F - minimum(a, 1.0F));
  const float s = 2.0F * small_arc_sin(root(z), z);
  return x < 0 ? pi - s : s;
}

/// Angle of (x, y) from +x, from -pi to pi; finite numbers below 1e38. 0 of (0, 0).
SOVREN_TRACE float arc_tan2(float y, float x) {
  const float ax = magnitude(x);
  const float ay = magnitude(y);
  const float low = minimum(ax, ay);
  const float high = maximum(ax, ay);
  if (!(high > 0)) return 0;
  const bool is_far = low > 0.41421356F * high;  // tan(pi / 8)
  const float t = is_far ? (low - high) / (low + high) : low / high;
  const float z = t * t;
  const float arc =
      t + t * z *
              (-0.333333164F +
               z * (0.199984893F + z * (-0.142438307F + z * (0.105958655F + z * -0.0608309023F))));
  float angle = is_far ? 0.785398163F + arc : arc;
  if (ay > ax) angle = 1.57079633F - angle;
  if (x < 0) angle = pi - angle;
  return (bits_of(y) >> 31) != 0 ? -angle : angle;
}

}  // namespace sovren::trace
