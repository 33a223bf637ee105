// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/port/communicator.h"
#include "core/port/state_io.h"
#include "kernels/nn/model.h"
#include "kernels/nn/optimizer.h"
#include "kernels/nn/transformer.h"

namespace sovren::jobs {

/// Some micro-batches in a row, of an optimizer step or of an evaluation; small enough that all
/// ranks together compute them within a job step.
struct Chunk {
  std::int64_t step = 0;      ///< of the optimizer, from 0: keys the dropout
  int first = 0;              ///< number of its first micro-batch in the step
  int count = 0;              ///< micro-batches
  int step_count = 0;         ///< micro-batches of the whole step, G
  std::int64_t sequence = 0;  ///< number in the run of the first sequence of its first micro-batch
  /// Tokens of sequences `sequence` .. of the run, and those that follow them.
  std::function<void(std::int64_t sequence, std::span<std::int32_t> inputs,
                     std::span<std::int32_t> targets)>
      read;
};

/// One rank's share of training a model, on one backend. All verbs are collective, and give the
/// same answer on every rank.
///
/// Model    start | restore -> (accumulate ... -> gradient_norm -> update | drop)...
///          Micro-batches of a chunk are shared out over the ranks in runs; a rank owns a slice of
///          the gradient, of AdamW's state and of the update (ZeRO stage 1), and has all
///          parameters.
/// Laws     CPU: the gradient of a step is a binary tree of sums over the micro-batches' numbers,
///          so that all results, and the state, are the same bits for any number of ranks and
///          threads. Devices: the same bits for the same number of ranks.
/// Errors   peer_lost, device.
/// Source   Rajbhandari et al. 2020 (ZeRO), section 5.1.
class Trainer {
 public:
  virtual ~Trainer() = default;
  virtual const nn::ParameterTable& table() const = 0;

  /// From these parameters, with fresh optimizer state.
  virtual Result<void> start(std::span<const float> parameters) = 0;
  virtual Result<void> restore(StateReader& reader) = 0;
  /// Parameters ("model/<tensor>"), AdamW's state ("optimizer/m", "optimizer/v") and the sums of an
  /// unfinished step ("gradient/...").
  virtual Result<void> checkpoint(StateWriter& writer) const = 0;

  /// Adds the chunk's part of the gradient of the step's mean loss to the sum. The mean losses of
  /// its micro-batches, in their order.
  virtual Result<std::vector<double>> accumulate(const Chunk& chunk) = 0;
  /// The global norm (L2) of the step's gradient, once all its chunks are in.
  virtual Result<double> gradient_norm() = 0;
  /// Steps against the gradient x gradient_scale, and forgets it.
  virtual Result<void> update(const nn::AdamW& adamw, double gradient_scale) = 0;
  /// The first tensor whose gradient is not finite; empty: none.
  virtual Result<std::string> bad_tensor() = 0;
  /// Forgets the gradient.
  virtual void drop_gradient() = 0;

  /// Mean losses of the chunk's micro-batches, without dropout; gradient and state stay.
  virtual Result<std::vector<double>> evaluate(const Chunk& chunk) = 0;
  /// The parameters on the host, laid out by table(); valid until the next call.
  virtual Result<std::span<const float>> parameters() = 0;
};

/// On this rank's cores.
std::unique_ptr<Trainer> make_cpu_trainer(const nn::ModelShape& shape,
                                          const nn::Transformer::Setting& setting, int threads,
                                          Communicator& comm);

/// Which elements of a flat array of `size` are rank's: whole blocks of nn::norm_block, the last
/// one short.
struct Slice {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
Slice slice_of(std::int64_t size, int rank, int ranks);

/// Which of `count` micro-batches are rank's: a run of neighbours.
Slice run_of(int count, int rank, int ranks);

}  // namespace sovren::jobs
