// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sovren::jobs {

// The transfer function of sRGB (IEC 61966-2-1), between display light and encoded numbers, both
// from 0 to 1.

/// By roots of our own: the same bits on every machine, since textures are decoded by it.
double linear_of_srgb(double encoded);

/// As a number, for measures; clipped to [0, 1], a NaN is 0.
double srgb_of_linear(double linear);

/// Rounded to the nearest of 256 steps of the encoded number; clipped, a NaN is 0. The inverse of
/// linear_of_srgb(byte / 255) for every byte.
std::uint8_t srgb_byte(float linear);

}  // namespace sovren::jobs
