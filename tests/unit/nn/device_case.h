// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/base/rng.h"
#include "kernels/nn/device_transformer.h"
#include "kernels/nn/transformer.h"

namespace sovren::nn::device {

/// Numbers that bf16 holds, so that both models have the same; padding rows of tables are 0.
inline std::vector<float> parameters_of(const ParameterTable& table) {
  std::vector<float> all(static_cast<std::size_t>(table.size()));
  const Philox random(7, 1);
  for (const Tensor& tensor : table.tensors()) {
    const bool is_table = tensor.role == Role::token_table || tensor.role == Role::head;
    const std::int64_t rows = is_table ? table.shape().vocab : tensor.rows;
    const double most = std::min(0.4, 2.25 / std::sqrt(static_cast<double>(tensor.columns)));
    for (std::int64_t i = 0; i < rows * tensor.columns; ++i) {
      const auto at = static_cast<std::uint64_t>(tensor.offset + i);
      const double x = (static_cast<double>(random.block(at)[0]) * 0x1p-32 - 0.5) * most;
      const bool is_norm = tensor.name.find("ln_") != std::string::npos && tensor.columns == 1 &&
                           tensor.name.ends_with("weight");
      const auto value = static_cast<float>(is_norm ? 1 + x : x);
      all[at] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & 0xFFFF0000U);
    }
  }
  return all;
}

struct Tokens {
  std::vector<std::int32_t> inputs, targets;
  std::int64_t first_sequence = 0;
  MicroBatch batch() const { return {inputs, targets, first_sequence}; }
};

inline Tokens tokens_of(const ModelShape& shape, const Transformer::Setting& setting, int number) {
  Tokens tokens;
  const Philox random(3, static_cast<std::uint64_t>(number));
  for (int i = 0; i < setting.batch * setting.tokens; ++i) {
    const auto words = random.block(static_cast<std::uint64_t>(i));
    tokens.inputs.push_back(static_cast<std::int32_t>(words[0] % 7 * 11 % shape.vocab));
    tokens.targets.push_back(static_cast<std::int32_t>(words[1] % shape.vocab));
  }
  tokens.first_sequence = number * setting.batch;
  return tokens;
}

inline Share share_of(const ModelShape& shape, const Transformer::Setting& setting) {
  return {.pass = setting, .slice = ParameterTable(shape).size()};
}

inline std::vector<float> gradient_of(const DeviceTransformer& model) {
  std::vector<float> gradient(static_cast<std::size_t>(model.table().size()));
  EXPECT_TRUE(model.stream().copy_to_host(gradient.data(), model.arrays().gradient,
                                          gradient.size() * sizeof(float)));
  EXPECT_TRUE(model.stream().wait());
  return gradient;
}

/// |a - b| / |b| over a tensor (L2).
inline double distance(const Tensor& tensor, const std::vector<float>& a,
                       const std::vector<float>& b) {
  double difference = 0, size = 0;
  for (std::int64_t i = tensor.offset; i < tensor.offset + tensor.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    difference += std::pow(static_cast<double>(a[at]) - b[at], 2);
    size += std::pow(static_cast<double>(b[at]), 2);
  }
  return std::sqrt(difference / std::max(size, 1e-30));
}

/// The gradient of a bias of keys is 0 but for rounding: it does not count.
inline void expect_close(const ParameterTable& table, const std::vector<float>& device,
                         const std::vector<float>& cpu) {
  for (const Tensor& tensor : table.tensors()) {
    if (tensor.role == Role::qkv_bias) continue;
    EXPECT_LT(distance(tensor, device, cpu), 0.03) << tensor.name;
  }
}

/// Losses and gradients of `count` micro-batches on both.
inline void expect_agreement(const ModelShape& shape, const Transformer::Setting& setting,
                             int count) {
  auto made = DeviceTransformer::make(shape, share_of(shape, setting));
  ASSERT_TRUE(made) << to_text(made.error());
  DeviceTransformer& model = **made;
  const auto parameters = parameters_of(model.table());
  ASSERT_TRUE(model.set_parameters(parameters));

  Team team(2);
  Transformer cpu(shape, setting, team);
  std::vector<float> expected(parameters.size());
  std::vector<double> losses;
  for (int i = 0; i < count; ++i) {
    const Tokens tokens = tokens_of(shape, setting, i);
    losses.push_back(cpu.backward(parameters, tokens.batch(), 0.25F, expected));
    ASSERT_TRUE(model.start_backward(tokens.batch(), 0.25F));
  }
  const auto found = model.finish();
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), losses.size());
  for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR((*found)[i], losses[i], 0.01) << i;
  expect_close(model.table(), gradient_of(model), expected);
}

inline std::vector<float> gradient_after(const ModelShape& shape,
                                         const Transformer::Setting& setting, int count) {
  auto model = *DeviceTransformer::make(shape, share_of(shape, setting));
  EXPECT_TRUE(model->set_parameters(parameters_of(model->table())));
  for (int i = 0; i < count; ++i)
    EXPECT_TRUE(model->start_backward(tokens_of(shape, setting, i).batch(), 1));
  EXPECT_TRUE(model->finish());
  return gradient_of(*model);
}

}  // namespace sovren::nn::device
