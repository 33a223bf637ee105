// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/nn/team.h"

namespace sovren::denoise {

/// Pictures of one size, one number a pixel each, with a border about them that repeats their
/// outermost pixels, so that windows need no special case at the edge.
class Planes {
 public:
  Planes() = default;
  Planes(int width, int height, int planes, int border);

  int width() const { return width_; }
  int height() const { return height_; }
  int planes() const { return planes_; }
  int border() const { return border_; }
  std::ptrdiff_t stride() const { return stride_; }  ///< from a row to the next

  /// Pixel 0 of row y; both may be as far out as the border is wide.
  float* row(int plane, int y) { return values_.data() + place(plane, y); }
  const float* row(int plane, int y) const { return values_.data() + place(plane, y); }

  /// Fills the border of one plane.
  void extend(int plane);
  void extend();

 private:
  std::ptrdiff_t place(int plane, int y) const {
    const std::ptrdiff_t rows = height_ + 2 * border_;
    return (plane * rows + y + border_) * stride_ + border_;
  }

  int width_ = 0, height_ = 0, planes_ = 0, border_ = 0;
  std::ptrdiff_t stride_ = 0;
  std::vector<float> values_;
};

/// to = mean of from over the (2 radius + 1)^2 pixels about each; the border, at least radius wide,
/// is filled in both. Rows are summed first, then columns, each from its first pixel on.
void box_mean(nn::Team& team, const Planes& from, int from_plane, int radius, Planes& to,
              int to_plane);

}  // namespace sovren::denoise
