// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/srgb.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace sovren::jobs {

namespace {

/// By Newton's steps from 1, for a in [1e-3, 1]: from above, so they go down to the root.
double fifth_root(double a) {
  double y = 1;
  for (int step = 0; step < 20; ++step) y = (4 * y + a / (y * y * y * y)) / 5;
  return y;
}

/// Between them lie what rounds to one byte: [b] is the least that rounds to b + 1.
std::array<float, 255> byte_borders() {
  std::array<float, 255> borders{};
  for (std::size_t b = 0; b < borders.size(); ++b)
    borders[b] = static_cast<float>(linear_of_srgb((static_cast<double>(b) + 0.5) / 255));
  return borders;
}

}  // namespace

double linear_of_srgb(double encoded) {
  if (encoded <= 0.04045) return encoded / 12.92;
  const double base = (encoded + 0.055) / 1.055;
  return base * base * fifth_root(base * base);  // base^2.4
}

double srgb_of_linear(double linear) {
  if (!(linear > 0)) return 0;
  if (linear >= 1) return 1;
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
}

std::uint8_t srgb_byte(float linear) {
  static const std::array<float, 255> borders = byte_borders();
  if (!(linear > 0)) return 0;
  const auto* const above = std::upper_bound(borders.begin(), borders.end(), linear);
  return static_cast<std::uint8_t>(above - borders.begin());
}

}  // namespace sovren::jobs
