// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/training_result.h"

#include <filesystem>
#include <utility>

#include "core/text/digest.h"
#include "jobs/training/weights.h"

namespace sovren::jobs {

namespace {

std::string digest_of(std::span<const float> parameters, const RunLog& log) {
  text::Sha256 hash;
  hash.update(std::as_bytes(parameters));
  for (const StepRecord& step : log.steps) {
    const double numbers[] = {static_cast<double>(step.step), step.train_loss,
                              step.val_loss.value_or(-1), step.learning_rate, step.grad_norm};
    hash.update(std::as_bytes(std::span(numbers)));
  }
  for (const Sample& sample : log.samples)
    hash.update(std::to_string(sample.step) + ":" + std::to_string(sample.text.size()) + ":" +
                sample.text);
  return hash.hex();
}

/// "GPT-2, 4 layers x 128, 834,304 parameters" for the drawing.
std::string describe(const TrainingSpec& spec, const nn::ParameterTable& table) {
  const nn::ModelShape& shape = table.shape();
  return std::string(spec.model == TrainingSpec::Model::gpt2 ? "gpt2" : "llama") + ", " +
         std::to_string(shape.layers) + " layers x " + std::to_string(shape.width) + ", " +
         std::to_string(table.count()) + " parameters";
}

std::map<std::string, double> metrics_of(const RunLog& log, const nn::ParameterTable& table) {
  std::map<std::string, double> metrics;
  metrics["training_parameters"] = static_cast<double>(table.count());
  metrics["training_steps"] = static_cast<double>(log.steps.size());
  metrics["training_skipped_steps"] =
      static_cast<double>(log.steps.size()) - static_cast<double>(log.updates);
  metrics["training_loss"] = log.steps.back().train_loss;
  double seconds = 0;
  std::int64_t before = 0;
  for (const StepRecord& step : log.steps) {
    seconds += static_cast<double>(step.tokens - before) / step.tokens_per_s;
    before = step.tokens;
    if (step.val_loss) metrics["training_validation_loss"] = *step.val_loss;
  }
  metrics["training_tokens"] = static_cast<double>(before);
  metrics["training_tokens_per_second"] = static_cast<double>(before) / seconds;
  return metrics;
}

}  // namespace

Result<Outcome> training_outcome(const std::string& job, const TrainingSpec& spec,
                                 const nn::ParameterTable& table, std::span<const float> parameters,
                                 const RunLog& log) {
  Outcome outcome;
  switch (spec.exported) {
    case TrainingSpec::Export::safetensors:
      outcome.files.push_back(
          {"model.safetensors", to_safetensors(table, parameters, spec.tokenizer)});
      break;
    case TrainingSpec::Export::llmc: {
      SOVREN_TRY(bytes, to_llmc(table, parameters));
      outcome.files.push_back({"model.bin", std::move(bytes)});
      break;
    }
    case TrainingSpec::Export::none:
      break;
  }
  outcome.files.push_back({"loss.csv", loss_csv(log.steps), ResultFile::Content::measured});
  outcome.files.push_back({"loss.svg", loss_svg(job, describe(spec, table), log.steps)});
  if (!log.samples.empty()) outcome.files.push_back({"samples.txt", samples_text(log.samples)});
  outcome.digest = digest_of(parameters, log);
  outcome.metrics = metrics_of(log, table);
  return outcome;
}

}  // namespace sovren::jobs
