// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/model/job_spec.h"
#include "kernels/nn/model.h"
#include "kernels/nn/transformer.h"

namespace sovren::jobs {

// What follows from a job's spec alone, as pure functions.

/// The model that the spec asks for, with so many tokens.
nn::ModelShape model_shape(const TrainingSpec& spec, int vocab);

nn::Transformer::Setting transformer_setting(const TrainingSpec& spec);
/// Sequences of a micro-batch.
int micro_batch_size(const TrainingSpec& spec);

/// Of the step, counted from 0: warm-up in a line, then as the schedule has it.
double learning_rate(const TrainingSpec& spec, std::int64_t step);

/// How much is done in one job step, whatever the number of ranks.
struct Pace {
  double flops = 0;           ///< about so many floating-point operations
  int micro_batches_min = 0;  ///< but at least so many, so that as many ranks have work
};
/// A second or two of one core, or tens of microseconds of a device; eight ranks have work.
Pace usual_pace(Backend backend);

/// How many of `count` micro-batches are one job step: all, or a power of two.
/// passes: 3 forward and backward, 1 forward alone.
int micro_batches_in_chunk(const nn::ModelShape& shape, int micro_batch, int count, int passes,
                           const Pace& pace);

/// Bytes that a rank of so many needs: parameters, its slice of the optimizer, sums of gradients,
/// activations.
std::int64_t training_memory_bytes(const nn::ModelShape& shape, const TrainingSpec& spec,
                                   int ranks);

}  // namespace sovren::jobs
