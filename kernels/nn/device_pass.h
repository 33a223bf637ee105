// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/result.h"
#include "kernels/nn/block.h"
#include "kernels/nn/device_gemm.h"
#include "kernels/nn/device_plan.h"

namespace sovren::nn::device {

/// The operations of a pass, each put on the stream; what DeviceTransformer captures.
class DevicePass {
 public:
  DevicePass(const ParameterTable& table, const Transformer::Setting& setting, const Arrays& arrays,
             Products& products, Stream stream)
      : table_(table),
        shape_(table.shape()),
        setting_(setting),
        a_(arrays),
        products_(products),
        stream_(stream) {}

  /// Plans the products; once, before all else.
  Result<void> plan();

  /// From the tokens to the final norm.
  Result<void> forward(bool has_dropout) const;
  /// Losses of all rows.
  Result<void> head_losses() const;
  /// The head and the final norm, forward and backward: d_x becomes the gradient of the last
  /// block's output. scale: of the mean loss.
  Result<void> head_backward(float scale) const;
  /// d_x: of the block's output when it comes, of its input when it goes.
  Result<void> block_backward(int layer) const;
  Result<void> embedding_backward() const;

 private:
  /// y = W x + b, and its gradients.
  struct Linear {
    std::int64_t out = 0, in = 0;
    int forward = 0, d_x = 0, d_weight = 0;
  };
  /// The head, by chunks of rows.
  struct Head {
    std::int64_t rows = 0;
    int logits = 0, d_norm = 0, d_weight = 0;
  };

  std::int64_t rows() const { return static_cast<std::int64_t>(setting_.batch) * setting_.tokens; }
  bool is_gelu() const { return shape_.activation == ModelShape::Activation::gelu; }
  bool is_rotary() const { return shape_.positions == ModelShape::Positions::rotary; }
  AttentionShape attention() const { return shape_.attention(setting_.batch, setting_.tokens); }
  NormShape norm() const {
    return {shape_.norm, rows(), shape_.width, static_cast<float>(shape_.norm_epsilon)};
  }
  Role head_role() const { return shape_.is_tied ? Role::token_table : Role::head; }
  const Bf16* parameter(Role role, int layer = -1) const;
  float* gradient(Role role, int layer = -1) const;
  BlockWeights<const Bf16> weights(int layer) const;
  BlockWeights<float> gradients(int layer) const;
  /// Null where nothing is dropped.
  const Dropout* dropout(bool is_on, int layer, int place) const;

  Result<Linear> plan_linear(std::int64_t out, std::int64_t in, Product::Then forward_then,
                             Product::Then d_x_then);
  Result<Head> plan_head(std::int64_t rows_of_chunk);
  Result<void> multiply(int product, const ProductData& data) const {
    return products_.run(stream_, product, data, a_.gemm_workspace);
  }
  Result<void> linear_backward(const Linear& linear, const Bf16* d_y, const Bf16* x,
                               const Bf16* weight, float* d_weight, float* d_bias, Bf16* aux,
                               Bf16* d_x) const;

  Result<void> first_norm(int layer) const;
  /// From the first norm's result to the hidden activations.
  Result<void> block_inside(int layer, bool has_dropout) const;
  /// The block's end, and the norm that follows it.
  Result<void> block_end(int layer, bool has_dropout) const;
  Result<void> feed_forward_backward(int layer) const;
  Result<void> attention_part_backward(int layer) const;
  Result<void> logits_of(const Head& head, std::int64_t first) const;
  Result<void> chunk_backward(const Head& head, std::int64_t first, float scale) const;
  /// d_x itself where nothing is dropped.
  Result<const Bf16*> dropped(int layer, int place) const;
  template <class Use>
  Result<void> each_chunk(const Use& use) const;

  const ParameterTable& table_;
  const ModelShape& shape_;
  const Transformer::Setting setting_;
  const Arrays& a_;
  Products& products_;
  const Stream stream_;
  Linear qkv_, projection_, up_, down_;
  Head chunk_, rest_;
};

}  // namespace sovren::nn::device
