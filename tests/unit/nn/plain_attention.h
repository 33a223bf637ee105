// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "core/base/rng.h"
#include "kernels/nn/attention.h"

namespace sovren::nn {

/// Attention as the textbook has it, in double, with all tokens x tokens in memory.
class PlainAttention {
 public:
  PlainAttention(const AttentionShape& shape, const std::vector<float>& qkv,
                 const Dropout& dropout = {})
      : PlainAttention(shape, std::vector<double>(qkv.begin(), qkv.end()), dropout) {}
  PlainAttention(const AttentionShape& shape, std::vector<double> qkv, const Dropout& dropout = {})
      : shape_(shape), dropout_(dropout), qkv_(std::move(qkv)) {
    const auto size = [](auto a, auto b, auto c) { return static_cast<std::size_t>(a * b * c); };
    out.assign(size(shape.batch, shape.tokens, shape.q_width()), 0);
    log_sum.assign(size(shape.batch, shape.heads, shape.tokens), 0);
    probabilities_.assign(log_sum.size() * static_cast<std::size_t>(shape.tokens), 0);
    for (int b = 0; b < shape.batch; ++b)
      for (int h = 0; h < shape.heads; ++h)
        for (int i = 0; i < shape.tokens; ++i) forward(b, h, i);
  }

  std::vector<double> out, log_sum;

  std::vector<double> gradient(const std::vector<float>& d_out) const {
    std::vector<double> d_qkv(qkv_.size());
    for (int b = 0; b < shape_.batch; ++b)
      for (int h = 0; h < shape_.heads; ++h)
        for (int i = 0; i < shape_.tokens; ++i) backward(b, h, i, d_out, d_qkv);
    return d_qkv;
  }

 private:
  std::size_t k_head(int h) const {
    return index(shape_.heads + h * shape_.kv_heads / shape_.heads);
  }
  std::size_t v_head(int h) const { return k_head(h) + index(shape_.kv_heads); }
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  std::size_t at(int b, int token, std::size_t head, int c) const {
    return index(b * shape_.tokens + token) * index(shape_.qkv_width()) +
           head * index(shape_.head_width) + index(c);
  }
  std::size_t out_at(int b, int token, int h, int c) const {
    return index(b * shape_.tokens + token) * index(shape_.q_width()) +
           index(h * shape_.head_width + c);
  }
  std::size_t row(int b, int h, int i) const {
    return index((b * shape_.heads + h) * shape_.tokens + i);
  }
  double scale() const { return 1 / std::sqrt(static_cast<double>(shape_.head_width)); }

  /// dropout.h and attention.h, word for word.
  double keep(int b, int h, int i, int j) const {
    if (dropout_.rate == 0) return 1;
    const auto tokens = static_cast<std::uint64_t>(shape_.tokens);
    const auto sequence = static_cast<std::uint64_t>(dropout_.first_row + b);
    const std::uint64_t head = sequence * index(shape_.heads) + index(h);
    const std::uint64_t element = (head * tokens + index(i)) * tokens + index(j);
    const std::uint32_t word =
        Philox(dropout_.seed, dropout_.stream).block(element / 4)[element % 4];
    const double rate = static_cast<double>(dropout_.rate);
    return word < static_cast<std::uint32_t>(rate * 0x1p32) ? 0 : 1 / (1 - rate);
  }

  double dot(int b, int i, std::size_t head_i, int j, std::size_t head_j) const {
    double sum = 0;
    for (int c = 0; c < shape_.head_width; ++c)
      sum += qkv_[at(b, i, head_i, c)] * qkv_[at(b, j, head_j, c)];
    return sum;
  }

  void forward(int b, int h, int i) {
    std::vector<double> scores;
    for (int j = 0; j <= i; ++j) scores.push_back(dot(b, i, index(h), j, k_head(h)) * scale());
    double most = scores[0], sum = 0;
    for (const double score : scores) most = std::max(most, score);
    for (const double score : scores) sum += std::exp(score - most);
    log_sum[row(b, h, i)] = most + std::log(sum);
    for (int j = 0; j <= i; ++j) {
      const double p = std::exp(scores[index(j)] - most) / sum;
      probabilities_[row(b, h, i) * index(shape_.tokens) + index(j)] = p;
      for (int c = 0; c < shape_.head_width; ++c)
        out[out_at(b, i, h, c)] += p * keep(b, h, i, j) * qkv_[at(b, j, v_head(h), c)];
    }
  }

  void backward(int b, int h, int i, const std::vector<float>& d_out,
                std::vector<double>& d_qkv) const {
    const double* p = probabilities_.data() + row(b, h, i) * index(shape_.tokens);
    std::vector<double> d_p(index(i) + 1);
    double mean = 0;  // of d_p under p
    for (int j = 0; j <= i; ++j) {
      const double kept = keep(b, h, i, j);
      for (int c = 0; c < shape_.head_width; ++c) {
        const auto d = static_cast<double>(d_out[out_at(b, i, h, c)]);
        d_p[index(j)] += kept * d * qkv_[at(b, j, v_head(h), c)];
        d_qkv[at(b, j, v_head(h), c)] += kept * p[j] * d;
      }
      mean += p[j] * d_p[index(j)];
    }
    for (int j = 0; j <= i; ++j) {
      const double d_score = p[j] * (d_p[index(j)] - mean) * scale();
      for (int c = 0; c < shape_.head_width; ++c) {
        d_qkv[at(b, i, index(h), c)] += d_score * qkv_[at(b, j, k_head(h), c)];
        d_qkv[at(b, j, k_head(h), c)] += d_score * qkv_[at(b, i, index(h), c)];
      }
    }
  }

  AttentionShape shape_;
  Dropout dropout_;
  std::vector<double> qkv_, probabilities_;
};

}  // namespace sovren::nn
