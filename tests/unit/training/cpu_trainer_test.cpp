// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "core/base/rng.h"
#include "jobs/training/trainer.h"
#include "jobs/training/trainer_state.h"
#include "jobs/training/weights.h"
#include "workers/comm/comm.h"

namespace sovren::jobs {
namespace {

constexpr int tokens = 12, batch = 2;

nn::ModelShape shape() {
  nn::ModelShape shape;
  shape.layers = 2;
  shape.heads = shape.kv_heads = 2;
  shape.width = 32;
  shape.hidden = 128;
  shape.context = tokens;
  shape.vocab = 300;
  return shape;
}

/// Token t of sequence s, the same for everybody.
std::int32_t token(std::int64_t sequence, std::size_t t) {
  return static_cast<std::int32_t>(
      Philox(5).below(static_cast<std::uint64_t>(sequence) * 100 + t, 300));
}

Chunk chunk(int first, int count, int step_count) {
  return {.step = 0,
          .first = first,
          .count = count,
          .step_count = step_count,
          .sequence = std::int64_t{first} * batch,
          .read = [](std::int64_t sequence, std::span<std::int32_t> inputs,
                     std::span<std::int32_t> targets) {
            for (std::size_t i = 0; i < inputs.size(); ++i) {
              const auto row = static_cast<std::int64_t>(i / tokens);
              inputs[i] = token(sequence + row, i % tokens);
              targets[i] = token(sequence + row, i % tokens + 1);
            }
          }};
}

/// The gradient of the mean loss of `count` micro-batches, summed in double.
std::vector<double> plain_gradient(std::span<const float> parameters, int count) {
  nn::Team team(1);
  nn::Transformer transformer(shape(), {.batch = batch, .tokens = tokens}, team);
  std::vector<double> sum(parameters.size());
  const Chunk all = chunk(0, count, count);
  std::vector<std::int32_t> inputs(batch * tokens), targets(batch * tokens);
  for (int m = 0; m < count; ++m) {
    std::vector<float> gradient(parameters.size());
    all.read(std::int64_t{m} * batch, inputs, targets);
    transformer.backward(parameters, {inputs, targets, 0}, 1, gradient);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += gradient[i] / count;
  }
  return sum;
}

/// Runs two chunks and an update on so many ranks; the parameters then, and the norm.
struct Stepped {
  std::vector<float> parameters;
  double norm = 0;
};
Stepped step_on(int ranks, int micro_batches, double decay) {
  Stepped stepped;
  workers::run_on_threads(ranks, 60, [&](Communicator& comm) {
    const auto trainer = make_cpu_trainer(shape(), {.batch = batch, .tokens = tokens}, 1, comm);
    const std::vector<float> start = initial_parameters(trainer->table(), 3);
    ASSERT_TRUE(trainer->start(start));
    const int half = micro_batches > 4 ? 4 : micro_batches;
    auto losses = trainer->accumulate(chunk(0, half, micro_batches));
    ASSERT_TRUE(losses);
    EXPECT_EQ(static_cast<int>(losses->size()), half);
    if (micro_batches > half) {
      ASSERT_TRUE(trainer->accumulate(chunk(half, micro_batches - half, micro_batches)));
    }
    const auto norm = trainer->gradient_norm();
    ASSERT_TRUE(norm);
    ASSERT_TRUE(trainer->update({.learning_rate = 0.01,
                                 .beta1 = 0.9,
                                 .beta2 = 0.95,
                                 .epsilon = 1e-8,
                                 .weight_decay = decay,
                                 .step = 1},
                                0.5));
    const auto parameters = trainer->parameters();
    ASSERT_TRUE(parameters);
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    const std::vector<float> mine(parameters->begin(), parameters->end());
    if (!stepped.parameters.empty()) {
      EXPECT_EQ(mine, stepped.parameters);  // on every rank
    }
    stepped = {mine, *norm};
  });
  return stepped;
}

TEST(CpuTrainer, StepsAgainstTheMeanGradientAndDecaysMatricesOnly) {
  constexpr int micro_batches = 7;
  const nn::ParameterTable table(shape());
  const std::vector<float> start = initial_parameters(table, 3);
  const std::vector<double> gradient = plain_gradient(start, micro_batches);
  double squares = 0;
  for (const double g : gradient) squares += g * g;
  const Stepped stepped = step_on(1, micro_batches, 0.1);
  EXPECT_NEAR(stepped.norm, std::sqrt(squares), 1e-5 * std::sqrt(squares));
  // A first step of AdamW is the gradient's sign, where it is not next to nothing.
  int told = 0;
  for (const nn::Tensor& tensor : table.tensors())
    for (std::int64_t i = tensor.offset; i < tensor.offset + tensor.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (std::abs(gradient[at]) < 1e-6) continue;
      const double kept = tensor.is_matrix ? 1 - 0.01 * 0.1 : 1;
      const double expected = start[at] * kept - 0.01 * (gradient[at] > 0 ? 1 : -1);
      ASSERT_NEAR(stepped.parameters[at], expected, 5e-4) << tensor.name;
      ++told;
    }
  EXPECT_GT(told, 20'000);
}

TEST(CpuTrainer, EveryNumberOfRanksGivesTheSameBits) {
  for (const int micro_batches : {3, 4, 7}) {
    const Stepped one = step_on(1, micro_batches, 0.1);
    for (const int ranks : {2, 3, 4, 6}) {
      const Stepped many = step_on(ranks, micro_batches, 0.1);
      EXPECT_EQ(many.parameters, one.parameters) << ranks << " ranks, " << micro_batches;
      EXPECT_EQ(many.norm, one.norm);
    }
  }
}

TEST(CpuTrainer, NamesTheFirstTensorWithABadGradient) {
  workers::run_on_threads(2, 60, [](Communicator& comm) {
    const auto trainer = make_cpu_trainer(shape(), {.batch = batch, .tokens = tokens}, 1, comm);
    std::vector<float> start = initial_parameters(trainer->table(), 3);
    ASSERT_TRUE(trainer->start(start));
    ASSERT_TRUE(trainer->accumulate(chunk(0, 2, 2)));
    ASSERT_TRUE(trainer->gradient_norm());
    EXPECT_EQ(trainer->bad_tensor().value(), "");
    trainer->drop_gradient();
    start[static_cast<std::size_t>(trainer->table().find("h.1.ln_1.weight")->offset)] =
        std::nanf("");
    ASSERT_TRUE(trainer->start(start));
    ASSERT_TRUE(trainer->accumulate(chunk(0, 2, 2)));
    EXPECT_TRUE(std::isnan(trainer->gradient_norm().value()));
    EXPECT_EQ(trainer->bad_tensor().value(), "wte.weight");
  });
}

TEST(Slices, CoverAllInWholeBlocks) {
  for (const std::int64_t size : {std::int64_t{1}, nn::norm_block, 5 * nn::norm_block + 7})
    for (const int ranks : {1, 2, 3, 8}) {
      std::int64_t next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const Slice slice = slice_of(size, rank, ranks);
        EXPECT_EQ(slice.first, next);
        EXPECT_TRUE(slice.first % nn::norm_block == 0 || slice.first == size);
        next = slice.first + slice.count;
      }
      EXPECT_EQ(next, size);
    }
  const nn::ParameterTable table(shape());
  const Slice middle{100, 20'000};
  std::int64_t at = middle.first;
  for (const TensorPart& part : parts_of_slice(table, middle)) {
    EXPECT_EQ(part.first, at);
    EXPECT_EQ(part.decays, table.holder(part.first).is_matrix);
    at += part.count;
  }
  EXPECT_EQ(at, middle.first + middle.count);
}

}  // namespace
}  // namespace sovren::jobs
