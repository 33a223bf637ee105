// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "jobs/training/weights.h"
#include "tests/unit/training/plain_file.h"

namespace sovren::jobs {
namespace {

using nn::ParameterTable;
using nn::Role;

nn::ModelShape some_shape() {
  nn::ModelShape shape = tiny_gpt2();
  shape.layers = 8;
  shape.heads = shape.kv_heads = 4;
  shape.width = 64;
  shape.hidden = 256;
  shape.context = 100;
  shape.vocab = 300;
  return shape;
}

TEST(InitialParameters, HaveTheDeviationsOfGpt2) {
  const ParameterTable table(some_shape());
  const auto parameters = initial_parameters(table, 17);
  for (const nn::Tensor& tensor : table.tensors()) {
    const bool has_padding = tensor.role == Role::token_table;
    const auto rows = has_padding ? table.shape().vocab : tensor.rows;
    const float* values = parameters.data() + tensor.offset;
    const auto n = static_cast<double>(rows * tensor.columns);
    double sum = 0, squares = 0, fourth = 0;
    for (std::int64_t i = 0; i < rows * tensor.columns; ++i) {
      sum += values[i];
      squares += std::pow(values[i], 2);
      fourth += std::pow(values[i], 4);
    }
    if (tensor.is_matrix) {
      const bool ends = tensor.role == Role::projection_weight || tensor.role == Role::down_weight;
      const double deviation = ends ? 0.02 / 4 : 0.02;  // sqrt(2 x 8 layers) = 4
      // Five standard errors of the mean, the deviation and the kurtosis.
      EXPECT_NEAR(sum / n / deviation, 0, 5 / std::sqrt(n)) << tensor.name;
      EXPECT_NEAR(std::sqrt(squares / n) / deviation, 1, 5 / std::sqrt(2 * n)) << tensor.name;
      EXPECT_NEAR(fourth / n / std::pow(deviation, 4), 3, 5 * std::sqrt(96 / n)) << tensor.name;
    } else {
      const bool is_norm = tensor.name.find("ln_") != tensor.name.npos &&
                           tensor.name.find("weight") != tensor.name.npos;
      EXPECT_EQ(sum, is_norm ? n : 0) << tensor.name;
      EXPECT_EQ(squares, is_norm ? n : 0) << tensor.name;
    }
    for (std::int64_t i = rows * tensor.columns; i < tensor.size(); ++i) EXPECT_EQ(values[i], 0);
  }
}

TEST(InitialParameters, AreAFunctionOfSeedAndElement) {
  const ParameterTable table(some_shape());
  const auto parameters = initial_parameters(table, 17);
  EXPECT_EQ(parameters, initial_parameters(table, 17));
  EXPECT_NE(parameters, initial_parameters(table, 18));
  // Another vocabulary shifts what lies behind; the first rows and the layers stay as they are.
  nn::ModelShape larger = some_shape();
  larger.vocab = 500;
  const ParameterTable other(larger);
  const auto others = initial_parameters(other, 17);
  for (const nn::Tensor& tensor : table.tensors()) {
    const auto size = tensor.role == Role::token_table ? 300 * tensor.columns : tensor.size();
    const float* mine = parameters.data() + tensor.offset;
    const float* theirs = others.data() + other.find(tensor.name)->offset;
    EXPECT_TRUE(std::equal(mine, mine + size, theirs)) << tensor.name;
  }
}

}  // namespace
}  // namespace sovren::jobs
