// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/denoise/planes.h"
#include "kernels/nn/team.h"
#include "kernels/trace/film.h"

namespace sovren::denoise {

/// What the sums of a film say, made ready for the filter. Colours are divided by the albedo here
/// (`shade`), so that textures do not stand in the way.
struct FilmPlanes {
  /// Of `features`.
  enum Feature {
    albedo_red,
    albedo_green,
    albedo_blue,
    normal_x,
    normal_y,
    normal_z,
    depth,
    alpha,
    feature_count
  };

  Planes features;
  /// Three planes each: the divisor, and the means of the samples of halves A and B divided by it.
  Planes shade, half_a, half_b;
  /// Three planes each: variance of the means of A and of B. Where there is no half B, it is like
  /// A.
  Planes variance_a, variance_b;
  Planes share_a;  ///< one plane: the share of A in a pixel's samples
  bool has_b = false;
};

/// film: all channels. border: of the planes.
///
/// Variance is a pixel's sample variance of luminance, spread over colours as their means are,
/// scaled about each pixel by what the halves' differences say (samples of a Sobol sequence are
/// more even than independent ones). Of pixels with one sample: the variance over their neighbours.
///
/// Source   Rousselle, Knaus, Zwicker: Adaptive Rendering with Non-Local Means Filtering (SIGGRAPH
///          Asia 2012), section 5: dual-buffer variance.
FilmPlanes planes_of(nn::Team& team, const trace::Film& film, int border);

}  // namespace sovren::denoise
