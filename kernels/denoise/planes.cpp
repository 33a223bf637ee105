// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/planes.h"

#include <algorithm>

#include "core/base/check.h"

namespace sovren::denoise {

Planes::Planes(int width, int height, int planes, int border)
    : width_(width),
      height_(height),
      planes_(planes),
      border_(border),
      stride_(width + 2 * border),
      values_(static_cast<std::size_t>(planes) * static_cast<std::size_t>(height + 2 * border) *
              static_cast<std::size_t>(stride_)) {}

void Planes::extend(int plane) {
  for (int y = 0; y < height_; ++y) {
    float* pixels = row(plane, y);
    std::fill(pixels - border_, pixels, pixels[0]);
    std::fill(pixels + width_, pixels + width_ + border_, pixels[width_ - 1]);
  }
  for (int y = 1; y <= border_; ++y) {
    std::copy_n(row(plane, 0) - border_, stride_, row(plane, -y) - border_);
    std::copy_n(row(plane, height_ - 1) - border_, stride_, row(plane, height_ - 1 + y) - border_);
  }
}

void Planes::extend() {
  for (int plane = 0; plane < planes_; ++plane) extend(plane);
}

void box_mean(nn::Team& team, const Planes& from, int from_plane, int radius, Planes& to,
              int to_plane) {
  SOVREN_CHECK(radius <= from.border(), "the border is as wide as the window reaches");
  const int width = from.width();
  const auto side = static_cast<float>(2 * radius + 1);
  const float scale = 1 / (side * side);
  team.run_blocks(from.height(), 16, [&](std::int64_t first, std::int64_t end) {
    std::vector<float> sums(static_cast<std::size_t>(from.stride()));
    for (int y = static_cast<int>(first); y < static_cast<int>(end); ++y) {
      std::copy_n(from.row(from_plane, y - radius) - from.border(), from.stride(), sums.data());
      for (int dy = 1 - radius; dy <= radius; ++dy) {
        const float* more = from.row(from_plane, y + dy) - from.border();
        for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += more[x];
      }
      float* out = to.row(to_plane, y);
      const float* column = sums.data() + from.border();
      for (int x = 0; x < width; ++x) {
        float sum = 0;
        for (int dx = -radius; dx <= radius; ++dx) sum += column[x + dx];
        out[x] = sum * scale;
      }
    }
  });
  to.extend(to_plane);
}

}  // namespace sovren::denoise
