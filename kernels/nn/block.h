// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/nn/attention.h"
#include "kernels/nn/dropout.h"
#include "kernels/nn/gemm.h"
#include "kernels/nn/model.h"
#include "kernels/nn/norm.h"
#include "kernels/nn/team.h"

namespace sovren::nn {

/// Weights of one block, or their gradients: pointers into flat parameters. Null: it has none.
template <class Number>
struct BlockWeights {
  Number* norm_1_weight = nullptr;
  Number* norm_1_bias = nullptr;
  Number* qkv_weight = nullptr;
  Number* qkv_bias = nullptr;
  Number* projection_weight = nullptr;
  Number* projection_bias = nullptr;
  Number* norm_2_weight = nullptr;
  Number* norm_2_bias = nullptr;
  Number* up_weight = nullptr;
  Number* up_bias = nullptr;
  Number* down_weight = nullptr;
  Number* down_bias = nullptr;
};

/// Where tensor (role, layer) begins in flat parameters; null where the model has none.
template <class Number>
Number* tensor_in(std::span<Number> flat, const ParameterTable& table, Role role, int layer = -1) {
  const Tensor* tensor = table.find(role, layer);
  return tensor == nullptr ? nullptr : flat.data() + tensor->offset;
}

template <class Number>
BlockWeights<Number> block_weights(std::span<Number> flat, const ParameterTable& table, int layer) {
  const auto at = [&](Role role) { return tensor_in(flat, table, role, layer); };
  return {at(Role::norm_1_weight), at(Role::norm_1_bias),       at(Role::qkv_weight),
          at(Role::qkv_bias),      at(Role::projection_weight), at(Role::projection_bias),
          at(Role::norm_2_weight), at(Role::norm_2_bias),       at(Role::up_weight),
          at(Role::up_bias),       at(Role::down_weight),       at(Role::down_bias)};
}

/// What the backward pass of a block needs of the forward pass. rows = batch x tokens.
struct BlockActivations {
  float* norm_1 = nullptr;    ///< (rows, width)
  float* mean_1 = nullptr;    ///< (rows)
  float* scale_1 = nullptr;   ///< (rows)
  float* qkv = nullptr;       ///< (rows, qkv_width), q and k rotated where positions are rotary
  float* attended = nullptr;  ///< (rows, width)
  float* log_sum = nullptr;   ///< (batch, heads, tokens)
  float* middle = nullptr;    ///< (rows, width): the residual between the two halves
  float* norm_2 = nullptr;
  float* mean_2 = nullptr;
  float* scale_2 = nullptr;
  float* up = nullptr;      ///< (rows, up_width): before the activation
  float* hidden = nullptr;  ///< (rows, hidden): after it
};

/// What one pass needs and nobody keeps; the blocks share it.
struct BlockScratch {
  float* branch = nullptr;    ///< (rows, width): of dropout
  float* d_width = nullptr;   ///< (rows, width)
  float* d_qkv = nullptr;     ///< (rows, qkv_width)
  float* d_up = nullptr;      ///< (rows, up_width)
  float* d_hidden = nullptr;  ///< (rows, hidden): of swiglu
};

/// Which dropouts a block uses: place k of the block is stream `stream` + k.
struct BlockDropout {
  float rate = 0;
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  std::int64_t first_sequence = 0;
};

/// One block of a transformer: x + attention(norm(x)), then + feed-forward(norm(...)).
class Block {
 public:
  Block(const ModelShape& shape, int batch, int tokens, Precision precision, Team& team)
      : shape_(shape), batch_(batch), tokens_(tokens), precision_(precision), team_(team) {}

  /// y (rows, width) of x (rows, width), kept for the backward pass as is what it fills in kept.
  void forward(const BlockWeights<const float>& weights, const BlockDropout& dropout,
               const float* x, const BlockActivations& kept, const BlockScratch& scratch,
               float* y) const;
  /// d_x (rows, width): of y when it comes, of x when it goes. gradient += the weights'.
  void backward(const BlockWeights<const float>& weights, const BlockDropout& dropout,
                const float* x, const BlockActivations& kept, const BlockScratch& scratch,
                const BlockWeights<float>& gradient, float* d_x) const;

 private:
  std::int64_t rows() const { return static_cast<std::int64_t>(batch_) * tokens_; }
  NormShape norm() const {
    return {shape_.norm, rows(), shape_.width, static_cast<float>(shape_.norm_epsilon)};
  }
  Dropout attention_dropout(const BlockDropout& dropout) const;
  Dropout residual_dropout(const BlockDropout& dropout, int place) const;
  /// y += branch W^T + bias, with dropout of what is added.
  void add_linear(const float* x, std::int64_t in, const float* weight, const float* bias,
                  const Dropout& dropout, const BlockScratch& scratch, float* y) const;
  /// Gradients of y = x W^T + b: of W and b added, of x (null: not wanted) set.
  void linear_backward(const float* d_y, std::int64_t out, const float* x, std::int64_t in,
                       const float* weight, float* d_weight, float* d_bias,
                       const GemmOutput& d_x) const;
  const float* dropped(const Dropout& dropout, const BlockScratch& scratch, const float* d_y) const;

  const ModelShape& shape_;
  const int batch_;
  const int tokens_;
  const Precision precision_;
  Team& team_;
};

}  // namespace sovren::nn
