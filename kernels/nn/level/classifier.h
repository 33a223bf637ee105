// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sovren::nn {

/// A row's softmax is e^(x - largest) / total.
struct SoftmaxParts {
  float largest;
  double total;
};

/// Of one row, on one thread; see pointwise.h.
struct ClassifierKernels {
  SoftmaxParts (*softmax)(std::int64_t vocab, const float* logits);
  /// logits := (softmax - one-hot of target) x gradient_scale.
  void (*gradient)(const SoftmaxParts& parts, std::int64_t vocab, std::int64_t target,
                   float gradient_scale, float* logits);
};

}  // namespace sovren::nn
