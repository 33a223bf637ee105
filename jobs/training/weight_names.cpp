// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/weight_names.h"

#include <array>

namespace sovren::jobs {
namespace {

using nn::ModelShape;
using nn::NormKind;
using nn::ParameterTable;
using nn::Role;
using nn::Tensor;

constexpr std::array prefixes{std::string_view("transformer."), std::string_view("model.")};

bool is_gpt2(const ModelShape& shape) {
  return shape.norm == NormKind::layer && shape.positions == ModelShape::Positions::learned &&
         shape.activation == ModelShape::Activation::gelu && shape.has_biases &&
         shape.kv_heads == shape.heads;
}

bool is_llama(const ModelShape& shape) {
  return shape.norm == NormKind::rms && shape.positions == ModelShape::Positions::rotary &&
         shape.activation == ModelShape::Activation::swiglu && !shape.has_biases;
}

/// The whole of a tensor, under its own name.
Part whole(const Tensor& tensor, const ModelShape& shape) {
  const bool has_padding = tensor.role == Role::token_table || tensor.role == Role::head;
  const std::int64_t padding = has_padding ? tensor.rows - shape.vocab : 0;
  return {tensor.name, tensor.offset, tensor.rows - padding, tensor.columns, !tensor.is_matrix,
          false,       padding};
}

/// Rows of a matrix under another name, beginning where `before` ends.
Part rows_after(const Part& before, const std::string& name, std::int64_t rows) {
  Part part = before;
  part.name = name;
  part.offset = before.offset + before.rows * before.columns;
  part.rows = rows;
  return part;
}

void add_gpt2(const Tensor& tensor, const ModelShape& shape, std::vector<Part>& parts) {
  Part part = whole(tensor, shape);
  const std::string layer = "h." + std::to_string(tensor.layer) + ".";
  const auto linear = [&](const std::string& name, bool is_weight) {
    part.name = layer + name + (is_weight ? ".weight" : ".bias");
    part.is_transposed = is_weight;
  };
  switch (tensor.role) {
    case Role::qkv_weight:
    case Role::qkv_bias:
      linear("attn.c_attn", tensor.role == Role::qkv_weight);
      break;
    case Role::projection_weight:
    case Role::projection_bias:
      linear("attn.c_proj", tensor.role == Role::projection_weight);
      break;
    case Role::up_weight:
    case Role::up_bias:
      linear("mlp.c_fc", tensor.role == Role::up_weight);
      break;
    case Role::down_weight:
    case Role::down_bias:
      linear("mlp.c_proj", tensor.role == Role::down_weight);
      break;
    default:
      break;  // our names are GPT-2's
  }
  parts.push_back(std::move(part));
}

void add_llama(const Tensor& tensor, const ModelShape& shape, std::vector<Part>& parts) {
  Part part = whole(tensor, shape);
  const std::string layer = "layers." + std::to_string(tensor.layer) + ".";
  const std::int64_t kv_rows = static_cast<std::int64_t>(shape.kv_heads) * shape.head_width();
  switch (tensor.role) {
    case Role::token_table:
      part.name = "embed_tokens.weight";
      break;
    case Role::norm_1_weight:
      part.name = layer + "input_layernorm.weight";
      break;
    case Role::qkv_weight:
      part.name = layer + "self_attn.q_proj.weight";
      part.rows = shape.q_width();
      parts.push_back(part);
      part = rows_after(part, layer + "self_attn.k_proj.weight", kv_rows);
      parts.push_back(part);
      part = rows_after(part, layer + "self_attn.v_proj.weight", kv_rows);
      break;
    case Role::projection_weight:
      part.name = layer + "self_attn.o_proj.weight";
      break;
    case Role::norm_2_weight:
      part.name = layer + "post_attention_layernorm.weight";
      break;
    case Role::up_weight:
      part.name = layer + "mlp.gate_proj.weight";
      part.rows = shape.hidden;
      parts.push_back(part);
      part = rows_after(part, layer + "mlp.up_proj.weight", shape.hidden);
      break;
    case Role::down_weight:
      part.name = layer + "mlp.down_proj.weight";
      break;
    case Role::final_norm_weight:
      part.name = "norm.weight";
      break;
    default:
      break;  // the head is called so in both; a Llama has no others
  }
  parts.push_back(std::move(part));
}

}  // namespace

std::vector<std::int64_t> Part::shape() const {
  if (is_vector) return {rows};
  return is_transposed ? std::vector{columns, rows} : std::vector{rows, columns};
}

Naming naming_of(const ModelShape& shape) {
  if (is_gpt2(shape)) return Naming::gpt2;
  return is_llama(shape) ? Naming::llama : Naming::own;
}

std::string_view naming_text(Naming naming) {
  return naming == Naming::gpt2 ? "GPT-2" : naming == Naming::llama ? "Llama" : "Sovren";
}

std::vector<Part> parts_of(const ParameterTable& table, Naming naming) {
  std::vector<Part> parts;
  for (const Tensor& tensor : table.tensors()) {
    if (naming == Naming::gpt2)
      add_gpt2(tensor, table.shape(), parts);
    else if (naming == Naming::llama)
      add_llama(tensor, table.shape(), parts);
    else
      parts.push_back(whole(tensor, table.shape()));
  }
  return parts;
}

std::string full_name(const std::string& name, Naming naming) {
  if (naming == Naming::own || name == "lm_head.weight") return name;
  return std::string(prefixes[naming == Naming::gpt2 ? 0 : 1]) + name;
}

std::string_view short_name(std::string_view name) {
  for (const std::string_view prefix : prefixes)
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  return name;
}

bool is_buffer(std::string_view short_name) {
  return short_name.ends_with(".attn.bias") || short_name.ends_with(".attn.masked_bias") ||
         short_name.ends_with(".rotary_emb.inv_freq");
}

}  // namespace sovren::jobs
