// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "kernels/nn/attention.h"
#include "kernels/nn/dropout.h"
#include "kernels/nn/norm.h"
#include "kernels/nn/optimizer.h"

/// The operations of a training step on a CUDA device: those of attention.h, norm.h, pointwise.h
/// and optimizer.h, with the same shapes and meanings, in bfloat16 with sums in fp32. What takes a
/// Stream is defined where the CUDA backend is built; the rest always.
///
/// Owner    pointers are the device's, 16-byte aligned, and the caller's. Nothing is allocated
///          here: what an operation needs besides, `workspace`, has a function for its size (in
///          floats, >= 0); it may be used again as soon as the operation has been started.
/// Order    work is put on the stream and not waited for; all may be captured in a CUDA graph. What
///          differs between steps is then read from device memory: tokens, buckets, Dropout.
/// Laws     the same bits whenever the same shapes and values come again: no atomics; sums are cut
///          by shape alone.
/// Rounding each result is rounded to bf16 once, from fp32.
/// Errors   device: the launch failed, or a shape beyond what is stated.
namespace sovren::nn::device {

using Bf16 = std::uint16_t;  ///< the upper half of an fp32
using Stream = void*;        ///< cudaStream_t

// ---- attention

/// Of a head: 64 and 128 go on tensor cores, others by a plain kernel.
inline constexpr int most_head_width = 256;

/// dropout: on the device; null: none. Here and below. rate > 0.
Result<void> attention_forward(Stream stream, const AttentionShape& shape, const Bf16* qkv,
                               const Dropout* dropout, Bf16* out, float* log_sum);
/// Keys' and values' gradients by blocks of keys, queries' by blocks of queries: no sums across
/// blocks.
/// Source   Dao 2023 (FlashAttention-2), algorithm 2, split in two.
Result<void> attention_backward(Stream stream, const AttentionShape& shape, const Bf16* qkv,
                                const Dropout* dropout, const Bf16* out, const float* log_sum,
                                const Bf16* d_out, float* workspace, Bf16* d_qkv);
std::int64_t attention_workspace(const AttentionShape& shape);

/// Cosine and sine of each angle, for rotate(): (tokens, head_width / 2, 2), to be copied to the
/// device. first: position of the first token.
std::vector<float> rotation_table(int tokens, int head_width, double theta, int first);
/// table: rotation_table() on the device. head_width is even.
Result<void> rotate(Stream stream, const AttentionShape& shape, const float* table,
                    Rotation rotation, Bf16* qkv);

// ---- norm

inline constexpr std::int64_t most_norm_width = 8192;

/// sum = x + dropout of branch, y = norm of sum. branch null: sum is not written, y = norm of x.
/// sum may be x or branch. Dropout is numbered as add_residual() does. mean may be null for rms.
Result<void> norm_forward(Stream stream, const NormShape& shape, const Bf16* x, const Bf16* branch,
                          const Dropout* dropout, const Bf16* weight, const Bf16* bias, Bf16* sum,
                          Bf16* y, float* mean, float* scale);
/// d_x = d_after + the gradient with respect to x (the `sum` of the forward pass); d_after null: 0;
/// it may be d_x. d_weight, d_bias += theirs. d_bias null: no bias.
Result<void> norm_backward(Stream stream, const NormShape& shape, const Bf16* d_y, const Bf16* x,
                           const Bf16* weight, const float* mean, const float* scale,
                           const Bf16* d_after, float* workspace, Bf16* d_x, float* d_weight,
                           float* d_bias);
std::int64_t norm_workspace(const NormShape& shape);

// ---- pointwise

/// y = x + dropout of branch. y may be x or branch.
Result<void> add_residual(Stream stream, std::int64_t rows, std::int64_t width, const Bf16* x,
                          const Bf16* branch, const Dropout* dropout, Bf16* y);
/// y = dropout of x. y may be x.
Result<void> apply_dropout(Stream stream, std::int64_t rows, std::int64_t width,
                           const Dropout* dropout, const Bf16* x, Bf16* y);

/// sums[column] += the column's sum. x (rows, width), row-major with a stride.
Result<void> add_column_sums(Stream stream, std::int64_t rows, std::int64_t width,
                             std::int64_t stride, const Bf16* x, float* workspace, float* sums);
std::int64_t column_sums_workspace(std::int64_t rows, std::int64_t width);

Result<void> gelu_forward(Stream stream, std::int64_t size, const Bf16* x, Bf16* y);
/// d_x = d_y gelu'(x); d_x may be d_y.
Result<void> gelu_backward(Stream stream, std::int64_t size, const Bf16* x, const Bf16* d_y,
                           Bf16* d_x);
Result<void> swiglu_forward(Stream stream, std::int64_t rows, std::int64_t hidden, const Bf16* x,
                            Bf16* y);
/// d_x may be x.
Result<void> swiglu_backward(Stream stream, std::int64_t rows, std::int64_t hidden, const Bf16* x,
                             const Bf16* d_y, Bf16* d_x);

// ---- tokens

/// rows: tokens in all, of sequences of `context` tokens. position_table null: none.
Result<void> embed(Stream stream, std::int64_t rows, std::int64_t context, std::int64_t width,
                   const std::int32_t* tokens, const Bf16* token_table, const Bf16* position_table,
                   Bf16* x);

/// Rows by token, for embed_backward(): made on the host, copied to the device. Its size depends
/// on the number of rows alone. [number of buckets | rows + 1 starts | rows in order of token].
std::int64_t bucket_ints(std::int64_t rows);
void fill_buckets(std::span<const std::int32_t> tokens, std::span<std::int32_t> buckets);

/// d_token_table (table_rows, width), d_position_table (null: none) += the gradients: one block for
/// each token that occurs. d_x bf16, the tables fp32.
Result<void> embed_backward(Stream stream, std::int64_t rows, std::int64_t context,
                            std::int64_t width, std::int64_t table_rows, const std::int32_t* tokens,
                            const std::int32_t* buckets, const Bf16* d_x, float* d_token_table,
                            float* d_position_table);

/// As classify() of pointwise.h: logits are overwritten by their gradient. stride >= vocab.
Result<void> classify(Stream stream, std::int64_t rows, std::int64_t vocab, std::int64_t stride,
                      const std::int32_t* targets, float gradient_scale, Bf16* logits,
                      float* losses);
/// Only the losses; logits stay.
Result<void> cross_entropy(Stream stream, std::int64_t rows, std::int64_t vocab,
                           std::int64_t stride, const std::int32_t* targets, const Bf16* logits,
                           float* losses);
/// *total = the sum of `count` values, in double and in a fixed order.
Result<void> sum_values(Stream stream, std::int64_t count, const float* values, double* total);

// ---- optimizer

/// As adamw_update() of optimizer.h, with the same bits; copy (null: none) = the new parameters in
/// bf16. Its numbers are new in every step: not for a captured graph.
Result<void> adamw_update(Stream stream, const AdamW& adamw, double gradient_scale,
                          std::int64_t size, float* parameters, const float* gradient, float* m,
                          float* v, Bf16* copy);
/// As block_squares() of optimizer.h, of the same blocks; the order within a block is another.
Result<void> block_squares(Stream stream, std::int64_t size, const float* values, double* squares);
/// to += from.
Result<void> add_to(Stream stream, std::int64_t size, const float* from, float* to);
/// to = from, to the nearest bf16, halves to even.
Result<void> round_to_bf16(Stream stream, std::int64_t size, const float* from, Bf16* to);

}  // namespace sovren::nn::device
