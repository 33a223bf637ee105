// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sovren::nn {

struct AdamW;

/// AdamW's numbers as fp32, made once in double.
struct AdamWFactors {
  float gradient_scale;
  float keep;  ///< 1 - learning rate x decay
  float beta1, rest1;
  float beta2, rest2;
  float step_size;     ///< learning rate / (1 - beta1^t)
  float inverse_root;  ///< 1 / sqrt(1 - beta2^t)
  float epsilon;
};

AdamWFactors adamw_factors(const AdamW& adamw, double gradient_scale);

/// On one thread; see optimizer.h.
struct OptimizerKernels {
  void (*adamw)(const AdamWFactors& factors, std::int64_t size, float* parameters,
                const float* gradient, float* m, float* v);
  double (*squares)(std::int64_t size, const float* values);
  void (*add)(std::int64_t size, const float* from, float* to);
};

}  // namespace sovren::nn
