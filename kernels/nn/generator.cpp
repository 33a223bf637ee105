// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/generator.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "kernels/nn/block.h"
#include "kernels/nn/level.h"
#include "kernels/nn/level/matvec.h"
#include "kernels/nn/pointwise.h"

namespace sovren::nn {
namespace {

using Tokens = std::span<const std::int32_t>;
using Floats = std::vector<float>;

/// The newest `count` of them.
Tokens newest(Tokens tokens, std::size_t count) {
  return tokens.last(std::min(tokens.size(), count));
}

/// What one block writes when it reads many tokens at once.
struct Reading {
  Reading(const ModelShape& shape, std::int64_t rows) {
    const std::int64_t width = shape.width;
    kept = {.norm_1 = take(rows * width),
            .mean_1 = take(rows),
            .scale_1 = take(rows),
            .qkv = take(rows * shape.qkv_width()),
            .attended = take(rows * shape.q_width()),
            .log_sum = take(rows * shape.heads),
            .middle = take(rows * width),
            .norm_2 = take(rows * width),
            .mean_2 = take(rows),
            .scale_2 = take(rows),
            .up = take(rows * shape.up_width()),
            .hidden = take(rows * shape.hidden)};
    x = take(rows * width);
    y = take(rows * width);
  }
  float* take(std::int64_t size) {
    return pieces.emplace_back(static_cast<std::size_t>(size)).data();
  }

  std::vector<Floats> pieces;
  BlockActivations kept;
  float* x = nullptr;  ///< (rows, width)
  float* y = nullptr;
};

}  // namespace

struct Generator::Body {
  Body(const ModelShape& of_shape, std::span<const float> of_parameters, Team& of_team)
      : table(of_shape), shape(table.shape()), parameters(of_parameters), team(of_team) {
    SOVREN_CHECK(static_cast<std::int64_t>(parameters.size()) == table.size(),
                 "parameters are those of the shape");
    const std::int64_t per_layer = std::int64_t{shape.context} * kv_width();
    keys.assign(static_cast<std::size_t>(shape.layers * per_layer), 0);
    values = keys;
    const auto numbers = [](std::int64_t count) { return Floats(static_cast<std::size_t>(count)); };
    x = numbers(shape.width);
    norm = numbers(shape.width);
    branch = numbers(shape.width);
    attended = numbers(shape.q_width());
    qkv = numbers(shape.qkv_width());
    up = numbers(shape.up_width());
    hidden = numbers(shape.hidden);
    logits = numbers(shape.vocab);
  }

  std::int64_t kv_width() const { return std::int64_t{shape.kv_heads} * shape.head_width(); }
  std::int64_t row_of_cache(int layer, std::size_t position) const {
    return (std::int64_t{layer} * shape.context + static_cast<std::int64_t>(position)) * kv_width();
  }
  const float* tensor(Role role) const { return tensor_in(parameters, table, role); }

  /// Keys and values of a token's row of qkv come into the cache.
  void keep(int layer, std::size_t position, const float* row) {
    const std::int64_t at = row_of_cache(layer, position);
    std::copy_n(row + shape.q_width(), kv_width(), keys.data() + at);
    std::copy_n(row + shape.q_width() + kv_width(), kv_width(), values.data() + at);
  }

  /// Forgets what was read, and reads these: as many as the context holds, or fewer.
  void read(Tokens tokens) {
    window.assign(tokens.begin(), tokens.end());
    const auto rows = static_cast<std::int64_t>(window.size());
    Reading r(shape, rows);
    embed(team, window, rows, shape.width, tensor(Role::token_table), tensor(Role::position_table),
          r.x);
    const Block block(shape, 1, static_cast<int>(rows), Precision::fp32, team);
    for (int layer = 0; layer < shape.layers; ++layer) {
      block.forward(block_weights(parameters, table, layer), {}, r.x, r.kept, {}, r.y);
      for (std::size_t t = 0; t < window.size(); ++t)
        keep(layer, t, r.kept.qkv + static_cast<std::int64_t>(t) * shape.qkv_width());
      std::swap(r.x, r.y);
    }
    std::copy_n(r.x + (rows - 1) * shape.width, shape.width, x.data());
    make_logits();
  }

  /// One token more, which the context has room for.
  void step(std::int32_t token) {
    const std::size_t position = window.size();
    window.push_back(token);
    const float* places = tensor(Role::position_table);
    embed(team, {&token, 1}, 1, shape.width, tensor(Role::token_table),
          places == nullptr ? nullptr : places + static_cast<std::int64_t>(position) * shape.width,
          x.data());
    for (int layer = 0; layer < shape.layers; ++layer)
      step_block(block_weights(parameters, table, layer), layer, position);
    make_logits();
  }

  void add(std::int32_t token) {
    const auto context = static_cast<std::size_t>(shape.context);
    if (window.size() < context) return step(token);
    std::vector<std::int32_t> left(window.end() - shape.context / 2, window.end());
    left.push_back(token);
    read(left);
  }

  void step_block(const BlockWeights<const float>& weights, int layer, std::size_t position) {
    normalize(weights.norm_1_weight, weights.norm_1_bias);
    multiply(weights.qkv_weight, weights.qkv_bias, norm, qkv);
    const int tokens = static_cast<int>(position) + 1;
    if (shape.positions == ModelShape::Positions::rotary)
      rotate(team, shape.attention(1, 1), shape.rope_theta, tokens - 1, Rotation::forward,
             qkv.data());
    keep(layer, position, qkv.data());
    const std::int64_t cache = row_of_cache(layer, 0);
    attention_decode(team, shape.attention(1, tokens), shape.context, qkv.data(),
                     keys.data() + cache, values.data() + cache, attended.data());
    multiply(weights.projection_weight, weights.projection_bias, attended, branch);
    add_residual(team, 1, shape.width, branch.data(), {}, x.data());

    normalize(weights.norm_2_weight, weights.norm_2_bias);
    multiply(weights.up_weight, weights.up_bias, norm, up);
    if (shape.activation == ModelShape::Activation::gelu)
      gelu_forward(team, shape.hidden, up.data(), hidden.data());
    else
      swiglu_forward(team, 1, shape.hidden, up.data(), hidden.data());
    multiply(weights.down_weight, weights.down_bias, hidden, branch);
    add_residual(team, 1, shape.width, branch.data(), {}, x.data());
  }

  /// norm := the norm of x.
  void normalize(const float* weight, const float* bias) {
    float mean = 0, scale = 0;
    norm_forward(team, {shape.norm, 1, shape.width, static_cast<float>(shape.norm_epsilon)},
                 x.data(), weight, bias, norm.data(), &mean, &scale);
  }

  /// out := weight in + bias.
  void multiply(const float* weight, const float* bias, const Floats& in, Floats& out) {
    constexpr std::int64_t rows = 64;  // that a thread takes at a time
    const MatvecKernels& kernels = kernels_here<MatvecKernels>();
    const auto columns = static_cast<std::int64_t>(in.size());
    team.run_blocks(static_cast<std::int64_t>(out.size()), rows,
                    [&](std::int64_t first, std::int64_t end) {
                      kernels.matvec(end - first, columns, weight + first * columns, in.data(),
                                     bias == nullptr ? nullptr : bias + first, out.data() + first);
                    });
  }

  void make_logits() {
    normalize(tensor(Role::final_norm_weight), tensor(Role::final_norm_bias));
    multiply(tensor(shape.is_tied ? Role::token_table : Role::head), nullptr, norm, logits);
  }

  void read_prompt(Tokens prompt) {
    SOVREN_CHECK(!prompt.empty(), "a text goes on from something");
    for (const std::int32_t token : prompt)
      SOVREN_CHECK(token >= 0 && token < shape.vocab, "tokens are of the vocabulary");
    read(newest(prompt, static_cast<std::size_t>(shape.context)));
  }

  const ParameterTable table;
  const ModelShape& shape;
  const std::span<const float> parameters;
  Team& team;
  std::vector<std::int32_t> window;                   ///< what the cache holds
  Floats keys, values;                                ///< (layers, context, kv_width)
  Floats logits;                                      ///< after the window's last token
  Floats x, norm, branch, attended, qkv, up, hidden;  ///< of one token
};

Generator::Generator(const ModelShape& shape, std::span<const float> parameters, Team& team)
    : body_(std::make_unique<Body>(shape, parameters, team)) {}
Generator::~Generator() = default;

void Generator::generate(Tokens prompt, const Setting& setting,
                         const std::function<bool(std::int32_t token)>& take) {
  const Philox random(setting.seed);
  body_->read_prompt(prompt);
  for (std::int64_t t = 0; t < setting.tokens; ++t) {
    const std::int32_t token =
        draw_token(body_->logits, setting, random.uniform(static_cast<std::uint64_t>(t)));
    if (!take(token)) return;
    if (t + 1 < setting.tokens) body_->add(token);
  }
}

std::vector<float> Generator::next_logits(Tokens context) {
  body_->read_prompt(context);
  return body_->logits;
}

}  // namespace sovren::nn
