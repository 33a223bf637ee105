// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/attention.h"
#include "kernels/nn/level.h"

namespace sovren::nn {

/// attention.h's operations on the kernels of a given level, which this processor must have:
/// attention.h itself takes the best. For tests that compare levels.
void attention_forward(Level level, Team& team, const AttentionShape& shape, const float* qkv,
                       const Dropout& dropout, float* out, float* log_sum);
void attention_backward(Level level, Team& team, const AttentionShape& shape, const float* qkv,
                        const Dropout& dropout, const float* out, const float* log_sum,
                        const float* d_out, float* d_qkv);
void rotate(Level level, Team& team, const AttentionShape& shape, double theta, int first,
            Rotation rotation, float* qkv);
void attention_decode(Level level, Team& team, const AttentionShape& shape, int capacity,
                      const float* q, const float* keys, const float* values, float* out);

}  // namespace sovren::nn
