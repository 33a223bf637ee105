// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/device_pass.h"

#include <algorithm>
#include <span>

namespace sovren::nn::device {
namespace {

constexpr int of_attention = 0, after_attention = 1, after_feed_forward = 2;  // places of dropout

}  // namespace

const Bf16* DevicePass::parameter(Role role, int layer) const {
  return tensor_in(std::span<const Bf16>(a_.parameters, static_cast<std::size_t>(table_.size())),
                   table_, role, layer);
}

float* DevicePass::gradient(Role role, int layer) const {
  return tensor_in(std::span(a_.gradient, static_cast<std::size_t>(table_.size())), table_, role,
                   layer);
}

BlockWeights<const Bf16> DevicePass::weights(int layer) const {
  return block_weights(
      std::span<const Bf16>(a_.parameters, static_cast<std::size_t>(table_.size())), table_, layer);
}

BlockWeights<float> DevicePass::gradients(int layer) const {
  return block_weights(std::span(a_.gradient, static_cast<std::size_t>(table_.size())), table_,
                       layer);
}

const Dropout* DevicePass::dropout(bool is_on, int layer, int place) const {
  return is_on && setting_.dropout > 0 ? a_.dropouts + 1 + 3 * layer + place : nullptr;
}

// ---- products

Result<DevicePass::Linear> DevicePass::plan_linear(std::int64_t out, std::int64_t in,
                                                   Product::Then forward_then,
                                                   Product::Then d_x_then) {
  Linear linear{.out = out, .in = in};
  SOVREN_TRY(forward, products_.plan({.shape = {rows(), out, in},
                                      .is_b_transposed = true,
                                      .has_bias = shape_.has_biases,
                                      .then = forward_then}));
  SOVREN_TRY(d_x, products_.plan({.shape = {rows(), in, out}, .then = d_x_then}));
  SOVREN_TRY(d_weight, products_.plan({.shape = {out, in, rows()},
                                       .is_a_transposed = true,
                                       .type = Product::Type::fp32,
                                       .write = GemmOutput::Write::add}));
  linear.forward = forward;
  linear.d_x = d_x;
  linear.d_weight = d_weight;
  return linear;
}

Result<DevicePass::Head> DevicePass::plan_head(std::int64_t rows_of_chunk) {
  const std::int64_t width = shape_.width, columns = shape_.padded_vocab();
  Head head{.rows = rows_of_chunk};
  if (rows_of_chunk == 0) return head;
  SOVREN_TRY(logits,
             products_.plan({.shape = {rows_of_chunk, columns, width}, .is_b_transposed = true}));
  SOVREN_TRY(d_norm, products_.plan({.shape = {rows_of_chunk, width, columns}}));
  SOVREN_TRY(d_weight, products_.plan({.shape = {columns, width, rows_of_chunk},
                                       .is_a_transposed = true,
                                       .type = Product::Type::fp32,
                                       .write = GemmOutput::Write::add}));
  head.logits = logits;
  head.d_norm = d_norm;
  head.d_weight = d_weight;
  return head;
}

Result<void> DevicePass::plan() {
  using Then = Product::Then;
  const std::int64_t width = shape_.width;
  SOVREN_TRY(qkv, plan_linear(shape_.qkv_width(), width, Then::none, Then::none));
  SOVREN_TRY(projection, plan_linear(width, shape_.q_width(), Then::none, Then::none));
  SOVREN_TRY(
      up, plan_linear(shape_.up_width(), width, is_gelu() ? Then::gelu : Then::none, Then::none));
  SOVREN_TRY(down, plan_linear(width, shape_.hidden, Then::none,
                               is_gelu() ? Then::gelu_slope : Then::none));
  const std::int64_t chunk = rows_in_chunk(shape_, setting_);
  SOVREN_TRY(whole, plan_head(chunk));
  SOVREN_TRY(rest, plan_head(rows() % chunk));
  qkv_ = qkv;
  projection_ = projection;
  up_ = up;
  down_ = down;
  chunk_ = whole;
  rest_ = rest;
  return {};
}

// ---- forward

Result<void> DevicePass::first_norm(int layer) const {
  const BlockArrays& kept = a_.blocks[static_cast<std::size_t>(layer)];
  const BlockWeights<const Bf16> w = weights(layer);
  return norm_forward(stream_, norm(), a_.x[static_cast<std::size_t>(layer)], nullptr, nullptr,
                      w.norm_1_weight, w.norm_1_bias, nullptr, kept.norm_1, kept.mean_1,
                      kept.scale_1);
}

Result<void> DevicePass::block_inside(int layer, bool has_dropout) const {
  const auto l = static_cast<std::size_t>(layer);
  const BlockArrays& kept = a_.blocks[l];
  const BlockWeights<const Bf16> w = weights(layer);
  SOVREN_DO(multiply(qkv_.forward, {kept.norm_1, w.qkv_weight, kept.qkv, w.qkv_bias}));
  if (is_rotary())
    SOVREN_DO(rotate(stream_, attention(), a_.rotation, Rotation::forward, kept.qkv));
  SOVREN_DO(attention_forward(stream_, attention(), kept.qkv,
                              dropout(has_dropout, layer, of_attention), kept.attended,
                              kept.log_sum));
  SOVREN_DO(multiply(projection_.forward,
                     {kept.attended, w.projection_weight, a_.branch, w.projection_bias}));
  SOVREN_DO(norm_forward(stream_, norm(), a_.x[l], a_.branch,
                         dropout(has_dropout, layer, after_attention), w.norm_2_weight,
                         w.norm_2_bias, kept.middle, kept.norm_2, kept.mean_2, kept.scale_2));
  if (is_gelu())
    return multiply(up_.forward, {kept.norm_2, w.up_weight, kept.hidden, w.up_bias, kept.up});
  SOVREN_DO(multiply(up_.forward, {kept.norm_2, w.up_weight, kept.up, w.up_bias}));
  return swiglu_forward(stream_, rows(), shape_.hidden, kept.up, kept.hidden);
}

Result<void> DevicePass::block_end(int layer, bool has_dropout) const {
  const auto l = static_cast<std::size_t>(layer);
  const BlockArrays& kept = a_.blocks[l];
  const BlockWeights<const Bf16> w = weights(layer);
  SOVREN_DO(multiply(down_.forward, {kept.hidden, w.down_weight, a_.branch, w.down_bias}));
  const Dropout* dropped = dropout(has_dropout, layer, after_feed_forward);
  if (layer + 1 == shape_.layers)
    return norm_forward(stream_, norm(), kept.middle, a_.branch, dropped,
                        parameter(Role::final_norm_weight), parameter(Role::final_norm_bias),
                        a_.x[l + 1], a_.final_norm, a_.final_mean, a_.final_scale);
  const BlockArrays& next = a_.blocks[l + 1];
  const BlockWeights<const Bf16> next_w = weights(layer + 1);
  return norm_forward(stream_, norm(), kept.middle, a_.branch, dropped, next_w.norm_1_weight,
                      next_w.norm_1_bias, a_.x[l + 1], next.norm_1, next.mean_1, next.scale_1);
}

Result<void> DevicePass::forward(bool has_dropout) const {
  SOVREN_DO(embed(stream_, rows(), setting_.tokens, shape_.width, a_.inputs,
                  parameter(Role::token_table), parameter(Role::position_table), a_.x[0]));
  if (has_dropout && setting_.dropout > 0)
    SOVREN_DO(apply_dropout(stream_, rows(), shape_.width, a_.dropouts, a_.x[0], a_.x[0]));
  SOVREN_DO(first_norm(0));
  for (int layer = 0; layer < shape_.layers; ++layer) {
    SOVREN_DO(block_inside(layer, has_dropout));
    SOVREN_DO(block_end(layer, has_dropout));
  }
  return {};
}

// ---- head

template <class Use>
Result<void> DevicePass::each_chunk(const Use& use) const {
  for (std::int64_t first = 0; first < rows(); first += chunk_.rows)
    SOVREN_DO(use(first + chunk_.rows <= rows() ? chunk_ : rest_, first));
  return {};
}

Result<void> DevicePass::logits_of(const Head& head, std::int64_t first) const {
  return multiply(head.logits,
                  {a_.final_norm + first * shape_.width, parameter(head_role()), a_.logits});
}

Result<void> DevicePass::head_losses() const {
  return each_chunk([&](const Head& head, std::int64_t first) -> Result<void> {
    SOVREN_DO(logits_of(head, first));
    return cross_entropy(stream_, head.rows, shape_.vocab, shape_.padded_vocab(),
                         a_.targets + first, a_.logits, a_.losses + first);
  });
}

Result<void> DevicePass::chunk_backward(const Head& head, std::int64_t first, float scale) const {
  const Bf16* final_norm = a_.final_norm + first * shape_.width;
  SOVREN_DO(logits_of(head, first));
  SOVREN_DO(classify(stream_, head.rows, shape_.vocab, shape_.padded_vocab(), a_.targets + first,
                     scale / static_cast<float>(rows()), a_.logits, a_.losses + first));
  SOVREN_DO(multiply(head.d_norm,
                     {a_.logits, parameter(head_role()), a_.d_width + first * shape_.width}));
  return multiply(head.d_weight, {a_.logits, final_norm, gradient(head_role())});
}

Result<void> DevicePass::head_backward(float scale) const {
  const auto chunk = [&](const Head& head, std::int64_t first) {
    return chunk_backward(head, first, scale);
  };
  SOVREN_DO(each_chunk(chunk));
  return norm_backward(stream_, norm(), a_.d_width, a_.x.back(), parameter(Role::final_norm_weight),
                       a_.final_mean, a_.final_scale, nullptr, a_.workspace, a_.d_x,
                       gradient(Role::final_norm_weight), gradient(Role::final_norm_bias));
}

// ---- backward

Result<void> DevicePass::linear_backward(const Linear& linear, const Bf16* d_y, const Bf16* x,
                                         const Bf16* weight, float* d_weight, float* d_bias,
                                         Bf16* aux, Bf16* d_x) const {
  SOVREN_DO(multiply(linear.d_x, {d_y, weight, d_x, nullptr, aux}));
  SOVREN_DO(multiply(linear.d_weight, {d_y, x, d_weight}));
  if (d_bias == nullptr) return {};
  return add_column_sums(stream_, rows(), linear.out, linear.out, d_y, a_.workspace, d_bias);
}

Result<const Bf16*> DevicePass::dropped(int layer, int place) const {
  const Dropout* drop = dropout(true, layer, place);
  if (drop == nullptr) return a_.d_x;
  SOVREN_DO(apply_dropout(stream_, rows(), shape_.width, drop, a_.d_x, a_.branch));
  return a_.branch;
}

Result<void> DevicePass::feed_forward_backward(int layer) const {
  const BlockArrays& kept = a_.blocks[static_cast<std::size_t>(layer)];
  const BlockWeights<const Bf16> w = weights(layer);
  const BlockWeights<float> d = gradients(layer);
  SOVREN_TRY(d_down, dropped(layer, after_feed_forward));
  SOVREN_DO(linear_backward(down_, d_down, kept.hidden, w.down_weight, d.down_weight, d.down_bias,
                            is_gelu() ? kept.up : nullptr, is_gelu() ? a_.d_up : a_.d_hidden));
  if (!is_gelu())
    SOVREN_DO(swiglu_backward(stream_, rows(), shape_.hidden, kept.up, a_.d_hidden, a_.d_up));
  SOVREN_DO(linear_backward(up_, a_.d_up, kept.norm_2, w.up_weight, d.up_weight, d.up_bias, nullptr,
                            a_.d_width));
  return norm_backward(stream_, norm(), a_.d_width, kept.middle, w.norm_2_weight, kept.mean_2,
                       kept.scale_2, a_.d_x, a_.workspace, a_.d_x, d.norm_2_weight, d.norm_2_bias);
}

Result<void> DevicePass::attention_part_backward(int layer) const {
  const auto l = static_cast<std::size_t>(layer);
  const BlockArrays& kept = a_.blocks[l];
  const BlockWeights<const Bf16> w = weights(layer);
  const BlockWeights<float> d = gradients(layer);
  SOVREN_TRY(d_projected, dropped(layer, after_attention));
  SOVREN_DO(linear_backward(projection_, d_projected, kept.attended, w.projection_weight,
                            d.projection_weight, d.projection_bias, nullptr, a_.d_width));
  SOVREN_DO(attention_backward(stream_, attention(), kept.qkv, dropout(true, layer, of_attention),
                               kept.attended, kept.log_sum, a_.d_width, a_.workspace, a_.d_qkv));
  if (is_rotary())
    SOVREN_DO(rotate(stream_, attention(), a_.rotation, Rotation::backward, a_.d_qkv));
  SOVREN_DO(linear_backward(qkv_, a_.d_qkv, kept.norm_1, w.qkv_weight, d.qkv_weight, d.qkv_bias,
                            nullptr, a_.d_width));
  return norm_backward(stream_, norm(), a_.d_width, a_.x[l], w.norm_1_weight, kept.mean_1,
                       kept.scale_1, a_.d_x, a_.workspace, a_.d_x, d.norm_1_weight, d.norm_1_bias);
}

Result<void> DevicePass::block_backward(int layer) const {
  const bool is_gone =
      setting_.recompute == Transformer::Setting::Recompute::block && layer + 1 < shape_.layers;
  if (is_gone) {
    SOVREN_DO(first_norm(layer));
    SOVREN_DO(block_inside(layer, true));
  }
  SOVREN_DO(feed_forward_backward(layer));
  return attention_part_backward(layer);
}

Result<void> DevicePass::embedding_backward() const {
  if (setting_.dropout > 0)
    SOVREN_DO(apply_dropout(stream_, rows(), shape_.width, a_.dropouts, a_.d_x, a_.d_x));
  return embed_backward(stream_, rows(), setting_.tokens, shape_.width, shape_.padded_vocab(),
                        a_.inputs, a_.buckets, a_.d_x, gradient(Role::token_table),
                        gradient(Role::position_table));
}

}  // namespace sovren::nn::device
