// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/pixel_weights.h"

#include "kernels/linalg/clones.h"

namespace sovren::denoise {

namespace {

constexpr int patch_side = 2 * patch_radius + 1;

}  // namespace

SOVREN_CLONES void colour_distances(const ColourRows& rows, std::ptrdiff_t count,
                                    float* __restrict to) {
  const auto [a0, a1, a2] = rows.here;
  const auto [b0, b1, b2] = rows.there;
  const auto [va0, va1, va2] = rows.variance_here;
  const auto [vb0, vb1, vb2] = rows.variance_there;
  const float *noise_here = rows.noise_here, *noise_there = rows.noise_there;
  for (std::ptrdiff_t x = 0; x < count; ++x) {
    const float d0 = a0[x] - b0[x], d1 = a1[x] - b1[x], d2 = a2[x] - b2[x];
    const float m0 = va0[x] < vb0[x] ? va0[x] : vb0[x];
    const float m1 = va1[x] < vb1[x] ? va1[x] : vb1[x];
    const float m2 = va2[x] < vb2[x] ? va2[x] : vb2[x];
    const float apart =
        (d0 * d0 - (va0[x] + m0)) + (d1 * d1 - (va1[x] + m1)) + (d2 * d2 - (va2[x] + m2));
    to[x] = apart / (noise_here[x] + noise_there[x]);
  }
}

SOVREN_CLONES void sum_along(const float* __restrict from, std::ptrdiff_t count,
                             float* __restrict to) {
  for (std::ptrdiff_t x = 0; x < count; ++x) {
    float sum = 0;
    for (int d = -patch_radius; d <= patch_radius; ++d) sum += from[x + d];
    to[x] = sum;
  }
}

SOVREN_CLONES void sum_across(const float* __restrict first, std::ptrdiff_t stride,
                              std::ptrdiff_t count, float* __restrict to) {
  for (std::ptrdiff_t x = 0; x < count; ++x) {
    float sum = 0;
    for (int d = 0; d < patch_side; ++d) sum += first[d * stride + x];
    to[x] = sum;
  }
}

SOVREN_CLONES void feature_distances(const FeatureRows& rows, std::ptrdiff_t count,
                                     float* __restrict to) {
  const auto [a0, a1, a2, a3, a4, a5, a6, a7] = rows.here;
  const auto [b0, b1, b2, b3, b4, b5, b6, b7] = rows.there;
  const auto [of_albedo, of_normal, of_depth, of_alpha] = rows.scale;
  for (std::ptrdiff_t x = 0; x < count; ++x) {
    const float d0 = a0[x] - b0[x], d1 = a1[x] - b1[x], d2 = a2[x] - b2[x], d3 = a3[x] - b3[x],
                d4 = a4[x] - b4[x], d5 = a5[x] - b5[x], d6 = a6[x] - b6[x], d7 = a7[x] - b7[x];
    const float albedo = (d0 * d0 + d1 * d1 + d2 * d2) * of_albedo[x];
    const float normal = (d3 * d3 + d4 * d4 + d5 * d5) * of_normal[x];
    to[x] = (albedo + normal) + (d6 * d6 * of_depth[x] + d7 * d7 * of_alpha[x]);
  }
}

SOVREN_CLONES void add_weighed(const float* __restrict colour, const float* __restrict feature,
                               const Three& there, std::ptrdiff_t count, const WeighedSums& to) {
  constexpr float share = 1.0F / static_cast<float>(patch_side * patch_side);
  const auto [t0, t1, t2] = there;
  float* __restrict red = to.red;
  float* __restrict green = to.green;
  float* __restrict blue = to.blue;
  float* __restrict weight = to.weight;
  for (std::ptrdiff_t x = 0; x < count; ++x) {
    const float c = colour[x] * share;
    const float distance = c > feature[x] ? c : feature[x];
    // (1 - d / 8)^8: nearly exp(-d), and exactly 0 from 8 on.
    const float base = 1 - distance * 0.125F;
    const float k = base > 0 ? base : 0;
    const float k2 = k * k, k4 = k2 * k2, w = k4 * k4;
    red[x] += w * t0[x];
    green[x] += w * t1[x];
    blue[x] += w * t2[x];
    weight[x] += w;
  }
}

}  // namespace sovren::denoise
