// SPDX-License-Identifier: Apache-2.0
// Compiled for sm_90; not yet run on a device. The kernels' bodies run on the CPU in the tests.
#include "kernels/nn/device_launch.h"
#include "kernels/nn/device_pointwise_body.h"
#include "kernels/nn/device_tokens_body.h"

namespace sovren::nn::device {

Result<void> add_residual(Stream stream, std::int64_t rows, std::int64_t width, const Bf16* x,
                          const Bf16* branch, const Dropout* dropout, Bf16* y) {
  return Launch{stream}(AddResidual{rows, width, x, branch, dropout, y}, "starting a residual sum");
}

Result<void> apply_dropout(Stream stream, std::int64_t rows, std::int64_t width,
                           const Dropout* dropout, const Bf16* x, Bf16* y) {
  return Launch{stream}(AddResidual{rows, width, nullptr, x, dropout, y}, "starting dropout");
}

Result<void> add_column_sums(Stream stream, std::int64_t rows, std::int64_t width,
                             std::int64_t stride, const Bf16* x, float* workspace, float* sums) {
  return run_column_sums(Launch{stream}, ColumnParts{rows, width, stride, x, workspace}, sums);
}

Result<void> gelu_forward(Stream stream, std::int64_t size, const Bf16* x, Bf16* y) {
  return Launch{stream}(Gelu{size, x, nullptr, y}, "starting GELU");
}

Result<void> gelu_backward(Stream stream, std::int64_t size, const Bf16* x, const Bf16* d_y,
                           Bf16* d_x) {
  return Launch{stream}(Gelu{size, x, d_y, d_x}, "starting GELU's gradient");
}

Result<void> swiglu_forward(Stream stream, std::int64_t rows, std::int64_t hidden, const Bf16* x,
                            Bf16* y) {
  return Launch{stream}(SwigluForward{rows, hidden, x, y}, "starting SwiGLU");
}

Result<void> swiglu_backward(Stream stream, std::int64_t rows, std::int64_t hidden, const Bf16* x,
                             const Bf16* d_y, Bf16* d_x) {
  return Launch{stream}(SwigluBackward{rows, hidden, x, d_y, d_x}, "starting SwiGLU's gradient");
}

Result<void> rotate(Stream stream, const AttentionShape& shape, const float* table,
                    Rotation rotation, Bf16* qkv) {
  const float sine_sign = rotation == Rotation::forward ? 1 : -1;
  return Launch{stream}(Rotate{shape, table, sine_sign, qkv}, "starting a rotation");
}

Result<void> embed(Stream stream, std::int64_t rows, std::int64_t context, std::int64_t width,
                   const std::int32_t* tokens, const Bf16* token_table, const Bf16* position_table,
                   Bf16* x) {
  return Launch{stream}(Embed{rows, context, width, tokens, token_table, position_table, x},
                        "starting an embedding");
}

Result<void> embed_backward(Stream stream, std::int64_t rows, std::int64_t context,
                            std::int64_t width, std::int64_t table_rows, const std::int32_t* tokens,
                            const std::int32_t* buckets, const Bf16* d_x, float* d_token_table,
                            float* d_position_table) {
  const Launch launch{stream};
  SOVREN_DO(
      launch(EmbedTokensBackward{rows, width, table_rows, tokens, buckets, d_x, d_token_table},
             "starting the gradient of an embedding"));
  if (d_position_table == nullptr) return {};
  return launch(EmbedPositionsBackward{rows, context, width, d_x, d_position_table},
                "starting the gradient of positions");
}

Result<void> classify(Stream stream, std::int64_t rows, std::int64_t vocab, std::int64_t stride,
                      const std::int32_t* targets, float gradient_scale, Bf16* logits,
                      float* losses) {
  return Launch{stream}(
      Classify{rows, vocab, stride, targets, gradient_scale, logits, logits, losses},
      "starting the classifier");
}

Result<void> cross_entropy(Stream stream, std::int64_t rows, std::int64_t vocab,
                           std::int64_t stride, const std::int32_t* targets, const Bf16* logits,
                           float* losses) {
  return Launch{stream}(Classify{rows, vocab, stride, targets, 0, logits, nullptr, losses},
                        "starting the losses");
}

Result<void> sum_values(Stream stream, std::int64_t count, const float* values, double* total) {
  return Launch{stream}(SumValues{count, values, total}, "starting a sum");
}

}  // namespace sovren::nn::device
