// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/attention.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/nn/attention_by_level.h"
#include "kernels/nn/level.h"
#include "kernels/nn/level/attention.h"
#include "kernels/nn/level/heads.h"
#include "kernels/nn/scratch.h"

namespace sovren::nn {
namespace {

constexpr std::int64_t block = attention_block;
constexpr float lowest = -3e38F;
constexpr double log2_e = 1.4426950408889634;

std::int64_t up_to(std::int64_t count, std::int64_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

/// What the parts of one call share.
struct Call {
  Call(Level level, const AttentionShape& call_shape, const Dropout& call_dropout)
      : blocks(kernels_of<AttentionKernels>(level)),
        heads(kernels_of<HeadKernels>(level)),
        shape(call_shape),
        dropout(call_dropout),
        stride(up_to(call_shape.head_width, 16)),
        factor(1 / std::sqrt(static_cast<double>(call_shape.head_width))) {
    SOVREN_CHECK(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0,
                 "the same number of query heads for each head of keys");
  }

  std::int64_t group() const { return shape.heads / shape.kv_heads; }
  /// Of a head of qkv: 0 .. heads are q, then k, then v.
  std::int64_t at(std::int64_t sequence, std::int64_t token, std::int64_t head) const {
    return (sequence * shape.tokens + token) * shape.qkv_width() + head * shape.head_width;
  }
  std::int64_t out_at(std::int64_t sequence, std::int64_t token, std::int64_t head) const {
    return (sequence * shape.tokens + token) * shape.q_width() + head * shape.head_width;
  }
  std::int64_t row_at(std::int64_t sequence, std::int64_t head) const {
    return (sequence * shape.heads + head) * shape.tokens;
  }
  /// Of q: scores are in powers of two.
  float q_factor() const { return static_cast<float>(factor * log2_e); }
  /// Keys or values.
  void pack(std::int64_t rows, const float* from, float* to) const {
    heads.pack(rows, up_to(rows, 8), shape.head_width, stride, 1, from, shape.qkv_width(), to);
  }

  const AttentionKernels& blocks;
  const HeadKernels& heads;
  const AttentionShape& shape;
  const Dropout& dropout;
  std::int64_t stride;
  double factor;  ///< 1 / sqrt(head_width)
};

/// keep (keys, queries) of a block: what dropout multiplies its probabilities by.
void fill_keep(const Call& call, std::int64_t sequence, std::int64_t head, const AttentionBlock& at,
               float* keep) {
  const Dropout& dropout = call.dropout;
  const auto tokens = static_cast<std::uint64_t>(call.shape.tokens);
  const auto row =
      static_cast<std::uint64_t>((dropout.first_row + sequence) * call.shape.heads + head);
  const std::uint64_t query = row * tokens + static_cast<std::uint64_t>(at.first_query);
  call.heads.keep({.seed = dropout.seed,
                   .stream = dropout.stream,
                   .threshold = dropout.threshold(),
                   .scale = dropout.scale(),
                   .element = query * tokens + static_cast<std::uint64_t>(at.first_key),
                   .row_elements = tokens,
                   .queries = at.queries,
                   .seen = at.first_query + 1 - at.first_key},
                  keep);
}

/// The part of a strip of queries of one head, a few blocks, so that keys are packed once for all:
/// each block of keys up to it, in order, and with it each block of queries.
class ForwardPart {
 public:
  static constexpr std::int64_t strip = 4 * block;

  ForwardPart(const Call& call, std::int64_t sequence, std::int64_t head, std::int64_t first_query)
      : call_(call),
        sequence_(sequence),
        head_(head),
        first_(first_query),
        end_(std::min<std::int64_t>(first_query + strip, call.shape.tokens)) {
    const std::int64_t rows = up_to(end_ - first_, block);
    Scratch& scratch = Scratch::of_thread();
    scratch.reserve(2 * (block + rows) * call.stride + 2 * block * block + 2 * rows, 8);
    k_ = scratch.take(block * call.stride);
    v_ = scratch.take(block * call.stride);
    q_columns_ = scratch.take(rows * call.stride);
    out_ = scratch.take(rows * call.stride);
    max_ = scratch.take(rows);
    sum_ = scratch.take(rows);
    scores_ = scratch.take(block * block);
    if (call.dropout.is_on()) keep_ = scratch.take(block * block);
    std::fill(max_, max_ + rows, lowest);
    std::fill(sum_, sum_ + rows, 0.0F);
  }

  void run(const float* qkv, float* out, float* log_sum) {
    const AttentionShape& shape = call_.shape;
    const std::int64_t k_head = shape.heads + head_ / call_.group(),
                       v_head = k_head + shape.kv_heads;
    for (std::int64_t query = first_; query < end_; query += block)
      call_.heads.transpose(rows_of(query), shape.head_width, call_.q_factor(),
                            qkv + call_.at(sequence_, query, head_), shape.qkv_width(),
                            q_columns_ + (query - first_) * call_.stride);
    for (std::int64_t key = 0; key < end_; key += block) {
      call_.pack(rows_of(key), qkv + call_.at(sequence_, key, k_head), k_);
      call_.pack(rows_of(key), qkv + call_.at(sequence_, key, v_head), v_);
      for (std::int64_t query = std::max(first_, key); query < end_; query += block) {
        const AttentionForward at = block_of(query, key);
        if (keep_ != nullptr) fill_keep(call_, sequence_, head_, at, keep_);
        call_.blocks.forward(at);
      }
    }
    for (std::int64_t query = first_; query < end_; query += block) {
      const AttentionForward at = block_of(query, 0);
      call_.blocks.finish(at);
      std::copy_n(at.max, at.queries, log_sum + call_.row_at(sequence_, head_) + query);
      call_.heads.unpack(at.queries, shape.head_width, call_.stride, at.sum, at.out,
                         out + call_.out_at(sequence_, query, head_), shape.q_width());
    }
  }

 private:
  std::int64_t rows_of(std::int64_t first) const {
    return std::min(block, call_.shape.tokens - first);
  }

  AttentionForward block_of(std::int64_t query, std::int64_t key) const {
    AttentionForward at;
    at.width = call_.shape.head_width;
    at.stride = call_.stride;
    at.queries = rows_of(query);
    at.keys = rows_of(key);
    at.first_query = query;
    at.first_key = key;
    at.q_columns = q_columns_ + (query - first_) * call_.stride;
    at.k = k_;
    at.v = v_;
    at.keep = keep_;
    at.scores = scores_;
    at.max = max_ + (query - first_);
    at.sum = sum_ + (query - first_);
    at.out = out_ + (query - first_) * call_.stride;
    return at;
  }

  const Call& call_;
  std::int64_t sequence_;
  std::int64_t head_;
  std::int64_t first_, end_;               // queries
  float *k_, *v_, *scores_;                // of one block
  float *q_columns_, *out_, *max_, *sum_;  // of each block of the strip
  float* keep_ = nullptr;
};

/// The inputs of the backward pass.
struct Kept {
  const float* qkv;
  const float* out;
  const float* log_sum;
  const float* d_out;
};

/// The part of one head of keys and values: all queries of its group of heads, in order.
class BackwardPart {
 public:
  BackwardPart(const Call& call, const Kept& kept, std::int64_t sequence, std::int64_t kv_head)
      : call_(call), kept_(kept), sequence_(sequence), kv_head_(kv_head) {
    const std::int64_t row_floats = block * call.stride, tokens = call.shape.tokens;
    const std::int64_t all = up_to(tokens, 8) * call.stride;
    Scratch& scratch = Scratch::of_thread();
    scratch.reserve(4 * all + 5 * row_floats + 3 * block * block + 2 * block, 14);
    k_ = scratch.take(all);
    v_ = scratch.take(all);
    d_k_ = scratch.take(all);
    d_v_ = scratch.take(all);
    for (float** rows : {&q_, &q_columns_, &d_out_, &d_out_columns_, &at_.d_q})
      *rows = scratch.take(row_floats);
    at_.scores = scratch.take(block * block);
    at_.d_scores = scratch.take(block * block);
    if (call.dropout.is_on()) keep_ = scratch.take(block * block);
    log_sum_ = scratch.take(block);
    out_product_ = scratch.take(block);
    std::fill(d_k_, d_k_ + all, 0.0F);
    std::fill(d_v_, d_v_ + all, 0.0F);
    at_.width = call.shape.head_width;
    at_.stride = call.stride;
    at_.q = q_;
    at_.q_columns = q_columns_;
    at_.d_out = d_out_;
    at_.d_out_columns = d_out_columns_;
    at_.log_sum = log_sum_;
    at_.out_product = out_product_;
    at_.keep = keep_;
  }

  void run(float* d_qkv) {
    const AttentionShape& shape = call_.shape;
    const std::int64_t k_head = shape.heads + kv_head_, v_head = k_head + shape.kv_heads;
    call_.pack(shape.tokens, kept_.qkv + call_.at(sequence_, 0, k_head), k_);
    call_.pack(shape.tokens, kept_.qkv + call_.at(sequence_, 0, v_head), v_);
    for (std::int64_t member = 0; member < call_.group(); ++member)
      for (std::int64_t first = 0; first < shape.tokens; first += block)
        queries(kv_head_ * call_.group() + member, first, d_qkv);
    for (std::int64_t first = 0; first < shape.tokens; first += block) {
      const std::int64_t rows = std::min(block, shape.tokens - first);
      unpack(rows, 1 / log2_e, d_k_ + first * call_.stride,
             d_qkv + call_.at(sequence_, first, k_head));
      unpack(rows, 1, d_v_ + first * call_.stride, d_qkv + call_.at(sequence_, first, v_head));
    }
  }

 private:
  void unpack(std::int64_t rows, double factor, const float* from, float* to) const {
    float factors[block];
    std::fill(factors, factors + block, static_cast<float>(factor));
    call_.heads.unpack(rows, call_.shape.head_width, call_.stride, factors, from, to,
                       call_.shape.qkv_width());
  }

  void load_queries(std::int64_t head, std::int64_t first) {
    const AttentionShape& shape = call_.shape;
    const std::int64_t rows = at_.queries, row_end = up_to(rows, 16), width = shape.head_width;
    const std::int64_t stride = call_.stride;
    const std::int64_t out_at = call_.out_at(sequence_, first, head);
    call_.heads.pack(rows, row_end, width, stride, call_.q_factor(),
                     kept_.qkv + call_.at(sequence_, first, head), shape.qkv_width(), q_);
    call_.heads.pack(rows, row_end, width, stride, 1, kept_.d_out + out_at, shape.q_width(),
                     d_out_);
    call_.heads.transpose(row_end, stride, 1, q_, stride, q_columns_);
    call_.heads.transpose(row_end, stride, 1, d_out_, stride, d_out_columns_);
    call_.heads.row_products(rows, width, stride, kept_.out + out_at, shape.q_width(), d_out_,
                             out_product_);
    std::fill(log_sum_, log_sum_ + block, 0.0F);
    std::copy_n(kept_.log_sum + call_.row_at(sequence_, head) + first, rows, log_sum_);
  }

  void queries(std::int64_t head, std::int64_t first, float* d_qkv) {
    at_.first_query = first;
    at_.queries = std::min(block, call_.shape.tokens - first);
    load_queries(head, first);
    std::fill(at_.d_q, at_.d_q + block * call_.stride, 0.0F);
    for (std::int64_t key = 0; key <= first; key += block) {
      at_.first_key = key;
      at_.keys = std::min(block, call_.shape.tokens - key);
      const std::int64_t rows = key * call_.stride;
      at_.k = k_ + rows;
      at_.v = v_ + rows;
      at_.d_k = d_k_ + rows;
      at_.d_v = d_v_ + rows;
      if (keep_ != nullptr) fill_keep(call_, sequence_, head, at_, keep_);
      call_.blocks.backward(at_);
    }
    unpack(at_.queries, call_.factor, at_.d_q, d_qkv + call_.at(sequence_, first, head));
  }

  const Call& call_;
  const Kept& kept_;
  std::int64_t sequence_;
  std::int64_t kv_head_;
  float *k_, *v_, *d_k_, *d_v_;                      // (tokens, width)
  float *q_, *q_columns_, *d_out_, *d_out_columns_;  // of one block of queries
  float *log_sum_, *out_product_;
  float* keep_ = nullptr;
  AttentionBackward at_;
};

}  // namespace

void attention_forward(Level level, Team& team, const AttentionShape& shape, const float* qkv,
                       const Dropout& dropout, float* out, float* log_sum) {
  const Call call(level, shape, dropout);
  const std::int64_t strips = (shape.tokens + ForwardPart::strip - 1) / ForwardPart::strip;
  team.run(std::int64_t{shape.batch} * shape.heads * strips, [&](std::int64_t part) {
    const std::int64_t row = part / strips;
    // The longest first: the last strip of queries has the most keys.
    const std::int64_t first_query = (strips - 1 - part % strips) * ForwardPart::strip;
    ForwardPart(call, row / shape.heads, row % shape.heads, first_query).run(qkv, out, log_sum);
  });
}

void attention_backward(Level level, Team& team, const AttentionShape& shape, const float* qkv,
                        const Dropout& dropout, const float* out, const float* log_sum,
                        const float* d_out, float* d_qkv) {
  const Call call(level, shape, dropout);
  const Kept kept{qkv, out, log_sum, d_out};
  team.run(std::int64_t{shape.batch} * shape.kv_heads, [&](std::int64_t part) {
    BackwardPart(call, kept, part / shape.kv_heads, part % shape.kv_heads).run(d_qkv);
  });
}

void attention_decode(Level level, Team& team, const AttentionShape& shape, int capacity,
                      const float* q, const float* keys, const float* values, float* out) {
  SOVREN_CHECK(shape.tokens > 0 && shape.tokens <= capacity, "the cache holds the tokens");
  const Dropout none;
  const Call call(level, shape, none);
  const std::int64_t key_stride = std::int64_t{shape.kv_heads} * shape.head_width;
  team.run(std::int64_t{shape.batch} * shape.heads, [&](std::int64_t part) {
    const std::int64_t sequence = part / shape.heads;
    const std::int64_t kv_head = part % shape.heads / call.group();
    const std::int64_t from = sequence * capacity * key_stride + kv_head * shape.head_width;
    Scratch& scratch = Scratch::of_thread();
    const std::int64_t scores = up_to(shape.tokens, 16);
    scratch.reserve(scores, 1);
    call.heads.decode(shape.tokens, shape.head_width, key_stride, static_cast<float>(call.factor),
                      q + part * shape.head_width, keys + from, values + from, scratch.take(scores),
                      out + part * shape.head_width);
  });
}

void attention_forward(Team& team, const AttentionShape& shape, const float* qkv,
                       const Dropout& dropout, float* out, float* log_sum) {
  attention_forward(cpu_level(), team, shape, qkv, dropout, out, log_sum);
}

void attention_backward(Team& team, const AttentionShape& shape, const float* qkv,
                        const Dropout& dropout, const float* out, const float* log_sum,
                        const float* d_out, float* d_qkv) {
  attention_backward(cpu_level(), team, shape, qkv, dropout, out, log_sum, d_out, d_qkv);
}

void attention_decode(Team& team, const AttentionShape& shape, int capacity, const float* q,
                      const float* keys, const float* values, float* out) {
  attention_decode(cpu_level(), team, shape, capacity, q, keys, values, out);
}

}  // namespace sovren::nn
