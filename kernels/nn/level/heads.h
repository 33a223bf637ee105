// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sovren::nn {

/// Where a block of probabilities lies in its dropout's stream (dropout.h).
struct DroppedBlock {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  std::uint32_t threshold = 0;
  float scale = 0;
  std::uint64_t element = 0;       ///< of its first query and key
  std::uint64_t row_elements = 0;  ///< from a query to the next
  std::int64_t queries = 0;
  std::int64_t seen = 0;  ///< keys of the block that its first query sees; the next sees one more
};

/// What attention does to the rows of a head, on one thread. `stride`: floats between the rows of a
/// packed block, width up to a multiple of 16.
struct HeadKernels {
  /// to (up to row_end, stride) = factor x from (rows, width), 0 beyond.
  void (*pack)(std::int64_t rows, std::int64_t row_end, std::int64_t width, std::int64_t stride,
               float factor, const float* from, std::int64_t from_stride, float* to);
  /// to (stride, attention_block) = factor x the columns of from (rows, width), 0 beyond.
  void (*transpose)(std::int64_t rows, std::int64_t width, float factor, const float* from,
                    std::int64_t from_stride, float* to);
  /// to (rows, width) = from (rows, stride) x the row's factor.
  void (*unpack)(std::int64_t rows, std::int64_t width, std::int64_t stride, const float* factors,
                 const float* from, float* to, std::int64_t to_stride);
  /// sums of a (rows, width) x b (rows, stride) over each row; 0 up to a multiple of 16.
  void (*row_products)(std::int64_t rows, std::int64_t width, std::int64_t stride, const float* a,
                       std::int64_t a_stride, const float* b, float* sums);
  /// keep (keys, queries), rows attention_block apart: what dropout multiplies by, where a query
  /// sees the key; the keys that none of sixteen queries sees are left out.
  void (*keep)(const DroppedBlock& block, float* keep);
  /// Turns the pairs (i, i + half) of each of the heads that follow one another in x.
  /// direction: 1 or -1, a factor of the sines.
  void (*rotate)(std::int64_t heads, std::int64_t half, const float* cosines, const float* sines,
                 float direction, float* x);
  /// One query: out (width) = softmax(factor x q . keys) of the values. Rows of keys and values
  /// are key_stride apart. scores: to work in, tokens up to a multiple of 16.
  void (*decode)(std::int64_t tokens, std::int64_t width, std::int64_t key_stride, float factor,
                 const float* q, const float* keys, const float* values, float* scores, float* out);
};

}  // namespace sovren::nn
