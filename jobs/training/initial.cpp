// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "core/base/rng.h"
#include "jobs/training/weights.h"

namespace sovren::jobs {
namespace {

using nn::Role;

/// Names this use of the run's seed; the number of the tensor is added.
constexpr std::uint64_t stream = std::uint64_t{0x696E6974} << 32;  // "init"

bool is_norm_weight(Role role) {
  return role == Role::norm_1_weight || role == Role::norm_2_weight ||
         role == Role::final_norm_weight;
}

double deviation_of(const nn::Tensor& tensor, int layers) {
  const bool ends_in_residual =
      tensor.role == Role::projection_weight || tensor.role == Role::down_weight;
  return ends_in_residual ? 0.02 / std::sqrt(2.0 * layers) : 0.02;
}

}  // namespace

std::vector<float> initial_parameters(const nn::ParameterTable& table, std::uint64_t seed) {
  std::vector<float> parameters(static_cast<std::size_t>(table.size()));
  const nn::ModelShape& shape = table.shape();
  std::uint64_t number = 0;
  for (const nn::Tensor& tensor : table.tensors()) {
    const Philox philox(seed, stream + number++);
    const bool has_padding = tensor.role == Role::token_table || tensor.role == Role::head;
    const std::int64_t rows = has_padding ? shape.vocab : tensor.rows;
    const double deviation = deviation_of(tensor, shape.layers);
    float* to = parameters.data() + tensor.offset;
    for (std::int64_t i = 0; i < rows * tensor.columns; ++i)
      if (tensor.is_matrix)
        to[i] = static_cast<float>(deviation * philox.normal(static_cast<std::uint64_t>(i)));
      else
        to[i] = is_norm_weight(tensor.role) ? 1.0F : 0.0F;
  }
  return parameters;
}

}  // namespace sovren::jobs
