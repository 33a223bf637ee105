// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstring>

#include "jobs/training/weights.h"
#include "jobs/training/weights_file.h"

namespace sovren::jobs {
namespace {

using nn::ModelShape;
using nn::ParameterTable;
using nn::Role;

constexpr int header_words = 256;
constexpr int version_fp32 = 3;
constexpr int version_bf16 = 5;
using Header = std::array<std::int32_t, header_words>;

/// The order of llm.c's tensors; those of layers hold all layers.
constexpr auto order = std::to_array<Role>(
    {Role::token_table, Role::position_table, Role::norm_1_weight, Role::norm_1_bias,
     Role::qkv_weight, Role::qkv_bias, Role::projection_weight, Role::projection_bias,
     Role::norm_2_weight, Role::norm_2_bias, Role::up_weight, Role::up_bias, Role::down_weight,
     Role::down_bias, Role::final_norm_weight, Role::final_norm_bias});

tl::unexpected<Error> damaged(std::string what) {
  return fail({.code = Code::data_invalid, .what = "no whole llm.c model: " + what});
}

/// Calls each(tensor) for all tensors of a model, in llm.c's order.
template <class Each>
void in_order(const ParameterTable& table, Each each) {
  for (const Role role : order) {
    if (const nn::Tensor* tensor = table.find(role)) each(*tensor);
    for (int layer = 0; layer < table.shape().layers; ++layer)
      if (const nn::Tensor* tensor = table.find(role, layer)) each(*tensor);
  }
}

bool is_within(std::int32_t value, std::int32_t most) {
  return value >= 1 && value <= most;
}

Result<ModelShape> shape_of(const Header& header) {
  ModelShape shape;
  shape.context = header[2];
  shape.vocab = header[3];
  shape.layers = header[4];
  shape.heads = shape.kv_heads = header[5];
  shape.width = header[6];
  constexpr std::int32_t most = 1 << 20;  // products of three stay far below 2^63
  const bool is_possible = is_within(shape.context, most) && is_within(shape.vocab, most) &&
                           is_within(shape.layers, 1024) && is_within(shape.width, most) &&
                           is_within(shape.heads, most) && shape.width % shape.heads == 0;
  if (!is_possible || header[7] < shape.vocab || header[7] > most)
    return damaged("context " + std::to_string(header[2]) + ", vocabulary " +
                   std::to_string(header[3]) + " (padded " + std::to_string(header[7]) + "), " +
                   std::to_string(header[4]) + " layers, " + std::to_string(header[5]) +
                   " heads, width " + std::to_string(header[6]) + " cannot be");
  shape.hidden = 4 * shape.width;
  return shape;
}

bool is_llmc(const ModelShape& shape) {
  ModelShape gpt2;
  gpt2.layers = shape.layers;
  gpt2.heads = gpt2.kv_heads = shape.heads;
  gpt2.width = shape.width;
  gpt2.hidden = 4 * shape.width;
  gpt2.context = shape.context;
  gpt2.vocab = shape.vocab;
  gpt2.rope_theta = shape.rope_theta;  // it has no rotary positions
  return shape == gpt2;
}

}  // namespace

Result<WeightsFile> read_llmc(std::string_view file) {
  Header header{};
  if (file.size() < sizeof header)
    return damaged("it has " + std::to_string(file.size()) + " bytes");
  std::memcpy(header.data(), file.data(), sizeof header);
  if (header[1] != version_fp32 && header[1] != version_bf16)
    return damaged("version " + std::to_string(header[1]) + " (allowed: 3 fp32, 5 bf16)");
  SOVREN_TRY(shape, shape_of(header));
  const bool is_fp32 = header[1] == version_fp32;
  WeightsFile weights;
  std::uint64_t next = sizeof header;
  in_order(ParameterTable(shape), [&](const nn::Tensor& tensor) {
    FileTensor mine{
        tensor.name, is_fp32 ? "F32" : "BF16", is_fp32 ? Dtype::f32 : Dtype::bf16, {}, next};
    const bool is_table = tensor.role == Role::token_table;
    mine.shape.push_back(is_table ? shape.vocab : tensor.rows);
    if (tensor.is_matrix) mine.shape.push_back(tensor.columns);
    const std::int64_t elements = is_table ? header[7] * tensor.columns : mine.size();
    next += static_cast<std::uint64_t>(elements) * (is_fp32 ? 4 : 2);
    weights.tensors.push_back(std::move(mine));
  });
  if (next != file.size())
    return damaged("it has " + std::to_string(file.size()) + " bytes, a model of its shape " +
                   std::to_string(next));
  weights.shape = shape;
  return weights;
}

Result<std::string> to_llmc(const ParameterTable& table, std::span<const float> parameters) {
  const ModelShape& shape = table.shape();
  if (!is_llmc(shape))
    return fail({.code = Code::refused,
                 .what = "llm.c's file holds GPT-2 only: layer norm with epsilon 1e-5, learned "
                         "positions, GELU of width 4, biases, a tied head, as many key heads as "
                         "heads",
                 .hint = "write: export = \"safetensors\""});
  const Header header{llmc_magic,   version_fp32, shape.context, shape.vocab,
                      shape.layers, shape.heads,  shape.width,   shape.padded_vocab()};
  std::string bytes(reinterpret_cast<const char*>(header.data()), sizeof header);
  in_order(table, [&](const nn::Tensor& tensor) {
    const auto values = parameters.subspan(static_cast<std::size_t>(tensor.offset),
                                           static_cast<std::size_t>(tensor.size()));
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  });
  return bytes;
}

}  // namespace sovren::jobs
