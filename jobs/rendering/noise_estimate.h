// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/model/rendering_spec.h"
#include "jobs/rendering/picture.h"
#include "kernels/trace/film.h"

namespace sovren::jobs {

// What the sums of a film say: means, and how far they may be off. All is computed in double from
// whole numbers in a fixed order: the same bits wherever the samples were taken.

/// The sums of one pixel: trace::Film::picture_channels numbers or more.
using PixelSums = std::span<const std::int64_t>;

using Rgb = std::array<double, 3>;

/// 0 without samples.
Rgb mean_of(PixelSums sums);

/// Of the mean of each colour, by halves A and B of n and m samples: (A - B)^2 n m / (n + m)^2,
/// which is right on average when samples are independent (with n = m, ((A - B) / 2)^2). Samples of
/// one Sobol sequence are more even than that: the mean is nearer than this says. None without a
/// half.
std::optional<Rgb> variance_by_halves(PixelSums sums);

/// Of the mean of luminance: (mean of squares - square of the mean) / (n - 1). Steadier than by
/// halves, but squares are kept to 2^-20: below a luminance of 0.01 it is coarse. None below two.
std::optional<double> luminance_variance(PixelSums sums);

/// Estimated relMSE of a pixel: the mean over colours of variance / (mean^2 + 0.01). Variance by
/// halves; with one half only, that of luminance for each colour; with one sample or none, 1.
double estimated_rel_mse(PixelSums sums);

/// Pixels x0 to x1 - 1 of rows y0 to y1 - 1.
struct PixelBox {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

/// Mean over a box. The relative error of such an estimate is about sqrt(2 / (3 pixels)).
double estimated_rel_mse(const trace::Film& film, const PixelBox& box);

struct NoiseEstimate {
  double rel_mse = 0;          ///< of the whole picture
  double rel_mse_trimmed = 0;  ///< without the 0.1 % of the pixels where it is largest
};
NoiseEstimate estimated_noise(const trace::Film& film);

/// The picture itself: means of radiance, and of alpha as a fourth channel (colours are
/// premultiplied by it then).
Picture mean_picture(const trace::Film& film, bool has_alpha);

/// A layer besides the picture. Means over all samples, of which those that met nothing are 0;
/// variance: luminance_variance() (0 where there is none); object_id and samples as they are. But
/// for variance and samples, the film has all channels.
Picture aov_picture(const trace::Film& film, RenderingSpec::Aov aov);

/// How a layer is written into a file. picture must outlive it.
Layer aov_layer(RenderingSpec::Aov aov, const Picture& picture);

}  // namespace sovren::jobs
