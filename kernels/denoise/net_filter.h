// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/denoise/unet.h"
#include "kernels/trace/film.h"

namespace sovren::denoise {

constexpr std::int64_t net_pixel_bytes = 850;
constexpr std::int64_t net_tile_pixels = std::int64_t{1} << 20;

/// The picture of a film without its noise, by a network. Colours go in scaled by their exposure
/// and encoded (transfer.h), albedo as it is, normals from 0 to 1. Large pictures are cut into
/// tiles that overlap by as much as the network reaches: their edges do not show.
///
/// Returns (height, width, 3), linear. film: all channels. tile_pixels_max: memory is about
/// net_pixel_bytes for each of them; the least that makes sense is (4 UNet::reach)^2.
/// Laws     the same bits for any number of threads, any tiles and any x86-64 processor.
std::vector<float> filtered(nn::Team& team, const UNet& net, const trace::Film& film,
                            std::int64_t tile_pixels_max = net_tile_pixels);

}  // namespace sovren::denoise
