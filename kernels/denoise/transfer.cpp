// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/transfer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/trace/math.h"

namespace sovren::denoise {

namespace {

using trace::exp_of;
using trace::log_of;
using trace::power;

// Numbers of the fit.
constexpr float linear = 1.41283765e+03F;
constexpr float power_scale = 1.64593172F, exponent = 4.31384981e-01F;
constexpr float power_shift = -2.94139609e-03F;
constexpr float log_scale = 1.92653254e-01F, log_inside = 6.26026094e-03F;
constexpr float log_shift = 9.98620152e-01F;
constexpr float linear_end = 1.57945760e-06F, power_end = 3.22087631e-02F;
constexpr float linear_end_code = 2.23151711e-03F, power_end_code = 3.70974749e-01F;

constexpr int block = 16;
constexpr float black = 1e-8F;

float curve(float y) {
  if (y <= linear_end) return linear * y;
  if (y <= power_end) return power_scale * power(y, exponent) + power_shift;
  return log_scale * log_of(y + log_inside) + log_shift;
}

/// Its value at largest_radiance: codes are at most 1.
float curve_end() {
  static const float end = curve(largest_radiance);
  return end;
}

}  // namespace

float encoded(float radiance) {
  return curve(std::clamp(radiance, 0.0F, largest_radiance)) / curve_end();
}

float decoded(float code) {
  const float x = code * curve_end();
  if (!(x > 0)) return 0;
  if (x <= linear_end_code) return x / linear;
  if (x <= power_end_code) return power((x - power_shift) / power_scale, 1 / exponent);
  return std::min(largest_radiance, exp_of((x - log_shift) / log_scale) - log_inside);
}

float exposure_of(std::span<const float> colors, int height, int width) {
  const std::int64_t rows = (height + block - 1) / block, columns = (width + block - 1) / block;
  float sum = 0;
  int count = 0;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) {
      const std::int64_t top = i * height / rows, bottom = (i + 1) * height / rows;
      const std::int64_t left = j * width / columns, right = (j + 1) * width / columns;
      float luminance = 0;
      for (std::int64_t y = top; y < bottom; ++y)
        for (std::int64_t x = left; x < right; ++x) {
          const float* color = colors.data() + (y * width + x) * 3;
          luminance += trace::luminance({std::clamp(color[0], 0.0F, largest_radiance),
                                         std::clamp(color[1], 0.0F, largest_radiance),
                                         std::clamp(color[2], 0.0F, largest_radiance)});
        }
      luminance /= static_cast<float>((bottom - top) * (right - left));
      if (luminance <= black) continue;
      sum += log_of(luminance);
      ++count;
    }
  return count > 0 ? 0.18F / exp_of(sum / static_cast<float>(count)) : 1;
}

}  // namespace sovren::denoise
