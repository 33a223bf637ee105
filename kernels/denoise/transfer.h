// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

namespace sovren::denoise {

// What Open Image Denoise does to radiance before its network sees it.

constexpr float largest_radiance = 65504;

/// 0 to 65504 onto 0 to 1, in steps that look alike: linear, then a power, then a logarithm.
/// Source   Aydin, Mantiuk, Seidel: Extending Quality Metrics to Full Luminance Range Images (HVEI
///          2008), in the fit of Open Image Denoise (training/color.py), with which its weights
///          were trained.
float encoded(float radiance);
float decoded(float code);  ///< the inverse; 0 below 0

/// What radiance is multiplied by, so that the geometric mean of the luminance of blocks of about
/// 16 x 16 pixels is 0.18. 1 where all is black.
/// colors: (height, width, 3).
float exposure_of(std::span<const float> colors, int height, int width);

}  // namespace sovren::denoise
