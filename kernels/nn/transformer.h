// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "kernels/nn/dropout.h"
#include "kernels/nn/gemm.h"
#include "kernels/nn/model.h"
#include "kernels/nn/team.h"

namespace sovren::nn {

/// One micro-batch: `batch` sequences of `tokens` tokens, and for each token the one that follows.
struct MicroBatch {
  std::span<const std::int32_t> inputs;   ///< (batch, tokens)
  std::span<const std::int32_t> targets;  ///< (batch, tokens)
  std::int64_t first_sequence = 0;        ///< number of its first sequence in the run: keys dropout
};

/// A transformer on this rank's cores: forward and backward of one micro-batch of a fixed shape.
///
/// Owner    parameters and gradient are the caller's, laid out by ParameterTable; activations are
///          kept here, allocated once.
/// Laws     the same bits for any number of threads. No logits of all tokens: the head goes by
/// rows.
class Transformer {
 public:
  struct Setting {
    int batch = 1;
    int tokens = 1;
    Precision precision = Precision::fp32;
    float dropout = 0;
    std::uint64_t seed = 0;  ///< of the dropout
    /// block: activations of a block are computed again in the backward pass, not kept.
    enum class Recompute { none, block } recompute = Recompute::none;
  };
  Transformer(const ModelShape& shape, const Setting& setting, Team& team);
  ~Transformer();

  /// Mean loss per token (nats). gradient += its gradient x gradient_scale.
  double backward(std::span<const float> parameters, const MicroBatch& data, float gradient_scale,
                  std::span<float> gradient);
  /// Mean loss per token, without dropout.
  double loss(std::span<const float> parameters, const MicroBatch& data);
  /// (tokens of one sequence, vocab) logits of the first sequence of `inputs`. For tests.
  std::vector<float> logits(std::span<const float> parameters,
                            std::span<const std::int32_t> inputs);

  const ParameterTable& table() const;
  /// What the activations of this setting take.
  static std::int64_t activation_bytes(const ModelShape& shape, const Setting& setting);

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace sovren::nn
