// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/training_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace sovren::jobs {

namespace {

using Model = TrainingSpec::Model;
using Norm = TrainingSpec::Norm;
using Positions = TrainingSpec::Positions;
using Activation = TrainingSpec::Activation;

constexpr double cpu_flops_in_step = 4e11;  // 2 to 4 s of one core
constexpr double device_flops_in_step = 4e14;
constexpr int ranks_with_work = 8;
constexpr int swiglu_granule = 64;  // of the hidden width, as Llama rounds it

int default_hidden(const TrainingSpec& spec, bool is_swiglu) {
  if (!is_swiglu) return 4 * spec.width;
  const int wanted = (8 * spec.width + 2) / 3;
  return (wanted + swiglu_granule - 1) / swiglu_granule * swiglu_granule;
}

}  // namespace

nn::ModelShape model_shape(const TrainingSpec& spec, int vocab) {
  const bool is_llama = spec.model == Model::llama;
  const Norm norm = spec.norm.value_or(is_llama ? Norm::rms : Norm::layer);
  const Positions positions =
      spec.positions.value_or(is_llama ? Positions::rotary : Positions::learned);
  const Activation activation =
      spec.activation.value_or(is_llama ? Activation::swiglu : Activation::gelu);
  const bool is_swiglu = activation == Activation::swiglu;
  nn::ModelShape shape;
  shape.layers = spec.layers;
  shape.heads = spec.heads;
  shape.kv_heads = spec.kv_heads.value_or(spec.heads);
  shape.width = spec.width;
  shape.hidden = spec.hidden_width.value_or(default_hidden(spec, is_swiglu));
  shape.context = spec.context;
  shape.vocab = vocab;
  shape.norm = norm == Norm::rms ? nn::NormKind::rms : nn::NormKind::layer;
  shape.positions = positions == Positions::rotary ? nn::ModelShape::Positions::rotary
                                                   : nn::ModelShape::Positions::learned;
  shape.activation =
      is_swiglu ? nn::ModelShape::Activation::swiglu : nn::ModelShape::Activation::gelu;
  shape.has_biases = spec.biases.value_or(!is_llama);
  shape.is_tied = spec.tied.value_or(!is_llama);
  shape.rope_theta = spec.rope_theta;
  shape.norm_epsilon = spec.norm_epsilon;
  return shape;
}

int micro_batch_size(const TrainingSpec& spec) {
  return spec.batch / micro_batches(spec);
}

nn::Transformer::Setting transformer_setting(const TrainingSpec& spec) {
  using Setting = nn::Transformer::Setting;
  return {.batch = micro_batch_size(spec),
          .tokens = spec.context,
          .precision = spec.precision == TrainingSpec::Precision::bf16 ? nn::Precision::bf16
                                                                       : nn::Precision::fp32,
          .dropout = static_cast<float>(spec.dropout),
          .seed = spec.seed,
          .recompute = spec.recompute == TrainingSpec::Recompute::block ? Setting::Recompute::block
                                                                        : Setting::Recompute::none};
}

double learning_rate(const TrainingSpec& spec, std::int64_t step) {
  const double highest = spec.learning_rate;
  const double lowest = spec.min_learning_rate.value_or(highest / 10);
  if (step < spec.warmup_steps)
    return highest * static_cast<double>(step + 1) / static_cast<double>(spec.warmup_steps);
  const auto share = [&](std::int64_t first) {  // of the way from `first` to the end
    const std::int64_t length = std::max<std::int64_t>(spec.steps - first, 1);
    return std::clamp(static_cast<double>(step - first) / static_cast<double>(length), 0.0, 1.0);
  };
  switch (spec.schedule) {
    case TrainingSpec::Schedule::constant:
      return highest;
    case TrainingSpec::Schedule::cosine:
      return lowest +
             (highest - lowest) * (1 + std::cos(std::numbers::pi * share(spec.warmup_steps))) / 2;
    case TrainingSpec::Schedule::wsd:
      break;
  }
  const std::int64_t decay = spec.decay_steps.value_or(spec.steps / 5);
  const std::int64_t first = std::max(spec.steps - decay, spec.warmup_steps);
  return step < first ? highest : highest + (lowest - highest) * share(first);
}

Pace usual_pace(Backend backend) {
  return {.flops = backend == Backend::cuda ? device_flops_in_step : cpu_flops_in_step,
          .micro_batches_min = ranks_with_work};
}

int micro_batches_in_chunk(const nn::ModelShape& shape, int micro_batch, int count, int passes,
                           const Pace& pace) {
  const double flops =
      nn::training_flops_per_token(shape, shape.context) * shape.context * micro_batch * passes / 3;
  const double affordable = std::clamp(pace.flops / flops, 1.0, 1e9);
  const int power = static_cast<int>(std::bit_floor(static_cast<unsigned>(affordable)));
  return std::min(count, std::max(power, pace.micro_batches_min));
}

std::int64_t training_memory_bytes(const nn::ModelShape& shape, const TrainingSpec& spec,
                                   int ranks) {
  const std::int64_t size = nn::ParameterTable(shape).size();
  const int parts = micro_batches(spec);
  const int mine = std::max(1, parts / ranks);
  const std::int64_t sums = std::bit_width(static_cast<unsigned>(mine)) + 1;  // and one to fill
  const std::int64_t slices = 2 + std::bit_width(static_cast<unsigned>(parts)) + ranks;
  const std::int64_t numbers = size * (1 + sums) + size * slices / ranks;
  return 4 * numbers + nn::Transformer::activation_bytes(shape, transformer_setting(spec));
}

}  // namespace sovren::jobs
