// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/nn/dropout.h"
#include "kernels/nn/team.h"

namespace sovren::nn {

/// Causal self-attention of `batch` sequences. heads is a multiple of kv_heads: neighbouring query
/// heads share a head of keys and values (grouped-query attention).
struct AttentionShape {
  int batch = 0;
  int tokens = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_width = 0;
  constexpr int q_width() const { return heads * head_width; }
  constexpr int qkv_width() const { return (heads + 2 * kv_heads) * head_width; }
};

/// out = softmax(q k^T / sqrt(head_width), causal) v, by blocks: no tokens x tokens in memory.
///
/// Shape    qkv (batch, tokens, [q heads | k heads | v heads] x head_width); out (batch, tokens,
///          heads x head_width); log_sum (batch, heads, tokens): logarithm of the softmax's
///          denominator, kept for the backward pass.
/// Dropout  of the probabilities: element ((sequence x heads + head) x tokens + query) x tokens +
///          key of the stream (dropout.h), sequence counted from dropout.first_row.
/// Laws     the same bits for any number of threads and any batch around a sequence.
/// Source   Dao 2023 (FlashAttention-2), algorithms 1 and 2, with the backward sums in fixed order.
void attention_forward(Team& team, const AttentionShape& shape, const float* qkv,
                       const Dropout& dropout, float* out, float* log_sum);

/// d_qkv (as qkv) = the gradient, from d_out (as out). Recomputes the probabilities from log_sum.
void attention_backward(Team& team, const AttentionShape& shape, const float* qkv,
                        const Dropout& dropout, const float* out, const float* log_sum,
                        const float* d_out, float* d_qkv);

/// Rotates the q and k heads of qkv in place by the angles of their positions (forward), or back
/// (backward). first: position of the first token. Pairs are (i, i + head_width / 2), as Llama's
/// weights have them in Hugging Face's files.
/// Source   Su et al. 2021 (RoFormer), eq. 34.
enum class Rotation { forward, backward };
void rotate(Team& team, const AttentionShape& shape, double theta, int first, Rotation rotation,
            float* qkv);

/// One new token of each sequence against the keys and values before it: out (batch, heads x
/// head_width). keys, values: (batch, capacity, kv_heads x head_width), of which `tokens` (of
/// shape, the new one among them) are filled. q: (batch, heads x head_width).
void attention_decode(Team& team, const AttentionShape& shape, int capacity, const float* q,
                      const float* keys, const float* values, float* out);

}  // namespace sovren::nn
