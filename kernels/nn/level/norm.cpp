// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/norm.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/lanes.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

float mean_of(std::int64_t width, const float* x) {
  F16 total = F16::all(0);
  by_lanes(width, [&](auto lanes, std::int64_t i) { total = total + lanes.load(x + i); });
  return sum(total) / static_cast<float>(width);
}

// The mean of (x - mean)^2: in a second pass, so that a large mean takes no digits from it.
float mean_square(std::int64_t width, const float* x, float mean) {
  F16 total = F16::all(0);
  by_lanes(width, [&](auto lanes, std::int64_t i) {
    const F16 off = lanes.only(lanes.load(x + i) - F16::all(mean));
    total = fma(off, off, total);
  });
  return sum(total) / static_cast<float>(width);
}

void forward(const NormRows& shape, const float* x, const float* weight, const float* bias,
             float* y, float* mean, float* scale) {
  for (std::int64_t row = 0; row < shape.rows; ++row, x += shape.width, y += shape.width) {
    const float center = shape.has_mean ? mean_of(shape.width, x) : 0;
    const float square = mean_square(shape.width, x, center);
    scale[row] = 1 / __builtin_sqrtf(square + shape.epsilon);
    if (mean != nullptr) mean[row] = center;
    const F16 middle = F16::all(center), factor = F16::all(scale[row]);
    by_lanes(shape.width, [&](auto lanes, std::int64_t i) {
      const F16 z = (lanes.load(x + i) - middle) * factor;
      const F16 w = lanes.load(weight + i);
      lanes.store(bias == nullptr ? z * w : fma(z, w, lanes.load(bias + i)), y + i);
    });
  }
}

void backward(const NormRows& shape, const float* d_y, const float* x, const float* weight,
              const float* mean, const float* scale, float* d_x, float* d_weight, float* d_bias) {
  const float share = 1 / static_cast<float>(shape.width);
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const F16 middle = F16::all(shape.has_mean ? mean[row] : 0), factor = F16::all(scale[row]);
    F16 sum_g = F16::all(0), sum_gz = F16::all(0);
    by_lanes(shape.width, [&](auto lanes, std::int64_t i) {
      const F16 d = lanes.load(d_y + i), z = (lanes.load(x + i) - middle) * factor;
      const F16 g = d * lanes.load(weight + i);
      sum_g = sum_g + g;
      sum_gz = fma(g, z, sum_gz);
      lanes.store(fma(d, z, lanes.load(d_weight + i)), d_weight + i);
      if (d_bias != nullptr) lanes.store(lanes.load(d_bias + i) + d, d_bias + i);
    });
    const F16 mean_g = F16::all(shape.has_mean ? sum(sum_g) * share : 0);
    const F16 mean_gz = F16::all(sum(sum_gz) * share);
    by_lanes(shape.width, [&](auto lanes, std::int64_t i) {
      const F16 z = (lanes.load(x + i) - middle) * factor;
      const F16 g = lanes.load(d_y + i) * lanes.load(weight + i);
      const F16 gradient = g - mean_g - z * mean_gz;
      lanes.store(fma(gradient, factor, lanes.load(d_x + i)), d_x + i);
    });
    d_y += shape.width;
    x += shape.width;
    d_x += shape.width;
  }
}

constexpr NormKernels kernels{forward, backward};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const NormKernels& kernels_of<NormKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
