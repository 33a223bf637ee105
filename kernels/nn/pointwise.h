// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/nn/dropout.h"
#include "kernels/nn/team.h"

namespace sovren::nn {

/// y += x, with dropout of x: element number (dropout.first_row + row) x width + column. x (rows,
/// width). The residual connection.
void add_residual(Team& team, std::int64_t rows, std::int64_t width, const float* x,
                  const Dropout& dropout, float* y);

/// x := dropout of x in place, numbered as above; forward and backward are the same. Does nothing
/// where dropout is off.
void apply_dropout(Team& team, std::int64_t rows, std::int64_t width, const Dropout& dropout,
                   float* x);

/// sums[column] += the column's sum over rows, in a fixed order. x (rows, width), row-major with a
/// stride. The gradient of a bias.
void add_column_sums(Team& team, std::int64_t rows, std::int64_t width, std::int64_t stride,
                     const float* x, float* sums);

/// y = gelu(x), tanh approximation: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). size elements.
/// Source   Hendrycks, Gimpel 2016, section 2.
void gelu_forward(Team& team, std::int64_t size, const float* x, float* y);
/// d_x = d_y gelu'(x); d_x may be d_y.
void gelu_backward(Team& team, std::int64_t size, const float* x, const float* d_y, float* d_x);

/// y (rows, hidden) = silu(gate) x up, of x (rows, [gate | up] x hidden).
/// Source   Shazeer 2020, eq. 5.
void swiglu_forward(Team& team, std::int64_t rows, std::int64_t hidden, const float* x, float* y);
/// d_x (as x) from d_y (as y).
void swiglu_backward(Team& team, std::int64_t rows, std::int64_t hidden, const float* x,
                     const float* d_y, float* d_x);

/// x (tokens.size(), width) = token_table row of each token + position_table row of its place in
/// its sequence of `context` tokens (null: none).
void embed(Team& team, std::span<const std::int32_t> tokens, std::int64_t context,
           std::int64_t width, const float* token_table, const float* position_table, float* x);
/// d_token_table, d_position_table (null: none) += the gradients, each sum in the order of tokens.
void embed_backward(Team& team, std::span<const std::int32_t> tokens, std::int64_t context,
                    std::int64_t width, const float* d_x, float* d_token_table,
                    float* d_position_table);

/// Softmax and cross-entropy, forward and backward in one pass over the logits.
/// logits (targets.size(), stride), of which `vocab` columns count: overwritten by their gradient,
/// (softmax - one-hot) x gradient_scale, 0 in the columns beyond. losses: -log softmax at the
/// target, one per row, natural logarithm.
void classify(Team& team, std::int64_t vocab, std::int64_t stride,
              std::span<const std::int32_t> targets, float gradient_scale, float* logits,
              std::span<float> losses);
/// Only the losses; logits stay.
void cross_entropy(Team& team, std::int64_t vocab, std::int64_t stride,
                   std::span<const std::int32_t> targets, const float* logits,
                   std::span<float> losses);

}  // namespace sovren::nn
