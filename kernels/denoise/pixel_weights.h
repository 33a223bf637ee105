// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

namespace sovren::denoise {

// The filter's loops over a row. They compile for each level of x86-64 and give the same bits.

constexpr int patch_radius = 2;

/// Rows of the three colours.
using Three = std::array<const float*, 3>;

/// A row of the guide, of its variance, and of the number by which a distance is divided, seen from
/// the pixel that is filtered (here) and from the one that is weighed (there).
struct ColourRows {
  Three here, there, variance_here, variance_there;
  const float *noise_here, *noise_there;
};

/// How far colours are apart beyond what noise explains, over the noise: about 0 where they are
/// alike.
void colour_distances(const ColourRows& rows, std::ptrdiff_t count, float* to);

/// to[x] = sum of from[x - patch_radius] .. from[x + patch_radius].
void sum_along(const float* from, std::ptrdiff_t count, float* to);

/// to[x] = sum over the 2 patch_radius + 1 rows of `stride` from the first on.
void sum_across(const float* first, std::ptrdiff_t stride, std::ptrdiff_t count, float* to);

/// Rows of albedo (3), normal (3), depth, alpha, and of what the squared distances of each of these
/// four are multiplied by.
struct FeatureRows {
  std::array<const float*, 8> here, there;
  std::array<const float*, 4> scale;
};
void feature_distances(const FeatureRows& rows, std::ptrdiff_t count, float* to);

/// Sums of weighed colours, and of the weights.
struct WeighedSums {
  float *red, *green, *blue, *weight;
};
/// colour: a patch's sums of distances. The weight is about exp(-distance), by the larger distance.
void add_weighed(const float* colour, const float* feature, const Three& there,
                 std::ptrdiff_t count, const WeighedSums& to);

}  // namespace sovren::denoise
