// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/attention.h"

#include <cstdint>

#include "kernels/nn/level.h"
#include "kernels/nn/level/exponent.h"
#include "kernels/nn/level/transpose.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

// Scores are kept transposed, a row for each key and a lane for each query, so that maxima and sums
// over keys go lane by lane, and the next product reads probabilities by broadcast either way.

constexpr std::int64_t lanes = 16;
constexpr std::int64_t grain = 8;  // rows that the causal triangle is cut by, at every level alike
#if defined(__AVX512F__)
constexpr int tile_rows = 8, tile_vectors = 2;
#else
constexpr int tile_rows = 4, tile_vectors = 1;
#endif

/// a(i, k) = data[i row + k step]
struct Factor {
  const float* data;
  std::int64_t row;
  std::int64_t step;
};

enum class Begin { zero, add, scaled };

/// c (rows, vectors x 16) = begin + a (rows, depth) b (depth, vectors x 16), summed over k in
/// order. scaled: begin is c x the row's factor.
template <int rows, int vectors, Begin begin>
[[gnu::always_inline]] inline void multiply_tile(std::int64_t depth, Factor a, const float* b,
                                                 std::int64_t b_row, float* c, std::int64_t c_row,
                                                 const float* factors) {
  F16 sums[rows][vectors];
#pragma GCC unroll 8
  for (std::int64_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (std::int64_t j = 0; j < vectors; ++j) {
      if constexpr (begin == Begin::zero)
        sums[i][j] = F16::all(0);
      else
        sums[i][j] = F16::load(c + i * c_row + j * lanes);
      if constexpr (begin == Begin::scaled) sums[i][j] = sums[i][j] * F16::all(factors[i]);
    }
  for (std::int64_t k = 0; k < depth; ++k) {
    F16 row[vectors];
#pragma GCC unroll 2
    for (std::int64_t j = 0; j < vectors; ++j) row[j] = F16::load(b + k * b_row + j * lanes);
#pragma GCC unroll 8
    for (std::int64_t i = 0; i < rows; ++i) {
      const F16 left = F16::all(a.data[i * a.row + k * a.step]);
#pragma GCC unroll 2
      for (std::int64_t j = 0; j < vectors; ++j) sums[i][j] = fma(left, row[j], sums[i][j]);
    }
  }
#pragma GCC unroll 8
  for (std::int64_t i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (std::int64_t j = 0; j < vectors; ++j) sums[i][j].store(c + i * c_row + j * lanes);
}

/// tile_rows rows of c, columns first .. end (multiples of 16).
template <Begin begin>
[[gnu::always_inline]] inline void multiply_rows(std::int64_t depth, Factor a, std::int64_t first,
                                                 std::int64_t end, const float* b,
                                                 std::int64_t b_row, float* c, std::int64_t c_row,
                                                 const float* factors) {
  std::int64_t column = first;
  for (; column + tile_vectors * lanes <= end; column += tile_vectors * lanes)
    multiply_tile<tile_rows, tile_vectors, begin>(depth, a, b + column, b_row, c + column, c_row,
                                                  factors);
  for (; column < end; column += lanes)
    multiply_tile<tile_rows, 1, begin>(depth, a, b + column, b_row, c + column, c_row, factors);
}

std::int64_t up_to(std::int64_t count, std::int64_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

/// Keys of the block that some query before query_end (of the block) sees, by grains.
std::int64_t keys_seen(const AttentionBlock& block, std::int64_t query_end) {
  const std::int64_t seen = block.first_query + query_end - block.first_key,
                     all = up_to(block.keys, grain);
  return seen < all ? seen : all;
}
/// The first query of the block that sees a key of the grain that holds `key`.
std::int64_t first_seeing(const AttentionBlock& block, std::int64_t key) {
  const std::int64_t first = block.first_key + key / grain * grain - block.first_query;
  return first > 0 ? first : 0;
}

/// to (keys, queries) = rows (keys, width) columns (width, queries), where a query sees a key.
void score(const AttentionBlock& block, const float* rows, const float* columns, float* to) {
  const std::int64_t end = up_to(block.queries, lanes);
  const std::int64_t keys = keys_seen(block, end);
  for (std::int64_t key = 0; key < keys; key += tile_rows)
    multiply_rows<Begin::zero>(block.width, {rows + key * block.stride, block.stride, 1},
                               first_seeing(block, key) / lanes * lanes, end, columns,
                               attention_block, to + key * attention_block, attention_block,
                               nullptr);
}

/// to (queries, width) = begin + transposed scores (keys, queries) x rows (keys, width).
template <Begin begin>
[[gnu::noinline]]  // within another function the registers do not last for the sums
void sum_over_keys(const AttentionBlock& block, const float* scores, const float* rows, float* to,
                   const float* factors) {
  for (std::int64_t query = 0; query < block.queries; query += tile_rows)
    multiply_rows<begin>(keys_seen(block, query / grain * grain + grain),
                         {scores + query, 1, attention_block}, 0, block.stride, rows, block.stride,
                         to + query * block.stride, block.stride, factors + query);
}

/// to (keys, width) += scores (keys, queries) x rows (queries, width).
void sum_over_queries(const AttentionBlock& block, const float* scores, const float* rows,
                      float* to) {
  const std::int64_t keys = keys_seen(block, block.queries);
  for (std::int64_t key = 0; key < keys; key += tile_rows) {
    const std::int64_t query = first_seeing(block, key);
    multiply_rows<Begin::add>(block.queries - query,
                              {scores + key * attention_block + query, attention_block, 1}, 0,
                              block.stride, rows + query * block.stride, block.stride,
                              to + key * block.stride, block.stride, nullptr);
  }
}

/// The sixteen queries from `query` of the block on, and which keys they see.
struct Lanes {
  Lanes(const AttentionBlock& block, std::int64_t query)
      : position(F16::all(static_cast<float>(block.first_query + query)) + lane_numbers()),
        keys(keys_seen(block, query + lanes)),
        first_key(block.first_key),
        all_see(block.first_query + query) {}
  /// x, or `instead` where a query comes before the key.
  F16 where_seen(std::int64_t key, F16 x, F16 instead) const {
    if (first_key + key <= all_see) return x;
    return where_less(position, F16::all(static_cast<float>(first_key + key)), instead, x);
  }
  F16 position;
  std::int64_t keys;
  std::int64_t first_key;
  std::int64_t all_see;  ///< position of the last key that all sixteen see
};

/// Scores become powers of two, 1 at the maximum; `factors`: what the maximum's rise makes of
/// earlier sums.
void soften(const AttentionForward& block, std::int64_t query, float* factors) {
  const Lanes queries(block, query);
  float* scores = block.scores + query;
  const F16 lowest = F16::all(-3e38F), before = F16::load(block.max + query);
  F16 most[4] = {before, before, before, before};
  for (std::int64_t key = 0; key < queries.keys; key += 4)
    for (std::int64_t i = 0; i < 4; ++i) {
      const F16 x = F16::load(scores + (key + i) * attention_block);
      most[i] = max(most[i], queries.where_seen(key + i, x, lowest));
    }
  const F16 now = max(max(most[0], most[1]), max(most[2], most[3]));
  F16 sums = F16::all(0);
  for (std::int64_t key = 0; key < queries.keys; ++key) {
    float* at = scores + key * attention_block;
    const F16 below = queries.where_seen(key, F16::load(at) - now, F16::all(0));
    F16 p = queries.where_seen(key, power_of_two(below), F16::all(0));
    sums = sums + p;
    if (block.keep != nullptr) p = p * F16::load(block.keep + key * attention_block + query);
    p.store(at);
  }
  const F16 factor = power_of_two(before - now);
  factor.store(factors + query);
  now.store(block.max + query);
  fma(F16::load(block.sum + query), factor, sums).store(block.sum + query);
}

void forward(const AttentionForward& block) {
  float factors[attention_block];
  score(block, block.k, block.q_columns, block.scores);
  for (std::int64_t query = 0; query < block.queries; query += lanes) soften(block, query, factors);
  if (block.first_key == 0)
    sum_over_keys<Begin::zero>(block, block.scores, block.v, block.out, factors);
  else
    sum_over_keys<Begin::scaled>(block, block.scores, block.v, block.out, factors);
}

void finish(const AttentionForward& block) {
  for (std::int64_t query = 0; query < block.queries; query += lanes) {
    const F16 sum = F16::load(block.sum + query);
    const F16 log_2 = F16::all(0.693147182F);
    fma(F16::load(block.max + query), log_2, log(sum)).store(block.max + query);
    (F16::all(1) / sum).store(block.sum + query);
  }
}

/// scores: the probabilities, as they multiplied v; d_scores: the gradient of scores, from that of
/// the probabilities.
void unsoften(const AttentionBackward& block, std::int64_t query) {
  const Lanes queries(block, query);
  const F16 log_sum = F16::load(block.log_sum + query) * F16::all(1.44269504F);  // base 2
  const F16 product = F16::load(block.out_product + query);
  for (std::int64_t key = 0; key < queries.keys; ++key) {
    const std::int64_t at = key * attention_block + query;
    const F16 below = queries.where_seen(key, F16::load(block.scores + at) - log_sum, F16::all(0));
    const F16 p = queries.where_seen(key, power_of_two(below), F16::all(0));
    F16 d_p = F16::load(block.d_scores + at), kept = p;
    if (block.keep != nullptr) {
      const F16 keep = F16::load(block.keep + at);
      kept = p * keep;
      d_p = d_p * keep;
    }
    kept.store(block.scores + at);
    (p * (d_p - product)).store(block.d_scores + at);
  }
}

void backward(const AttentionBackward& block) {
  score(block, block.k, block.q_columns, block.scores);
  score(block, block.v, block.d_out_columns, block.d_scores);
  for (std::int64_t query = 0; query < block.queries; query += lanes) unsoften(block, query);
  sum_over_queries(block, block.scores, block.d_out, block.d_v);
  sum_over_queries(block, block.d_scores, block.q, block.d_k);
  sum_over_keys<Begin::add>(block, block.d_scores, block.k, block.d_q, block.log_sum);
}

constexpr AttentionKernels kernels{forward, finish, backward};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const AttentionKernels& kernels_of<AttentionKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
