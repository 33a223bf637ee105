// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/classifier.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/lanes.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

constexpr std::int64_t chunk = 1024;       // logits that stay in the first cache between two looks
constexpr float lowest = -3.40282347e38F;  // not -inf: a chunk of -inf must not make inf - inf

float largest_of(std::int64_t size, const float* x) {
  F16 high = F16::all(lowest);
  const std::int64_t whole = size / 16 * 16;
  by_lanes(whole, [&](auto lanes, std::int64_t i) { high = max(lanes.load(x + i), high); });
  float result = largest(high);
  for (std::int64_t i = whole; i < size; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

float sum_of_exp(std::int64_t size, const float* x, float largest) {
  const F16 high = F16::all(largest);
  F16 total = F16::all(0);
  by_lanes(size, [&](auto lanes, std::int64_t i) {
    total = total + lanes.only(exp(lanes.load(x + i) - high));
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
      exp(F16::all(parts.largest - high)).store(factor);
      parts.total *= static_cast<double>(factor[0]);
      parts.largest = high;
    }
    parts.total += static_cast<double>(sum_of_exp(size, logits + i, parts.largest));
  }
  return parts;
}

void gradient(const SoftmaxParts& parts, std::int64_t vocab, std::int64_t target,
              float gradient_scale, float* logits) {
  const F16 high = F16::all(parts.largest);
  const F16 factor =
      F16::all(static_cast<float>(static_cast<double>(gradient_scale) / parts.total));
  by_lanes(vocab, [&](auto lanes, std::int64_t i) {
    lanes.store(exp(lanes.load(logits + i) - high) * factor, logits + i);
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
