// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/classifier.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/nn/level.h"
#include "kernels/nn/pointwise.h"

namespace sovren::nn {
namespace {

// body(row, target, its logits): rows by blocks of about 16384 logits.
template <class Logits, class Body>
void by_rows(Team& team, std::int64_t vocab, std::int64_t stride,
             std::span<const std::int32_t> targets, std::span<const float> losses, Logits* logits,
             const Body& body) {
  SOVREN_CHECK(losses.size() == targets.size(), "a loss for each target");
  const auto rows = static_cast<std::int64_t>(targets.size());
  const std::int64_t block = std::max(std::int64_t{1}, 16384 / vocab);
  team.run_blocks(rows, block, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t row = first; row < end; ++row) {
      const std::int64_t target = targets[static_cast<std::size_t>(row)];
      SOVREN_CHECK(target >= 0 && target < vocab, "targets are of the vocabulary");
      body(static_cast<std::size_t>(row), target, logits + row * stride);
    }
  });
}

float loss_of(const SoftmaxParts& parts, float target_logit) {
  return static_cast<float>(static_cast<double>(parts.largest) - static_cast<double>(target_logit) +
                            std::log(parts.total));
}

}  // namespace

void classify(Team& team, std::int64_t vocab, std::int64_t stride,
              std::span<const std::int32_t> targets, float gradient_scale, float* logits,
              std::span<float> losses) {
  const ClassifierKernels& kernels = kernels_here<ClassifierKernels>();
  by_rows(team, vocab, stride, targets, losses, logits,
          [&](std::size_t row, std::int64_t target, float* row_logits) {
            const SoftmaxParts parts = kernels.softmax(vocab, row_logits);
            losses[row] = loss_of(parts, row_logits[target]);
            kernels.gradient(parts, vocab, target, gradient_scale, row_logits);
            std::fill(row_logits + vocab, row_logits + stride, 0.0F);
          });
}

void cross_entropy(Team& team, std::int64_t vocab, std::int64_t stride,
                   std::span<const std::int32_t> targets, const float* logits,
                   std::span<float> losses) {
  const ClassifierKernels& kernels = kernels_here<ClassifierKernels>();
  by_rows(team, vocab, stride, targets, losses, logits,
          [&](std::size_t row, std::int64_t target, const float* row_logits) {
            losses[row] = loss_of(kernels.softmax(vocab, row_logits), row_logits[target]);
          });
}

}  // namespace sovren::nn
