// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/nn/team.h"

namespace sovren::denoise {

/// Pictures of many channels with a frame of zeros one pixel wide: (height + 2, width + 2,
/// channels), and a spare pixel before and after, which windows at the frame reach.
class Map {
 public:
  Map() = default;
  Map(std::int64_t height, std::int64_t width, std::int64_t channels)
      : height_(height),
        width_(width),
        channels_(channels),
        values_(static_cast<std::size_t>(((height + 2) * (width + 2) + 2) * channels)) {}

  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  std::int64_t channels() const { return channels_; }
  /// The pixel's channels; y and x from -1 (the frame) on.
  float* at(std::int64_t y, std::int64_t x) { return values_.data() + place(y, x); }
  const float* at(std::int64_t y, std::int64_t x) const { return values_.data() + place(y, x); }

 private:
  std::int64_t place(std::int64_t y, std::int64_t x) const {
    return ((y + 1) * (width_ + 2) + x + 2) * channels_;
  }

  std::int64_t height_ = 0, width_ = 0, channels_ = 0;
  std::vector<float> values_;
};

/// Weights of a 3 x 3 convolution.
struct Convolution {
  std::int64_t in = 0, out = 0;
  std::vector<float> weights;  ///< (3, 3, in, out): row, column
  std::vector<float> bias;     ///< (out)
};

/// max(0, convolution + bias); beyond the edge all is 0. Three products of matrices: a row of three
/// pixels lies in one piece, so that windows need not be copied out.
Map convolve(nn::Team& team, const Convolution& convolution, const Map& from);

/// The largest of each 2 x 2 pixels. Height and width are even.
Map pooled(nn::Team& team, const Map& from);

/// Each pixel of `coarse` four times, with the channels of `fine` (twice as high and wide) after
/// its own.
Map joined(nn::Team& team, const Map& coarse, const Map& fine);

}  // namespace sovren::denoise
