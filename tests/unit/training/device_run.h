// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/rng.h"
#include "jobs/training/trainer.h"
#include "workers/comm/comm.h"

namespace sovren::jobs {

inline constexpr int micro_batches =
    5;  // of a step: odd, so that ranks have runs of several lengths

inline nn::ModelShape small() {
  return {.layers = 3,
          .heads = 2,
          .kv_heads = 2,
          .width = 32,
          .hidden = 64,
          .context = 16,
          .vocab = 257};
}

inline nn::Transformer::Setting setting() {
  return {.batch = 2, .tokens = 9, .dropout = 0.1F, .seed = 4};
}

inline std::vector<float> first_parameters() {
  const nn::ParameterTable table(small());
  std::vector<float> all(static_cast<std::size_t>(table.size()));
  const Philox random(9, 0);
  for (const nn::Tensor& tensor : table.tensors())
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      const auto at = static_cast<std::uint64_t>(tensor.offset + i);
      const double x = (static_cast<double>(random.block(at)[0]) * 0x1p-32 - 0.5) * 0.3;
      const bool is_scale = tensor.role == nn::Role::norm_1_weight ||
                            tensor.role == nn::Role::norm_2_weight ||
                            tensor.role == nn::Role::final_norm_weight;
      const bool is_padding =
          tensor.role == nn::Role::token_table && i >= std::int64_t{small().vocab} * tensor.columns;
      all[at] = is_padding ? 0 : static_cast<float>(is_scale ? 1 + x : x);
    }
  return all;
}

inline void read_tokens(std::int64_t sequence, std::span<std::int32_t> inputs,
                        std::span<std::int32_t> targets) {
  const Philox random(21, static_cast<std::uint64_t>(sequence));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto words = random.block(i);
    inputs[i] = static_cast<std::int32_t>(words[0] % 23);
    targets[i] = static_cast<std::int32_t>((words[0] % 23 + words[1] % 3) % 257);
  }
}

inline Chunk chunk_of(std::int64_t step, int first, int count) {
  return {.step = step,
          .first = first,
          .count = count,
          .step_count = micro_batches,
          .sequence = (step * micro_batches + first) * setting().batch,
          .read = read_tokens};
}

inline nn::AdamW adamw_of(std::int64_t step) {
  return {.learning_rate = 1e-2, .beta2 = 0.95, .weight_decay = 0.1, .step = step + 1};
}

struct Learned {
  std::vector<double> losses;
  std::vector<double> norms;
  std::vector<float> parameters;
};

/// One step, by chunks of `chunk` micro-batches.
inline void take_step(Trainer& trainer, std::int64_t step, int chunk, Learned& learned) {
  for (int first = 0; first < micro_batches; first += chunk) {
    const auto losses =
        trainer.accumulate(chunk_of(step, first, std::min(chunk, micro_batches - first)));
    ASSERT_TRUE(losses) << to_text(losses.error());
    learned.losses.insert(learned.losses.end(), losses->begin(), losses->end());
  }
  const auto norm = trainer.gradient_norm();
  ASSERT_TRUE(norm);
  learned.norms.push_back(*norm);
  ASSERT_TRUE(trainer.update(adamw_of(step), std::min(1.0, 1 / *norm)));
}

inline void take_steps(Trainer& trainer, std::int64_t first, std::int64_t end, int chunk,
                       Learned& learned) {
  for (std::int64_t step = first; step < end; ++step) take_step(trainer, step, chunk, learned);
  const auto parameters = trainer.parameters();
  ASSERT_TRUE(parameters);
  learned.parameters.assign(parameters->begin(), parameters->end());
}

inline Learned learn_on_cpu(std::int64_t steps) {
  const auto comm = workers::make_self_communicator();
  const auto trainer = make_cpu_trainer(small(), setting(), 2, *comm);
  Learned learned;
  EXPECT_TRUE(trainer->start(first_parameters()));
  take_steps(*trainer, 0, steps, micro_batches, learned);
  return learned;
}

/// How far two runs have moved apart, as a share of the way: the largest of all tensors. Not of the
/// biases of keys, whose gradient is 0 but for rounding.
inline double largest_distance(const std::vector<float>& a, const std::vector<float>& b) {
  const nn::ParameterTable table(small());
  const auto start = first_parameters();
  double largest = 0;
  for (const nn::Tensor& tensor : table.tensors()) {
    if (tensor.role == nn::Role::qkv_bias) continue;
    double apart = 0, way = 0;
    for (std::int64_t i = tensor.offset; i < tensor.offset + tensor.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      apart += std::pow(static_cast<double>(a[at]) - b[at], 2);
      way += std::pow(static_cast<double>(b[at]) - start[at], 2);
    }
    largest = std::max(largest, std::sqrt(apart / way));
  }
  return largest;
}

/// A device's run is that of the CPU but for the rounding of bf16.
inline void expect_as_on_cpu(const Learned& device, std::int64_t steps) {
  const Learned cpu = learn_on_cpu(steps);
  ASSERT_EQ(device.losses.size(), cpu.losses.size());
  for (std::size_t i = 0; i < cpu.losses.size(); ++i)
    EXPECT_NEAR(device.losses[i], cpu.losses[i], 0.03) << i;
  for (std::size_t i = 0; i < cpu.norms.size(); ++i)
    EXPECT_NEAR(device.norms[i], cpu.norms[i], 0.03 * cpu.norms[i]) << i;
  EXPECT_LT(largest_distance(device.parameters, cpu.parameters), 0.2);
}

}  // namespace sovren::jobs
