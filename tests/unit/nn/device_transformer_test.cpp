// SPDX-License-Identifier: Apache-2.0
// The device's transformer over a device made of the CPU (fake_device.h), against the CPU's.
#include "kernels/nn/device_transformer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/nn/transformer.h"
#include "tests/unit/nn/device_case.h"
#include "tests/unit/nn/fake_device.h"

namespace sovren::nn::device {
namespace {

using Recompute = Transformer::Setting::Recompute;

ModelShape gpt2() {
  return {.layers = 3,
          .heads = 2,
          .kv_heads = 2,
          .width = 32,
          .hidden = 64,
          .context = 24,
          .vocab = 257};
}

ModelShape llama() {
  return {.layers = 3,
          .heads = 4,
          .kv_heads = 2,
          .width = 32,
          .hidden = 40,
          .context = 24,
          .vocab = 131,
          .norm = NormKind::rms,
          .positions = ModelShape::Positions::rotary,
          .activation = ModelShape::Activation::swiglu,
          .has_biases = false,
          .is_tied = false};
}

/// GELU without biases: another path than both.
ModelShape bare() {
  ModelShape shape = gpt2();
  shape.has_biases = false;
  shape.layers = 1;
  return shape;
}

TEST(DeviceTransformer, Gpt2AgreesWithTheCpu) {
  expect_agreement(gpt2(), {.batch = 2, .tokens = 11}, 1);
}
TEST(DeviceTransformer, LlamaAgreesWithTheCpu) {
  expect_agreement(llama(), {.batch = 3, .tokens = 7}, 1);
}
TEST(DeviceTransformer, OneBlockWithoutBiasesAgreesWithTheCpu) {
  expect_agreement(bare(), {.batch = 1, .tokens = 24}, 1);
}
TEST(DeviceTransformer, DropoutIsThatOfTheCpu) {
  expect_agreement(gpt2(), {.batch = 2, .tokens = 11, .dropout = 0.3F, .seed = 5}, 2);
}
TEST(DeviceTransformer, ReplayedPassesAgreeWithTheCpu) {
  const auto before = fake::counts();
  expect_agreement(llama(), {.batch = 2, .tokens = 9, .dropout = 0.2F, .seed = 1}, 5);
  const auto after = fake::counts();
  EXPECT_EQ(after.captures - before.captures, 5) << "head, three groups of blocks, tables; once";
  EXPECT_EQ(after.launches - before.launches, 4 * 5) << "the first pass runs as it comes";
  EXPECT_EQ(after.allocations - before.allocations, 1) << "nothing is allocated after the start";
}

TEST(DeviceTransformer, RecomputeGivesTheSameBits) {
  for (const ModelShape& shape : {gpt2(), llama()}) {
    Transformer::Setting setting{.batch = 2, .tokens = 10, .dropout = 0.1F, .seed = 2};
    const auto kept = gradient_after(shape, setting, 3);
    setting.recompute = Recompute::block;
    const auto again = gradient_after(shape, setting, 3);
    EXPECT_EQ(std::memcmp(kept.data(), again.data(), kept.size() * sizeof(float)), 0);
  }
}

TEST(DeviceTransformer, PaddingStaysZero) {
  const ModelShape shape = llama();
  const auto gradient = gradient_after(shape, {.batch = 2, .tokens = 10}, 1);
  const ParameterTable table(shape);
  for (const Role role : {Role::token_table, Role::head}) {
    const Tensor& tensor = *table.find(role);
    for (std::int64_t i = shape.vocab * tensor.columns; i < tensor.size(); ++i)
      ASSERT_EQ(gradient[static_cast<std::size_t>(tensor.offset + i)], 0);
  }
}

TEST(DeviceTransformer, ScaleMayChangeBetweenPasses) {
  const ModelShape shape = gpt2();
  const Transformer::Setting setting{.batch = 1, .tokens = 8};
  auto model = *DeviceTransformer::make(shape, share_of(shape, setting));
  ASSERT_TRUE(model->set_parameters(parameters_of(model->table())));
  const Tokens tokens = tokens_of(shape, setting, 0);
  for (const float scale : {1.0F, 1.0F, 1.0F, -2.0F, -1.0F})  // they sum to nothing
    ASSERT_TRUE(model->start_backward(tokens.batch(), scale));
  ASSERT_TRUE(model->finish());
  const auto left = gradient_of(*model);
  const auto one = gradient_after(shape, setting, 1);
  for (std::size_t i = 0; i < left.size(); ++i)
    ASSERT_NEAR(left[i], 0, 0.05 * std::abs(one[i]) + 1e-3) << i;
}

TEST(DeviceTransformer, LossIsWithoutDropoutAndLeavesTheGradient) {
  const ModelShape shape = gpt2();
  const Transformer::Setting setting{.batch = 2, .tokens = 12, .dropout = 0.5F};
  auto model = *DeviceTransformer::make(shape, share_of(shape, setting));
  const auto parameters = parameters_of(model->table());
  ASSERT_TRUE(model->set_parameters(parameters));
  Team team(1);
  Transformer cpu(shape, setting, team);
  std::vector<double> expected;
  for (int i = 0; i < 4; ++i) {
    const Tokens tokens = tokens_of(shape, setting, i);
    expected.push_back(cpu.loss(parameters, tokens.batch()));
    ASSERT_TRUE(model->start_loss(tokens.batch()));
  }
  const auto losses = model->finish();
  ASSERT_TRUE(losses);
  ASSERT_EQ(losses->size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR((*losses)[i], expected[i], 0.01) << i;
  for (const float x : gradient_of(*model)) ASSERT_EQ(x, 0);
  EXPECT_TRUE(model->finish()->empty()) << "each loss is told once";
}

TEST(DeviceTransformer, TellsEachRangeOnceItsGradientIsComplete) {
  const ModelShape shape = llama();
  const Transformer::Setting setting{.batch = 2, .tokens = 10};
  const auto complete = gradient_after(shape, setting, 1);
  auto model = *DeviceTransformer::make(shape, share_of(shape, setting));
  ASSERT_TRUE(model->set_parameters(parameters_of(model->table())));
  std::vector<std::pair<std::int64_t, std::int64_t>> told;
  const auto ready = [&](std::int64_t first, std::int64_t end) -> Result<void> {
    told.emplace_back(first, end);
    const auto now = gradient_of(*model);
    EXPECT_EQ(std::memcmp(now.data() + first, complete.data() + first,
                          static_cast<std::size_t>(end - first) * sizeof(float)),
              0)
        << first;
    return {};
  };
  ASSERT_TRUE(model->start_backward(tokens_of(shape, setting, 0).batch(), 1, ready));
  EXPECT_EQ(told, model->ready_ranges());
  std::int64_t all = 0;
  for (const auto& [first, end] : told) all += end - first;
  EXPECT_EQ(all, model->table().size());
}

TEST(DeviceTransformer, RefusesWhatDoesNotFit) {
  const Share share = share_of(gpt2(), {.batch = 2, .tokens = 8});
  fake::set_free_bytes(reserved_bytes + 1000);
  const auto refused = DeviceTransformer::make(gpt2(), share);
  fake::set_free_bytes(std::int64_t{1} << 40);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::refused);
}

TEST(DeviceTransformer, RefusesAShapeThatTheOperationsDoNotTake) {
  ModelShape shape = gpt2();
  shape.hidden = 60;
  const auto refused = DeviceTransformer::make(shape, share_of(shape, {.batch = 1, .tokens = 8}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::refused);
}

}  // namespace
}  // namespace sovren::nn::device
