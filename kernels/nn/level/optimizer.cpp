// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/optimizer.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/simd.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

int lanes_left(std::int64_t size, std::int64_t at) {
  return size - at < 16 ? static_cast<int>(size - at) : 16;
}

void adamw(const AdamWFactors& factors, std::int64_t size, float* parameters, const float* gradient,
           float* m, float* v) {
  const F16 scale = F16::all(factors.gradient_scale), keep = F16::all(factors.keep);
  const F16 beta1 = F16::all(factors.beta1), rest1 = F16::all(factors.rest1);
  const F16 beta2 = F16::all(factors.beta2), rest2 = F16::all(factors.rest2);
  const F16 step = F16::all(factors.step_size), root = F16::all(factors.inverse_root);
  const F16 epsilon = F16::all(factors.epsilon);
  for (std::int64_t i = 0; i < size; i += 16) {
    const int count = lanes_left(size, i);
    const F16 g = F16::load_some(gradient + i, count) * scale;
    const F16 new_m = fma(F16::load_some(m + i, count), beta1, rest1 * g);
    const F16 new_v = fma(F16::load_some(v + i, count), beta2, rest2 * g * g);
    const F16 decayed = F16::load_some(parameters + i, count) * keep;
    const F16 by = new_m / fma(sqrt(new_v), root, epsilon);
    (decayed - step * by).store_some(parameters + i, count);
    new_m.store_some(m + i, count);
    new_v.store_some(v + i, count);
  }
}

// In double, 16 sums side by side, then by halves: the same order at every level.
double squares(std::int64_t size, const float* values) {
  double sums[16] = {};
  for (std::int64_t i = 0; i < size; i += 16) {
    const int count = lanes_left(size, i);
    for (int lane = 0; lane < count; ++lane) {
      const double value = values[i + lane];
      sums[lane] = __builtin_fma(value, value, sums[lane]);
    }
  }
  for (int half = 8; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

void add(std::int64_t size, const float* from, float* to) {
  for (std::int64_t i = 0; i < size; i += 16) {
    const int count = lanes_left(size, i);
    (F16::load_some(to + i, count) + F16::load_some(from + i, count)).store_some(to + i, count);
  }
}

constexpr OptimizerKernels kernels{adamw, squares, add};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const OptimizerKernels& kernels_of<OptimizerKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
