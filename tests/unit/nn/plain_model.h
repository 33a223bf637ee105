// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <ostream>
#include <span>
#include <vector>

#include "kernels/nn/model.h"
#include "tests/unit/nn/levels.h"

namespace sovren::nn {

/// The model of model.h in double, token by token as its papers have it: what faster ways are
/// compared with.
class PlainModel {
 public:
  using Row = std::vector<double>;
  using Rows = std::vector<Row>;

  /// parameters: laid out by ParameterTable.
  PlainModel(const ModelShape& shape, std::vector<double> parameters)
      : table_(shape), shape_(shape), parameters_(std::move(parameters)) {}

  std::vector<double>& parameters() { return parameters_; }

  /// (tokens, vocab) logits of one sequence.
  Rows logits(std::span<const std::int32_t> tokens) const {
    Rows x;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      x.push_back(row(Role::token_table, -1, static_cast<std::size_t>(tokens[t])));
      if (shape_.positions == ModelShape::Positions::learned)
        add(row(Role::position_table, -1, t), x.back());
    }
    for (int layer = 0; layer < shape_.layers; ++layer) run_block(layer, x);
    Rows all;
    for (const Row& last : x) {
      const Row normed = norm(Role::final_norm_weight, Role::final_norm_bias, -1, last);
      all.push_back(linear(shape_.is_tied ? Role::token_table : Role::head, -1, normed));
      all.back().resize(static_cast<std::size_t>(shape_.vocab));
    }
    return all;
  }

 private:
  static void add(const Row& from, Row& to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  }
  const double* tensor(Role role, int layer) const {
    const Tensor* found = table_.find(role, layer);
    return found == nullptr ? nullptr : parameters_.data() + found->offset;
  }
  Row row(Role role, int layer, std::size_t number) const {
    const auto columns = static_cast<std::size_t>(table_.find(role, layer)->columns);
    const double* from = tensor(role, layer) + number * columns;
    return {from, from + columns};
  }
  Row linear(Role weight, int layer, const Row& in) const {
    Row out;
    const double* w = tensor(weight, layer);
    const std::int64_t rows = table_.find(weight, layer)->rows;
    for (std::int64_t number = 0; number < rows; ++number, w += in.size()) {
      double sum = 0;
      for (std::size_t i = 0; i < in.size(); ++i) sum += w[i] * in[i];
      out.push_back(sum);
    }
    return out;
  }
  Row linear(Role weight, Role bias, int layer, const Row& in) const {
    Row out = linear(weight, layer, in);
    const double* b = tensor(bias, layer);
    for (std::size_t i = 0; b != nullptr && i < out.size(); ++i) out[i] += b[i];
    return out;
  }
  Row norm(Role weight, Role bias, int layer, const Row& x) const {
    const auto width = static_cast<double>(x.size());
    double mean = 0, square = 0;
    if (shape_.norm == NormKind::layer)
      for (const double value : x) mean += value / width;
    for (const double value : x) square += (value - mean) * (value - mean) / width;
    const double *w = tensor(weight, layer), *b = tensor(bias, layer);
    Row y;
    for (std::size_t i = 0; i < x.size(); ++i)
      y.push_back((x[i] - mean) / std::sqrt(square + shape_.norm_epsilon) * w[i] +
                  (b == nullptr ? 0 : b[i]));
    return y;
  }
  void rotate_head(std::size_t position, double* head) const {
    const int half = shape_.head_width() / 2;
    for (int pair = 0; pair < half; ++pair) {
      const double turn = static_cast<double>(position) *
                          std::pow(shape_.rope_theta, -2.0 * pair / shape_.head_width());
      const double a = head[pair], b = head[pair + half];
      head[pair] = a * std::cos(turn) - b * std::sin(turn);
      head[pair + half] = a * std::sin(turn) + b * std::cos(turn);
    }
  }
  /// Of the query at `position`, from the rows of qkv up to it.
  Row attend(const Rows& qkv, std::size_t position) const {
    const int head_width = shape_.head_width(), group = shape_.heads / shape_.kv_heads;
    Row out(static_cast<std::size_t>(shape_.q_width()));
    for (int head = 0; head < shape_.heads; ++head) {
      const int q = head * head_width, k = (shape_.heads + head / group) * head_width;
      const int v = k + shape_.kv_heads * head_width;
      Row weights;
      double total = 0;
      for (std::size_t key = 0; key <= position; ++key) {
        double score = 0;
        for (int i = 0; i < head_width; ++i)
          score += qkv[position].data()[q + i] * qkv[key].data()[k + i];
        weights.push_back(std::exp(score / std::sqrt(head_width)));
        total += weights.back();
      }
      for (std::size_t key = 0; key <= position; ++key)
        for (int i = 0; i < head_width; ++i)
          out.data()[q + i] += weights[key] / total * qkv[key].data()[v + i];
    }
    return out;
  }
  Row feed_forward(int layer, const Row& in) const {
    const Row up = linear(Role::up_weight, Role::up_bias, layer, in);
    Row hidden;
    for (std::size_t i = 0; i < static_cast<std::size_t>(shape_.hidden); ++i) {
      const double x = up[i];
      if (shape_.activation == ModelShape::Activation::swiglu)
        hidden.push_back(x / (1 + std::exp(-x)) * up[i + static_cast<std::size_t>(shape_.hidden)]);
      else
        hidden.push_back(
            0.5 * x *
            (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x))));
    }
    return linear(Role::down_weight, Role::down_bias, layer, hidden);
  }
  void run_block(int layer, Rows& x) const {
    Rows qkv;
    for (std::size_t t = 0; t < x.size(); ++t) {
      qkv.push_back(linear(Role::qkv_weight, Role::qkv_bias, layer,
                           norm(Role::norm_1_weight, Role::norm_1_bias, layer, x[t])));
      if (shape_.positions == ModelShape::Positions::rotary)
        for (int head = 0; head < shape_.heads + shape_.kv_heads; ++head)
          rotate_head(t, qkv.back().data() + head * shape_.head_width());
    }
    for (std::size_t t = 0; t < x.size(); ++t) {
      add(linear(Role::projection_weight, Role::projection_bias, layer, attend(qkv, t)), x[t]);
      add(feed_forward(layer, norm(Role::norm_2_weight, Role::norm_2_bias, layer, x[t])), x[t]);
    }
  }

  const ParameterTable table_;
  const ModelShape shape_;
  std::vector<double> parameters_;
};

/// GPT-2's kind, small and of odd sizes.
inline ModelShape small_gpt2() {
  return {.layers = 2,
          .heads = 3,
          .kv_heads = 3,
          .width = 60,
          .hidden = 100,
          .context = 48,
          .vocab = 257};
}
/// Llama's kind: two query heads to a head of keys.
inline ModelShape small_llama() {
  return {.layers = 2,
          .heads = 4,
          .kv_heads = 2,
          .width = 40,
          .hidden = 72,
          .context = 48,
          .vocab = 131,
          .norm = NormKind::rms,
          .positions = ModelShape::Positions::rotary,
          .activation = ModelShape::Activation::swiglu,
          .has_biases = false,
          .is_tied = false};
}

/// For the test's name: GoogleTest would print the bytes between the members.
inline void PrintTo(const ModelShape& shape, std::ostream* out) {
  *out << shape.layers << " layers of " << shape.width << ", vocabulary " << shape.vocab;
}

/// Parameters large enough that tokens differ clearly; norms near 1; padding 0.
inline std::vector<float> some_parameters(const ModelShape& shape, std::uint64_t seed = 1) {
  const ParameterTable table(shape);
  std::vector<float> flat(static_cast<std::size_t>(table.size()));
  for (const Tensor& tensor : table.tensors()) {
    const auto offset = static_cast<std::size_t>(tensor.offset);
    const std::vector<float> numbers =
        normal_numbers(static_cast<std::size_t>(tensor.size()), seed + offset, 0.2F);
    const bool is_norm = !tensor.is_matrix && tensor.name.ends_with(".weight");
    for (std::size_t i = 0; i < numbers.size(); ++i)
      flat[offset + i] = numbers[i] + (is_norm ? 1.0F : 0.0F);
    const bool is_padded = tensor.role == Role::token_table || tensor.role == Role::head;
    if (is_padded)
      std::fill(flat.begin() + tensor.offset + shape.vocab * tensor.columns,
                flat.begin() + tensor.offset + tensor.size(), 0.0F);
  }
  return flat;
}

inline std::vector<std::int32_t> some_tokens(std::size_t count, const ModelShape& shape,
                                             std::uint64_t seed) {
  std::vector<std::int32_t> tokens;
  for (std::size_t t = 0; t < count; ++t)
    tokens.push_back(static_cast<std::int32_t>(
        Philox(seed, 98).below(t, static_cast<std::uint64_t>(shape.vocab))));
  return tokens;
}

}  // namespace sovren::nn
