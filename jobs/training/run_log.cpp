// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/run_log.h"

#include <string>
#include <utility>

namespace sovren::jobs {

namespace {

// Columns of "run/history", one row per step of the optimizer.
enum Column {
  tokens,
  train_loss,
  learning_rate,
  grad_norm,
  is_skipped,
  is_evaluated,
  val_loss,
  columns
};

Error corrupt(const std::string& what) {
  return {.code = Code::storage_corrupt, .what = what};
}

/// HDF5 has no arrays of no elements here: what is empty is left out.
template <class Number>
Result<void> put_if_any(StateWriter& writer, const std::string& name,
                        const std::vector<Number>& numbers) {
  if (numbers.empty()) return {};
  return writer.put_all<Number>(name, numbers);
}
template <class Number>
Result<std::vector<Number>> get_counted(StateReader& reader, const std::string& name,
                                        std::int64_t count) {
  if (count == 0) return std::vector<Number>{};
  SOVREN_TRY(numbers, reader.get_all<Number>(name));
  if (static_cast<std::int64_t>(numbers.size()) != count)
    return fail(corrupt(name + " has not the length that run/position says"));
  return numbers;
}

}  // namespace

Result<void> put_run_log(StateWriter& writer, const RunLog& log) {
  std::vector<double> history, rates;
  for (const StepRecord& step : log.steps) {
    const double row[columns] = {static_cast<double>(step.tokens),
                                 step.train_loss,
                                 step.learning_rate,
                                 step.grad_norm,
                                 step.is_skipped ? 1.0 : 0.0,
                                 step.val_loss ? 1.0 : 0.0,
                                 step.val_loss.value_or(0)};
    history.insert(history.end(), row, row + columns);
    rates.push_back(step.tokens_per_s);
  }
  std::vector<std::int64_t> sample_steps;
  std::vector<std::uint8_t> texts;
  for (const Sample& sample : log.samples) {
    sample_steps.push_back(sample.step);
    sample_steps.push_back(static_cast<std::int64_t>(sample.text.size()));
    texts.insert(texts.end(), sample.text.begin(), sample.text.end());
  }
  const std::vector<std::int64_t> position{log.job_steps,
                                           log.updates,
                                           static_cast<std::int64_t>(log.steps.size()),
                                           static_cast<std::int64_t>(log.samples.size()),
                                           static_cast<std::int64_t>(texts.size()),
                                           static_cast<std::int64_t>(log.losses.size()),
                                           log.is_evaluating ? 1 : 0,
                                           static_cast<std::int64_t>(log.evaluated.size())};
  SOVREN_DO(writer.put_all<std::int64_t>("run/position", position));
  if (!log.steps.empty()) {
    const auto rows = static_cast<std::int64_t>(log.steps.size());
    SOVREN_DO(writer.put<double>("run/history", {rows, columns}, Rows{0, rows}, history));
    SOVREN_DO(writer.put_all<double>("measured/tokens_per_s", rates));
  }
  SOVREN_DO(put_if_any(writer, "run/samples", sample_steps));
  SOVREN_DO(put_if_any(writer, "run/sample_texts", texts));
  SOVREN_DO(put_if_any(writer, "run/losses", log.losses));
  return put_if_any(writer, "run/evaluated", log.evaluated);
}

Result<RunLog> get_run_log(StateReader& reader) {
  SOVREN_TRY(position, reader.get_all<std::int64_t>("run/position"));
  if (position.size() != 8) return fail(corrupt("run/position has not eight numbers"));
  for (const std::int64_t number : position)
    if (number < 0) return fail(corrupt("run/position has a number below 0"));
  RunLog log;
  log.job_steps = position[0];
  log.updates = position[1];
  const std::int64_t steps = position[2];
  SOVREN_TRY(history, get_counted<double>(reader, "run/history", steps * columns));
  SOVREN_TRY(rates, get_counted<double>(reader, "measured/tokens_per_s", steps));
  for (std::int64_t step = 0; step < steps; ++step) {
    const double* row = history.data() + step * columns;
    StepRecord record{.step = step,
                      .tokens = static_cast<std::int64_t>(row[tokens]),
                      .train_loss = row[train_loss],
                      .val_loss = {},
                      .learning_rate = row[learning_rate],
                      .grad_norm = row[grad_norm],
                      .tokens_per_s = rates[static_cast<std::size_t>(step)],
                      .is_skipped = row[is_skipped] != 0};
    if (row[is_evaluated] != 0) record.val_loss = row[val_loss];
    log.steps.push_back(record);
  }
  SOVREN_TRY(samples, get_counted<std::int64_t>(reader, "run/samples", 2 * position[3]));
  SOVREN_TRY(texts, get_counted<std::uint8_t>(reader, "run/sample_texts", position[4]));
  auto at = texts.begin();
  for (std::size_t i = 0; i + 1 < samples.size(); i += 2) {
    if (samples[i + 1] < 0 || samples[i + 1] > texts.end() - at)
      return fail(corrupt("run/samples tells of more text than there is"));
    log.samples.push_back({samples[i], std::string(at, at + samples[i + 1])});
    at += samples[i + 1];
  }
  SOVREN_TRY(losses, get_counted<double>(reader, "run/losses", position[5]));
  log.losses = std::move(losses);
  log.is_evaluating = position[6] != 0;
  SOVREN_TRY(evaluated, get_counted<double>(reader, "run/evaluated", position[7]));
  log.evaluated = std::move(evaluated);
  return log;
}

}  // namespace sovren::jobs
