// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/device_attention_backward_body.h"

// Attention for head widths that no tensor-core kernel is made for: a warp for each row, which
// walks along the other side; a lane has every 32nd element of a head. Slow, and simple.
namespace sovren::nn::device {

inline constexpr int plain_warps = 8;
inline constexpr int lane_elements = most_head_width / warp_size;

struct PlainCommon {
  AttentionShape shape;
  const Bf16* qkv;
  const Dropout* dropout;  ///< null: none
  float scale;

  Grid grid(int heads) const {
    return {.x = blocks_for(shape.tokens, plain_warps),
            .y = heads,
            .z = shape.batch,
            .threads = plain_warps * warp_size};
  }
  template <class Thread>
  SOVREN_DEVICE void load(const Thread& thread, const Bf16* row, float (&x)[lane_elements]) const {
    SOVREN_UNROLL
    for (int i = 0; i < lane_elements; ++i) {
      const int at = thread.lane() + i * warp_size;
      x[i] = at < shape.head_width ? from_bf16(row[at]) : 0;
    }
  }
  template <class Thread>
  SOVREN_DEVICE void store(const Thread& thread, const float (&x)[lane_elements], float factor,
                           Bf16* row) const {
    SOVREN_UNROLL
    for (int i = 0; i < lane_elements; ++i) {
      const int at = thread.lane() + i * warp_size;
      if (at < shape.head_width) row[at] = to_bf16(x[i] * factor);
    }
  }
  template <class Thread>
  SOVREN_DEVICE static float dot(const Thread& thread, const float (&a)[lane_elements],
                                 const float (&b)[lane_elements]) {
    float sum = 0;
    SOVREN_UNROLL
    for (int i = 0; i < lane_elements; ++i) sum = std::fma(a[i], b[i], sum);
    return sum_warp(thread, sum);
  }
  SOVREN_DEVICE float kept(int sequence, int head, int query, int key) const {
    if (dropout == nullptr) return 1;
    return HeadDropout(shape, *dropout, sequence, head).factor(query, key);
  }
};

struct PlainAttentionForward {
  static constexpr int most_threads = plain_warps * warp_size;
  PlainCommon common;
  Bf16* out;
  float* log_sum;

  Grid grid() const { return common.grid(common.shape.heads); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const AttentionShape& shape = common.shape;
    const int query = static_cast<int>(thread.block_x()) * plain_warps + thread.warp();
    if (query >= shape.tokens) return;
    const HeadPlace place(shape, thread.block_z(), thread.block_y());
    const std::int64_t stride = shape.qkv_width();
    float q[lane_elements], k[lane_elements], v[lane_elements], sums[lane_elements] = {};
    common.load(thread, common.qkv + place.q + query * stride, q);
    float largest = -INFINITY, total = 0;
    for (int key = 0; key <= query; ++key) {
      common.load(thread, common.qkv + place.k + key * stride, k);
      common.load(thread, common.qkv + place.v + key * stride, v);
      const float score = common.dot(thread, q, k) * common.scale * log2_e;
      const float top = std::fmax(largest, score);
      const float shrink = exp2_of(largest - top);
      const float p = exp2_of(score - top);
      const float kept = p * common.kept(thread.block_z(), thread.block_y(), query, key);
      largest = top;
      total = total * shrink + p;
      SOVREN_UNROLL
      for (int i = 0; i < lane_elements; ++i) sums[i] = sums[i] * shrink + kept * v[i];
    }
    common.store(thread, sums, 1 / total, out + place.out + query * std::int64_t{shape.q_width()});
    if (thread.lane() == 0)
      log_sum[place.number * shape.tokens + query] = largest * log_2 + std::log(total);
  }
};

/// As AttentionBackward; `own` is the row's.
template <Own own>
struct PlainAttentionBackward {
  static constexpr int most_threads = plain_warps * warp_size;
  static constexpr bool by_keys = own == Own::keys;
  PlainCommon common;
  const float* log_sum;
  const float* row_dots;
  const Bf16* d_out;
  Bf16* d_qkv;

  Grid grid() const { return common.grid(by_keys ? common.shape.kv_heads : common.shape.heads); }

  struct Sums {
    float first[lane_elements] = {}, second[lane_elements] = {};
  };

  /// Adds what a row's score with one other gives. first, second: q and d_out of a query, or k and
  /// v of a key.
  template <class Thread>
  SOVREN_DEVICE void add(const Thread& thread, const HeadPlace& place, int head, int row, int other,
                         const float (&own_first)[lane_elements],
                         const float (&own_second)[lane_elements], Sums& sums) const {
    const AttentionShape& shape = common.shape;
    const std::int64_t stride = shape.qkv_width();
    float first[lane_elements], second[lane_elements];
    common.load(thread, common.qkv + (by_keys ? place.q : place.k) + other * stride, first);
    common.load(thread,
                by_keys ? d_out + place.out + other * std::int64_t{shape.q_width()}
                        : common.qkv + place.v + other * stride,
                second);
    const int query = by_keys ? other : row;
    const int key = by_keys ? row : other;
    const std::int64_t at = place.number * shape.tokens + query;
    const float score = common.dot(thread, own_first, first) * common.scale;
    const float p = exp2_of((score - log_sum[at]) * log2_e);
    const float factor = common.kept(thread.block_z(), head, query, key);
    const float d_p = common.dot(thread, own_second, second) * factor;
    const float d_s = p * (d_p - row_dots[at]);
    SOVREN_UNROLL
    for (int i = 0; i < lane_elements; ++i) {
      sums.first[i] = std::fma(d_s, first[i], sums.first[i]);
      if constexpr (by_keys) sums.second[i] = std::fma(p * factor, second[i], sums.second[i]);
    }
  }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const AttentionShape& shape = common.shape;
    const int row = static_cast<int>(thread.block_x()) * plain_warps + thread.warp();
    if (row >= shape.tokens) return;
    const int shared_by = by_keys ? shape.heads / shape.kv_heads : 1;
    const int first_head = thread.block_y() * shared_by;
    const std::int64_t offset = row * std::int64_t{shape.qkv_width()};
    const HeadPlace own_place(shape, thread.block_z(), first_head);
    float own_first[lane_elements], own_second[lane_elements];
    common.load(thread, common.qkv + (by_keys ? own_place.k : own_place.q) + offset, own_first);
    common.load(thread,
                by_keys ? common.qkv + own_place.v + offset
                        : d_out + own_place.out + row * std::int64_t{shape.q_width()},
                own_second);
    Sums sums;
    for (int head = first_head; head < first_head + shared_by; ++head) {
      const HeadPlace place(shape, thread.block_z(), head);
      const int first = by_keys ? row : 0;
      const int end = by_keys ? shape.tokens : row + 1;
      for (int other = first; other < end; ++other)
        add(thread, place, head, row, other, own_first, own_second, sums);
    }
    common.store(thread, sums.first, common.scale,
                 d_qkv + (by_keys ? own_place.k : own_place.q) + offset);
    if constexpr (by_keys) common.store(thread, sums.second, 1, d_qkv + own_place.v + offset);
  }
};

}  // namespace sovren::nn::device
