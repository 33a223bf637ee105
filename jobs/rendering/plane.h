// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "jobs/rendering/picture.h"

namespace sovren::jobs {

/// One number for each pixel, row-major: what measures of pictures are computed on.
struct Plane {
  int width = 0, height = 0;
  std::vector<float> values;

  Plane() = default;
  Plane(int a_width, int a_height)
      : width(a_width),
        height(a_height),
        values(static_cast<std::size_t>(a_width) * static_cast<std::size_t>(a_height)) {}

  float* row(int y) {
    return values.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }
  const float* row(int y) const {
    return values.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }
};

/// Weights of the pixels around one, an odd count.
using Kernel = std::vector<float>;

/// out(x, y) = sum along_x[i] along_y[j] plane(x + i - ., y + j - .), kernels' middles on the
/// pixel; beyond the border, the border's pixel is repeated.
Plane convolved(const Plane& plane, const Kernel& along_x, const Kernel& along_y);

/// One of three colours of a pixel (pixels counted row by row); grey has all three, alpha is none.
inline float color_of(const Picture& picture, std::size_t pixel, std::size_t color) {
  const auto channels = static_cast<std::size_t>(picture.channels);
  return picture.values[pixel * channels + (channels == 1 ? 0 : color)];
}
inline std::size_t pixels_of(const Picture& picture) {
  return static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height);
}

}  // namespace sovren::jobs
