// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "core/model/spec_facts.h"
#include "core/port/communicator.h"
#include "jobs/training/token_data.h"
#include "jobs/training/tokenizer.h"
#include "kernels/nn/model.h"

namespace sovren::jobs {

/// All that a training reads from disk.
struct TrainingInputs {
  std::unique_ptr<Tokenizer> tokenizer;
  nn::ModelShape shape;
  std::shared_ptr<const TokenData> train;
  std::shared_ptr<const TokenData> validation;  ///< null: nothing is evaluated
  std::vector<std::int32_t> prompt;             ///< of the samples
  std::vector<float> initial;                   ///< parameters of init_from; empty: random ones
};

/// Opens and checks the files on every rank, memory-mapped.
/// Errors   input_missing, data_invalid.
Result<TrainingInputs> read_training_inputs(const TrainingSpec& spec);

/// What decides the result besides the spec: digests of the inputs. Rank 0 computes them, as all
/// of the data are read for it.
Result<void> add_training_facts(Communicator& comm, const TrainingSpec& spec,
                                const TrainingInputs& inputs, SpecFacts& facts);

}  // namespace sovren::jobs
