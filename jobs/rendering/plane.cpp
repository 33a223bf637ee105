// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/plane.h"

#include <algorithm>

namespace sovren::jobs {

namespace {

void add_scaled(const float* from, float weight, float* to, int count) {
  for (int x = 0; x < count; ++x) to[x] += weight * from[x];
}

Plane convolved_along_y(const Plane& plane, const Kernel& kernel) {
  const int radius = static_cast<int>(kernel.size()) / 2;
  Plane out(plane.width, plane.height);
  for (int y = 0; y < plane.height; ++y)
    for (int j = -radius; j <= radius; ++j)
      add_scaled(plane.row(std::clamp(y + j, 0, plane.height - 1)),
                 kernel[static_cast<std::size_t>(j + radius)], out.row(y), plane.width);
  return out;
}

Plane convolved_along_x(const Plane& plane, const Kernel& kernel) {
  const std::size_t radius = kernel.size() / 2;
  const auto width = static_cast<std::size_t>(plane.width);
  Plane out(plane.width, plane.height);
  std::vector<float> padded(width + 2 * radius);
  for (int y = 0; y < plane.height; ++y) {
    const float* row = plane.row(y);
    std::fill_n(padded.begin(), radius, row[0]);
    std::copy_n(row, width, padded.begin() + static_cast<std::ptrdiff_t>(radius));
    std::fill_n(padded.end() - static_cast<std::ptrdiff_t>(radius), radius, row[width - 1]);
    for (std::size_t i = 0; i < kernel.size(); ++i)
      add_scaled(padded.data() + i, kernel[i], out.row(y), plane.width);
  }
  return out;
}

}  // namespace

Plane convolved(const Plane& plane, const Kernel& along_x, const Kernel& along_y) {
  return convolved_along_y(convolved_along_x(plane, along_x), along_y);
}

}  // namespace sovren::jobs
