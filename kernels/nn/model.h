// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/nn/attention.h"
#include "kernels/nn/norm.h"

namespace sovren::nn {

/// The shape of a decoder-only transformer. GPT-2: layer norm, learned positions, GELU, biases,
/// tied head. Llama: RMS norm, rotary positions, SwiGLU, no biases.
///
/// Source   Radford et al. 2019; Touvron et al. 2023.
struct ModelShape {
  enum class Positions { learned, rotary };
  enum class Activation { gelu, swiglu };

  int layers = 0;
  int heads = 0;
  int kv_heads = 0;
  int width = 0;
  int hidden = 0;   ///< width of the feed-forward part
  int context = 0;  ///< most tokens of a sequence
  int vocab = 0;
  NormKind norm = NormKind::layer;
  Positions positions = Positions::learned;
  Activation activation = Activation::gelu;
  bool has_biases = true;
  bool is_tied = true;  ///< the head is the token table
  double rope_theta = 10000;
  double norm_epsilon = 1e-5;

  int head_width() const { return width / heads; }
  int q_width() const { return width; }
  int qkv_width() const { return (heads + 2 * kv_heads) * head_width(); }
  /// Rows of the token table and the head: a multiple of 128, the rest zero and never predicted.
  int padded_vocab() const { return (vocab + 127) / 128 * 128; }
  /// Columns that the first feed-forward matrix makes: swiglu has gate and up.
  int up_width() const { return activation == Activation::swiglu ? 2 * hidden : hidden; }
  AttentionShape attention(int batch, int tokens) const {
    return {batch, tokens, heads, kv_heads, head_width()};
  }
  bool operator==(const ModelShape&) const = default;
};

/// What a parameter tensor is for. Matrices are (out, in), row-major: y = W x + b.
enum class Role {
  token_table,     ///< wte (padded vocab, width)
  position_table,  ///< wpe (context, width)
  norm_1_weight,   ///< h.L.ln_1.weight (width)
  norm_1_bias,
  qkv_weight,  ///< h.L.attn.qkv.weight (qkv_width, width): rows of q, k, v heads
  qkv_bias,
  projection_weight,  ///< h.L.attn.proj.weight (width, width)
  projection_bias,
  norm_2_weight,
  norm_2_bias,
  up_weight,  ///< h.L.mlp.up.weight (up_width, width): swiglu has gate rows, then up rows
  up_bias,
  down_weight,  ///< h.L.mlp.down.weight (width, hidden)
  down_bias,
  final_norm_weight,  ///< ln_f.weight
  final_norm_bias,
  head,  ///< lm_head.weight (padded vocab, width), when not tied
};

struct Tensor {
  Role role = Role::token_table;
  int layer = -1;            ///< -1: not of a layer
  std::string name;          ///< "h.0.attn.qkv.weight": as checkpoints have it
  std::int64_t rows = 0;     ///< of a vector: its length
  std::int64_t columns = 1;  ///< of a vector: 1
  std::int64_t offset = 0;   ///< of its first element in the flat parameters
  bool is_matrix = false;    ///< decays
  std::int64_t size() const { return rows * columns; }
};

/// All parameters of a model as one flat array of fp32: tensors in the order of Role and layer
/// (tables, layer 0, layer 1, ..., final norm, head), each beginning at a multiple of 16 elements;
/// what lies between is 0 and stays 0.
class ParameterTable {
 public:
  explicit ParameterTable(const ModelShape& shape);
  const ModelShape& shape() const { return shape_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }
  std::int64_t size() const { return size_; }  ///< elements of the flat array
  std::int64_t count() const;                  ///< trained numbers: without padding
  /// Null where this shape has no such tensor.
  const Tensor* find(Role role, int layer = -1) const;
  const Tensor* find(std::string_view name) const;
  /// The tensor that holds an element; the one before it where the element is padding.
  const Tensor& holder(std::int64_t element) const;

 private:
  ModelShape shape_;
  std::vector<Tensor> tensors_;
  std::int64_t size_ = 0;
};

/// Floating-point operations of training on one token: 6 per parameter of a matrix that multiplies
/// plus 6 x layers x context x width of causal attention.
double training_flops_per_token(const ModelShape& shape, int tokens);

}  // namespace sovren::nn
