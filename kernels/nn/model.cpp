// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/model.h"

#include <algorithm>

#include "core/base/check.h"

namespace sovren::nn {
namespace {

constexpr std::int64_t alignment = 16;  // elements: one line of the cache

class Layout {
 public:
  explicit Layout(const ModelShape& shape) : shape_(shape) {}

  void matrix(Role role, int layer, const std::string& name, std::int64_t rows,
              std::int64_t columns) {
    add({role, layer, name, rows, columns, 0, true});
  }
  void vector(Role role, int layer, const std::string& name, std::int64_t length) {
    add({role, layer, name, length, 1, 0, false});
  }
  /// A weight and, where this model has biases, its bias.
  void linear(Role weight, Role bias, int layer, const std::string& name, std::int64_t rows,
              std::int64_t columns) {
    matrix(weight, layer, name + ".weight", rows, columns);
    if (shape_.has_biases) vector(bias, layer, name + ".bias", rows);
  }
  void norm(Role weight, Role bias, int layer, const std::string& name) {
    vector(weight, layer, name + ".weight", shape_.width);
    if (shape_.has_biases && shape_.norm == NormKind::layer)
      vector(bias, layer, name + ".bias", shape_.width);
  }

  std::vector<Tensor> tensors;
  std::int64_t size = 0;

 private:
  void add(Tensor tensor) {
    tensor.offset = size;
    size += (tensor.size() + alignment - 1) / alignment * alignment;
    tensors.push_back(std::move(tensor));
  }
  const ModelShape& shape_;
};

}  // namespace

ParameterTable::ParameterTable(const ModelShape& shape) : shape_(shape) {
  const std::int64_t width = shape.width;
  Layout layout(shape);
  layout.matrix(Role::token_table, -1, "wte.weight", shape.padded_vocab(), width);
  if (shape.positions == ModelShape::Positions::learned)
    layout.matrix(Role::position_table, -1, "wpe.weight", shape.context, width);
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::string h = "h." + std::to_string(layer) + ".";
    layout.norm(Role::norm_1_weight, Role::norm_1_bias, layer, h + "ln_1");
    layout.linear(Role::qkv_weight, Role::qkv_bias, layer, h + "attn.qkv", shape.qkv_width(),
                  width);
    layout.linear(Role::projection_weight, Role::projection_bias, layer, h + "attn.proj", width,
                  shape.q_width());
    layout.norm(Role::norm_2_weight, Role::norm_2_bias, layer, h + "ln_2");
    layout.linear(Role::up_weight, Role::up_bias, layer, h + "mlp.up", shape.up_width(), width);
    layout.linear(Role::down_weight, Role::down_bias, layer, h + "mlp.down", width, shape.hidden);
  }
  layout.norm(Role::final_norm_weight, Role::final_norm_bias, -1, "ln_f");
  if (!shape.is_tied) layout.matrix(Role::head, -1, "lm_head.weight", shape.padded_vocab(), width);
  tensors_ = std::move(layout.tensors);
  size_ = layout.size;
}

std::int64_t ParameterTable::count() const {
  std::int64_t count = 0;
  for (const Tensor& tensor : tensors_) {
    const bool is_padded = tensor.role == Role::token_table || tensor.role == Role::head;
    count += is_padded ? tensor.columns * shape_.vocab : tensor.size();
  }
  return count;
}

const Tensor* ParameterTable::find(Role role, int layer) const {
  for (const Tensor& tensor : tensors_)
    if (tensor.role == role && tensor.layer == layer) return &tensor;
  return nullptr;
}

const Tensor* ParameterTable::find(std::string_view name) const {
  for (const Tensor& tensor : tensors_)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

const Tensor& ParameterTable::holder(std::int64_t element) const {
  SOVREN_CHECK(element >= 0 && element < size_, "the element is one of the model");
  const auto after =
      std::upper_bound(tensors_.begin(), tensors_.end(), element,
                       [](std::int64_t at, const Tensor& tensor) { return at < tensor.offset; });
  return *std::prev(after);
}

double training_flops_per_token(const ModelShape& shape, int tokens) {
  double weights = static_cast<double>(shape.padded_vocab()) * shape.width;  // of the head
  const ParameterTable table(shape);
  for (const Tensor& tensor : table.tensors())
    if (tensor.is_matrix && tensor.layer >= 0) weights += static_cast<double>(tensor.size());
  return 6 * weights + 6.0 * shape.layers * tokens * shape.width;
}

}  // namespace sovren::nn
