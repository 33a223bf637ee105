// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/nn/team.h"
#include "kernels/trace/film.h"

namespace sovren::denoise {

constexpr std::int64_t filter_pixel_bytes = 240;

/// The picture of a film without its noise: each pixel is the mean of those about it (17 x 17) that
/// look alike in patches of 5 x 5, as far as the noise lets one tell, and lie on a like surface.
/// Half A's pixels are weighed by how alike half B's are, and the other way round, so that a
/// pixel's own noise does not choose its weights.
///
/// Returns (height, width, 3), linear. film: all channels.
/// Laws     the same bits for any number of threads and any processor. Pixels without variance
///          among neighbours without stay as they are.
/// Source   Rousselle, Knaus, Zwicker: Adaptive Rendering with Non-Local Means Filtering (SIGGRAPH
///          Asia 2012); Rousselle, Manzi, Zwicker: Robust Denoising using Feature and Color
///          Information (Pacific Graphics 2013): weights of features, their gradients as tolerance.
/// Memory   about filter_pixel_bytes for each pixel.
std::vector<float> filtered(nn::Team& team, const trace::Film& film);

}  // namespace sovren::denoise
