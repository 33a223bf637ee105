// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/training_plan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace sovren::jobs {
namespace {

TEST(LearningRate, WarmsUpInALineAndFollowsTheCosine) {
  TrainingSpec spec;
  spec.learning_rate = 2;
  spec.min_learning_rate = 0.5;
  spec.warmup_steps = 4;
  spec.steps = 12;
  EXPECT_DOUBLE_EQ(learning_rate(spec, 0), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(spec, 1), 1);
  EXPECT_DOUBLE_EQ(learning_rate(spec, 3), 2);
  EXPECT_DOUBLE_EQ(learning_rate(spec, 4), 2);
  EXPECT_DOUBLE_EQ(learning_rate(spec, 8), 1.25);  // half way
  EXPECT_NEAR(learning_rate(spec, 10), 0.5 + 1.5 * (1 + std::cos(0.75 * std::numbers::pi)) / 2,
              1e-12);
  EXPECT_DOUBLE_EQ(learning_rate(spec, 12), 0.5);
  spec.min_learning_rate.reset();
  EXPECT_DOUBLE_EQ(learning_rate(spec, 12), 0.2);
}

TEST(LearningRate, IsConstantOrFallsAtTheEnd) {
  TrainingSpec spec;
  spec.learning_rate = 1;
  spec.min_learning_rate = 0;
  spec.steps = 100;
  spec.schedule = TrainingSpec::Schedule::constant;
  EXPECT_EQ(learning_rate(spec, 0), 1);
  EXPECT_EQ(learning_rate(spec, 99), 1);
  spec.schedule = TrainingSpec::Schedule::wsd;  // the last fifth falls
  EXPECT_EQ(learning_rate(spec, 79), 1);
  EXPECT_EQ(learning_rate(spec, 80), 1);
  EXPECT_DOUBLE_EQ(learning_rate(spec, 90), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(spec, 95), 0.25);
  spec.decay_steps = 50;
  EXPECT_DOUBLE_EQ(learning_rate(spec, 75), 0.5);
  spec.warmup_steps = 90;  // a warm-up into the decay shortens the decay
  EXPECT_DOUBLE_EQ(learning_rate(spec, 44), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(spec, 95), 0.5);
}

TEST(ModelShape, IsGpt2sOrLlamasUnlessToldOtherwise) {
  TrainingSpec spec;
  spec.width = 96;
  spec.heads = 6;
  nn::ModelShape shape = model_shape(spec, 300);
  EXPECT_EQ(shape.hidden, 384);
  EXPECT_EQ(shape.kv_heads, 6);
  EXPECT_EQ(shape.vocab, 300);
  EXPECT_TRUE(shape.has_biases && shape.is_tied);
  EXPECT_EQ(shape.norm, nn::NormKind::layer);
  EXPECT_EQ(shape.positions, nn::ModelShape::Positions::learned);
  EXPECT_EQ(shape.activation, nn::ModelShape::Activation::gelu);
  spec.model = TrainingSpec::Model::llama;
  spec.kv_heads = 2;
  shape = model_shape(spec, 300);
  EXPECT_EQ(shape.hidden, 256);  // 8/3 x 96
  EXPECT_EQ(shape.kv_heads, 2);
  EXPECT_FALSE(shape.has_biases || shape.is_tied);
  EXPECT_EQ(shape.norm, nn::NormKind::rms);
  EXPECT_EQ(shape.positions, nn::ModelShape::Positions::rotary);
  EXPECT_EQ(shape.activation, nn::ModelShape::Activation::swiglu);
  spec.width = 102;
  EXPECT_EQ(model_shape(spec, 300).hidden, 320);  // 272, up to a multiple of 64
  spec.tied = true;
  spec.norm = TrainingSpec::Norm::layer;
  spec.hidden_width = 100;
  shape = model_shape(spec, 300);
  EXPECT_TRUE(shape.is_tied);
  EXPECT_EQ(shape.norm, nn::NormKind::layer);
  EXPECT_EQ(shape.hidden, 100);
}

TEST(MicroBatches, AreAllOfAStepOrAPowerOfTwo) {
  TrainingSpec spec;
  spec.layers = 1;
  spec.width = 64;
  spec.heads = 1;
  spec.context = 32;
  const nn::ModelShape shape = model_shape(spec, 256);
  const double flops = nn::training_flops_per_token(shape, 32) * 32 * 4;  // of a micro-batch of 4
  EXPECT_EQ(micro_batches_in_chunk(shape, 4, 100, 3, {flops * 20, 1}), 16);
  EXPECT_EQ(micro_batches_in_chunk(shape, 4, 100, 3, {flops * 16, 1}), 16);
  EXPECT_EQ(micro_batches_in_chunk(shape, 4, 100, 1, {flops * 16, 1}), 32);  // forward alone
  EXPECT_EQ(micro_batches_in_chunk(shape, 4, 100, 3, {flops / 2, 8}), 8);
  EXPECT_EQ(micro_batches_in_chunk(shape, 4, 5, 3, {flops / 2, 8}), 5);
  EXPECT_EQ(micro_batches_in_chunk(shape, 4, 5, 3, {flops * 1000, 8}), 5);
  EXPECT_EQ(usual_pace(Backend::cpu).micro_batches_min, 8);
}

TEST(TrainingMemory, CountsParametersAndActivations) {
  TrainingSpec spec;  // 124M, eight micro-batches of one sequence
  const nn::ModelShape shape = model_shape(spec, 50257);
  const std::int64_t model = 4 * nn::ParameterTable(shape).size();
  const std::int64_t activations =
      nn::Transformer::activation_bytes(shape, transformer_setting(spec));
  const std::int64_t one = training_memory_bytes(shape, spec, 1);
  EXPECT_GT(one, 5 * model + activations);  // the model, its gradient, m, v, partial sums
  EXPECT_LT(one, 14 * model + activations);
  EXPECT_LT(training_memory_bytes(shape, spec, 8), one);
  spec.recompute = TrainingSpec::Recompute::block;
  EXPECT_LT(training_memory_bytes(shape, spec, 1), one);
}

}  // namespace
}  // namespace sovren::jobs
