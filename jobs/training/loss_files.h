// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace sovren::jobs {

/// One step of the optimizer, as the result files tell of it. Losses in nats per token.
struct StepRecord {
  std::int64_t step = 0;           ///< from 0
  std::int64_t tokens = 0;         ///< seen up to and including this step
  double train_loss = 0;           ///< mean over the step's tokens; may be NaN or infinite
  std::optional<double> val_loss;  ///< after the step, where it was evaluated
  double learning_rate = 0;
  double grad_norm = 0;  ///< before clipping
  double tokens_per_s = 0;
  bool is_skipped = false;  ///< not finite, so the parameters were left as they were
};

/// loss.csv: step,tokens,train_loss,val_loss,learning_rate,grad_norm,tokens_per_s, a row per step;
/// val_loss is empty where nothing was evaluated. Numbers read back as the same double.
std::string loss_csv(std::span<const StepRecord> steps);

/// loss.svg: the losses over steps and tokens, light or dark as the reader's system is. Any number
/// of steps: at most the least and the greatest loss of each pixel's column are drawn.
/// model: a line on what was trained; may be empty.
std::string loss_svg(const std::string& job, const std::string& model,
                     std::span<const StepRecord> steps);

/// What the model wrote, the prompt before it.
struct Sample {
  std::int64_t step = 0;  ///< completed steps
  std::string text;       ///< any bytes
};

/// samples.txt: per sample a line "=== after N steps ===", the text and an empty line. What is no
/// UTF-8 or would steer a terminal stands as U+FFFD.
std::string samples_text(std::span<const Sample> samples);

}  // namespace sovren::jobs
