// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/block.h"

#include <algorithm>

#include "kernels/nn/pointwise.h"

namespace sovren::nn {

namespace {

constexpr int of_attention = 0, after_attention = 1, after_feed_forward = 2;  // places of dropout

MatrixView rows_of(const float* data, std::int64_t width) {
  return {data, width, 1};
}

}  // namespace

Dropout Block::attention_dropout(const BlockDropout& dropout) const {
  return {dropout.rate, dropout.seed, dropout.stream + of_attention, dropout.first_sequence};
}

Dropout Block::residual_dropout(const BlockDropout& dropout, int place) const {
  return {dropout.rate, dropout.seed, dropout.stream + static_cast<std::uint64_t>(place),
          dropout.first_sequence * tokens_};
}

void Block::add_linear(const float* x, std::int64_t in, const float* weight, const float* bias,
                       const Dropout& dropout, const BlockScratch& scratch, float* y) const {
  const std::int64_t width = shape_.width;
  const bool is_direct = !dropout.is_on();
  gemm(team_, precision_, {rows(), width, in}, rows_of(x, in), rows_of(weight, in).transposed(),
       {.data = is_direct ? y : scratch.branch,
        .row_stride = width,
        .bias = bias,
        .write = is_direct ? GemmOutput::Write::add : GemmOutput::Write::set});
  if (!is_direct) add_residual(team_, rows(), width, scratch.branch, dropout, y);
}

void Block::forward(const BlockWeights<const float>& weights, const BlockDropout& dropout,
                    const float* x, const BlockActivations& kept, const BlockScratch& scratch,
                    float* y) const {
  const std::int64_t width = shape_.width, size = rows() * width;
  const AttentionShape attention = shape_.attention(batch_, tokens_);
  norm_forward(team_, norm(), x, weights.norm_1_weight, weights.norm_1_bias, kept.norm_1,
               kept.mean_1, kept.scale_1);
  gemm(team_, precision_, {rows(), shape_.qkv_width(), width}, rows_of(kept.norm_1, width),
       rows_of(weights.qkv_weight, width).transposed(),
       {.data = kept.qkv, .row_stride = shape_.qkv_width(), .bias = weights.qkv_bias});
  if (shape_.positions == ModelShape::Positions::rotary)
    rotate(team_, attention, shape_.rope_theta, 0, Rotation::forward, kept.qkv);
  attention_forward(team_, attention, kept.qkv, attention_dropout(dropout), kept.attended,
                    kept.log_sum);
  std::copy_n(x, size, kept.middle);
  add_linear(kept.attended, shape_.q_width(), weights.projection_weight, weights.projection_bias,
             residual_dropout(dropout, after_attention), scratch, kept.middle);

  norm_forward(team_, norm(), kept.middle, weights.norm_2_weight, weights.norm_2_bias, kept.norm_2,
               kept.mean_2, kept.scale_2);
  const bool is_gelu = shape_.activation == ModelShape::Activation::gelu;
  gemm(team_, precision_, {rows(), shape_.up_width(), width}, rows_of(kept.norm_2, width),
       rows_of(weights.up_weight, width).transposed(),
       {.data = is_gelu ? kept.hidden : kept.up,
        .row_stride = shape_.up_width(),
        .bias = weights.up_bias,
        .before_gelu = is_gelu ? kept.up : nullptr});
  if (!is_gelu) swiglu_forward(team_, rows(), shape_.hidden, kept.up, kept.hidden);
  std::copy_n(kept.middle, size, y);
  add_linear(kept.hidden, shape_.hidden, weights.down_weight, weights.down_bias,
             residual_dropout(dropout, after_feed_forward), scratch, y);
}

void Block::linear_backward(const float* d_y, std::int64_t out, const float* x, std::int64_t in,
                            const float* weight, float* d_weight, float* d_bias,
                            const GemmOutput& d_x) const {
  gemm(team_, precision_, {rows(), in, out}, rows_of(d_y, out), rows_of(weight, in), d_x);
  gemm(team_, precision_, {out, in, rows()}, rows_of(d_y, out).transposed(), rows_of(x, in),
       {.data = d_weight, .row_stride = in, .write = GemmOutput::Write::add});
  if (d_bias != nullptr) add_column_sums(team_, rows(), out, out, d_y, d_bias);
}

/// The gradient behind a dropout: d_y itself where there is none.
const float* Block::dropped(const Dropout& dropout, const BlockScratch& scratch,
                            const float* d_y) const {
  if (!dropout.is_on()) return d_y;
  std::copy_n(d_y, rows() * shape_.width, scratch.branch);
  apply_dropout(team_, rows(), shape_.width, dropout, scratch.branch);
  return scratch.branch;
}

void Block::backward(const BlockWeights<const float>& weights, const BlockDropout& dropout,
                     const float* x, const BlockActivations& kept, const BlockScratch& scratch,
                     const BlockWeights<float>& gradient, float* d_x) const {
  const std::int64_t width = shape_.width, hidden = shape_.hidden;
  const AttentionShape attention = shape_.attention(batch_, tokens_);
  const bool is_gelu = shape_.activation == ModelShape::Activation::gelu;
  const float* d_down = dropped(residual_dropout(dropout, after_feed_forward), scratch, d_x);
  linear_backward(d_down, width, kept.hidden, hidden, weights.down_weight, gradient.down_weight,
                  gradient.down_bias,
                  {.data = is_gelu ? scratch.d_up : scratch.d_hidden,
                   .row_stride = hidden,
                   .gelu_input = is_gelu ? kept.up : nullptr});
  if (!is_gelu) swiglu_backward(team_, rows(), hidden, kept.up, scratch.d_hidden, scratch.d_up);
  linear_backward(scratch.d_up, shape_.up_width(), kept.norm_2, width, weights.up_weight,
                  gradient.up_weight, gradient.up_bias,
                  {.data = scratch.d_width, .row_stride = width});
  norm_backward(team_, norm(), scratch.d_width, kept.middle, weights.norm_2_weight, kept.mean_2,
                kept.scale_2, d_x, gradient.norm_2_weight, gradient.norm_2_bias);

  const float* d_projected = dropped(residual_dropout(dropout, after_attention), scratch, d_x);
  linear_backward(d_projected, width, kept.attended, shape_.q_width(), weights.projection_weight,
                  gradient.projection_weight, gradient.projection_bias,
                  {.data = scratch.d_width, .row_stride = shape_.q_width()});
  attention_backward(team_, attention, kept.qkv, attention_dropout(dropout), kept.attended,
                     kept.log_sum, scratch.d_width, scratch.d_qkv);
  if (shape_.positions == ModelShape::Positions::rotary)
    rotate(team_, attention, shape_.rope_theta, 0, Rotation::backward, scratch.d_qkv);
  linear_backward(scratch.d_qkv, shape_.qkv_width(), kept.norm_1, width, weights.qkv_weight,
                  gradient.qkv_weight, gradient.qkv_bias,
                  {.data = scratch.d_width, .row_stride = width});
  norm_backward(team_, norm(), scratch.d_width, x, weights.norm_1_weight, kept.mean_1, kept.scale_1,
                d_x, gradient.norm_1_weight, gradient.norm_1_bias);
}

}  // namespace sovren::nn
