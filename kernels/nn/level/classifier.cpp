// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/classifier.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/exponent.h"
#include "kernels/nn/level/lanes.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

constexpr std::int64_t chunk = 1024;       // logits that stay in the first cache between two looks
constexpr float lowest = -3.40282347e38F;  // not -inf: a chunk of -inf must not make inf - inf

float largest_of(std::int64_t size, const float* x) {
  F16 high[4];  // four, so that they do not wait for each other
  for (F16& most : high) most = F16::all(lowest);
  std::int64_t i = 0;
  for (; i + 64 <= size; i += 64)
    for (std::int64_t j = 0; j < 4; ++j) high[j] = max(F16::load(x + i + 16 * j), high[j]);
  for (; i + 16 <= size; i += 16) high[0] = max(F16::load(x + i), high[0]);
  float result = largest(max(max(high[0], high[1]), max(high[2], high[3])));
  for (; i < size; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

// e^(x - largest) as a power of two.
F16 exponent_of(F16 x, F16 largest) {
  return (x - largest) * F16::all(1.44269504F);
}

float sum_of_exp(std::int64_t size, const float* x, float largest) {
  const F16 high = F16::all(largest);
  F16 total = F16::all(0);
  by_lanes(size, [&](auto lanes, std::int64_t i) {
    total = total + lanes.only(power_of_two(exponent_of(lanes.load(x + i), high)));
  });
  return sum(total);
}

// Milakov, Gimelshein 2018: the sum is brought to a new maximum when one comes; here by chunks.
SoftmaxParts softmax(std::int64_t vocab, const float* logits) {
  SoftmaxParts parts{lowest, 0};
  for (std::int64_t i = 0; i < vocab; i += chunk) {
    const std::int64_t size = vocab - i < chunk ? vocab - i : chunk;
    const float high = largest_of(size, logits + i);
    if (high > parts.largest) {
      float factor[16];
      power_of_two(exponent_of(F16::all(parts.largest), F16::all(high))).store(factor);
      parts.total *= static_cast<double>(factor[0]);
      parts.largest = high;
    }
    parts.total += static_cast<double>(sum_of_exp(size, logits + i, parts.largest));
  }
  return parts;
}

void gradient(const SoftmaxParts& parts, std::int64_t vocab, std::int64_t target,
              float gradient_scale, float* logits) {
  // Below `tiny` it is 0: no gradient so small that it is not a normal number.
  const F16 high = F16::all(parts.largest), tiny = F16::all(-90), zero = F16::all(0);
  const F16 factor =
      F16::all(static_cast<float>(static_cast<double>(gradient_scale) / parts.total));
  by_lanes(vocab, [&](auto lanes, std::int64_t i) {
    const F16 power = exponent_of(lanes.load(logits + i), high);
    lanes.store(where_less(power, tiny, zero, power_of_two(power) * factor), logits + i);
  });
  logits[target] -= gradient_scale;
}

constexpr ClassifierKernels kernels{softmax, gradient};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const ClassifierKernels& kernels_of<ClassifierKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
