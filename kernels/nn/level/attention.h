// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sovren::nn {

/// Queries, and keys, of one block.
inline constexpr std::int64_t attention_block = 64;

/// One block of queries of a head against one block of keys. Rows of q, k, v and of their gradients
/// are `stride` floats apart: head_width up to a multiple of 16, the rest 0. Rows of "columns" and
/// of scores are attention_block floats apart, a column for each query. Rows beyond `queries` and
/// `keys`, up to a multiple of 16 and of 8, are 0.
struct AttentionBlock {
  std::int64_t width = 0;
  std::int64_t stride = 0;
  std::int64_t queries = 0;
  std::int64_t keys = 0;
  std::int64_t first_query =
      0;  ///< position in the sequence; a multiple of attention_block, as first_key
  std::int64_t first_key = 0;
  const float* q_columns = nullptr;  ///< (width, queries), times log2(e) / sqrt(head_width)
  const float* k = nullptr;          ///< (keys, width)
  const float* v = nullptr;
  const float* keep = nullptr;  ///< (keys, queries) factors of the probabilities; null: all 1
  float* scores = nullptr;      ///< (keys, queries) to work in
};

/// Of each query: the running maximum of its scores, which are in powers of two, the sum of the
/// powers, and its output so far, not yet divided. finish() makes of max the logarithm of the
/// softmax's denominator, and of sum its inverse.
struct AttentionForward : AttentionBlock {
  float* max = nullptr;
  float* sum = nullptr;
  float* out = nullptr;  ///< (queries, width)
};

struct AttentionBackward : AttentionBlock {
  const float* q = nullptr;              ///< (queries, width), multiplied as q_columns
  const float* d_out = nullptr;          ///< (queries, width)
  const float* d_out_columns = nullptr;  ///< (width, queries)
  const float* log_sum = nullptr;
  const float* out_product = nullptr;  ///< of each query: its out . d_out
  float* d_scores = nullptr;           ///< (keys, queries) to work in
  float* d_q = nullptr;                ///< += the gradient, but for 1 / sqrt(head_width)
  float* d_k = nullptr;                ///< += the gradient x log2(e)
  float* d_v = nullptr;                ///< += the gradient
};

/// On one thread; see attention.h.
struct AttentionKernels {
  void (*forward)(const AttentionForward& block);
  void (*finish)(const AttentionForward& block);
  void (*backward)(const AttentionBackward& block);
};

}  // namespace sovren::nn
