// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string>

#include "kernels/nn/device_attention_backward_body.h"
#include "kernels/nn/device_attention_body.h"
#include "kernels/nn/device_plain_attention_body.h"

// Which kernels of attention are launched for a shape.
namespace sovren::nn::device {

struct AttentionForwardCall {
  AttentionShape shape;
  const Bf16* qkv;
  const Dropout* dropout;
  Bf16* out;
  float* log_sum;
};

struct AttentionBackwardCall {
  AttentionShape shape;
  const Bf16* qkv;
  const Dropout* dropout;
  const Bf16* out;
  const float* log_sum;
  const Bf16* d_out;
  float* workspace;
  Bf16* d_qkv;
};

inline float score_scale(const AttentionShape& shape) {
  return static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_width)));
}

inline Result<void> check_heads(const AttentionShape& shape) {
  if (shape.head_width <= most_head_width) return {};
  return fail({.code = Code::device,
               .what = "heads of width " + std::to_string(shape.head_width) +
                       " are beyond what a device does, " + std::to_string(most_head_width),
               .hint = "use backend = \"cpu\", or more heads"});
}

template <int width, bool drops, class Launch>
Result<void> launch_forward(const Launch& launch, const AttentionForwardCall& call) {
  return launch(AttentionForward<width, drops>{call.shape, call.qkv, call.dropout, call.out,
                                               call.log_sum, score_scale(call.shape)},
                "starting attention");
}

template <class Launch>
Result<void> run_attention_forward(const Launch& launch, const AttentionForwardCall& call) {
  SOVREN_DO(check_heads(call.shape));
  const bool drops = call.dropout != nullptr;
  if (call.shape.head_width == 64)
    return drops ? launch_forward<64, true>(launch, call) : launch_forward<64, false>(launch, call);
  if (call.shape.head_width == 128)
    return drops ? launch_forward<128, true>(launch, call)
                 : launch_forward<128, false>(launch, call);
  const PlainCommon common{call.shape, call.qkv, call.dropout, score_scale(call.shape)};
  return launch(PlainAttentionForward{common, call.out, call.log_sum}, "starting attention");
}

template <int width, bool drops, class Launch>
Result<void> launch_backward(const Launch& launch, const AttentionBackwardCall& call) {
  const float scale = score_scale(call.shape);
  SOVREN_DO(launch(
      AttentionBackward<width, Own::keys, drops>{call.shape, call.qkv, call.dropout, call.log_sum,
                                                 call.workspace, call.d_out, call.d_qkv, scale},
      "starting the gradient of keys and values"));
  return launch(AttentionBackward<width, Own::queries, drops>{call.shape, call.qkv, call.dropout,
                                                              call.log_sum, call.workspace,
                                                              call.d_out, call.d_qkv, scale},
                "starting the gradient of queries");
}

template <class Launch>
Result<void> run_attention_backward(const Launch& launch, const AttentionBackwardCall& call) {
  SOVREN_DO(check_heads(call.shape));
  SOVREN_DO(launch(RowDots{call.shape, call.out, call.d_out, call.workspace},
                   "starting attention's gradient"));
  const bool drops = call.dropout != nullptr;
  if (call.shape.head_width == 64)
    return drops ? launch_backward<64, true>(launch, call)
                 : launch_backward<64, false>(launch, call);
  if (call.shape.head_width == 128)
    return drops ? launch_backward<128, true>(launch, call)
                 : launch_backward<128, false>(launch, call);
  const PlainCommon common{call.shape, call.qkv, call.dropout, score_scale(call.shape)};
  SOVREN_DO(launch(PlainAttentionBackward<Own::keys>{common, call.log_sum, call.workspace,
                                                     call.d_out, call.d_qkv},
                   "starting the gradient of keys and values"));
  return launch(PlainAttentionBackward<Own::queries>{common, call.log_sum, call.workspace,
                                                     call.d_out, call.d_qkv},
                "starting the gradient of queries");
}

}  // namespace sovren::nn::device
