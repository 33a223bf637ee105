// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/training_kind.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "core/base/check.h"
#include "core/base/units.h"
#include "core/text/job_file.h"
#include "jobs/training/device_trainer.h"
#include "jobs/training/run_log.h"
#include "jobs/training/trainer.h"
#include "jobs/training/training_inputs.h"
#include "jobs/training/training_plan.h"
#include "jobs/training/training_result.h"
#include "jobs/training/weights.h"
#include "kernels/device/device.h"
#include "kernels/device/device_peak.h"
#include "kernels/nn/generator.h"
#include "kernels/nn/peak.h"

namespace sovren::jobs {

namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::int64_t physical_memory_bytes() {
  return std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
}

/// What the datasheet of this rank's device promises; 0: not known.
double device_flops() {
  for (const kernels::Device& device : kernels::list_devices().devices)
    if (device.index == kernels::used_device()) return kernels::datasheet_flops(device.name);
  return 0;
}

class TrainingKind : public JobKind {
 public:
  TrainingKind(const JobSpec& job, TrainingSpec spec, const Setting& setting, const Pace& pace)
      : name_(job.name),
        memory_bytes_max_(job.resources.memory_per_rank_bytes),
        spec_(std::move(spec)),
        setting_(setting),
        pace_(pace) {}

  Result<void> load() override;
  SpecFacts facts() const override { return facts_; }
  std::vector<std::string> warnings() const override;
  Result<void> init() override;
  Result<void> restore(StateReader& reader) override;
  Result<void> step() override;
  bool done() const override { return steps_done() == spec_.steps && !log_.is_evaluating; }
  std::int64_t steps() const override { return log_.job_steps; }
  Result<void> checkpoint(StateWriter& writer) const override;
  Progress progress() const override;
  Result<Outcome> finish() override;

 private:
  std::int64_t steps_done() const { return static_cast<std::int64_t>(log_.steps.size()); }
  bool is_due(std::int64_t every) const {
    return every > 0 && (steps_done() % every == 0 || steps_done() == spec_.steps);
  }
  int chunk_of(int count, int passes) const {
    return micro_batches_in_chunk(inputs_.shape, micro_batch_size(spec_), count, passes, pace_);
  }
  std::int64_t tokens_in_step() const { return std::int64_t{spec_.batch} * spec_.context; }
  Result<void> check_memory() const;
  Result<void> start_trainer();
  Chunk chunk(const SequenceOrder& order, const TokenData& data, int first, int count, int of,
              std::int64_t sequence) const;
  Result<void> train();
  Result<void> finish_step();
  Result<void> evaluate();
  Result<void> refuse_nan(double norm);
  Result<void> sample();

  std::string name_;
  std::int64_t memory_bytes_max_;  ///< 0: no limit
  TrainingSpec spec_;
  Setting setting_;
  Pace pace_;
  TrainingInputs inputs_;
  SpecFacts facts_;
  int eval_count_ = 0;  ///< micro-batches of an evaluation
  std::optional<SequenceOrder> order_, eval_order_;
  std::unique_ptr<Trainer> trainer_;
  RunLog log_;
  SteadyClock::time_point step_started_;
  double flops_per_s_max_ = 0;  ///< of all ranks
};

Result<void> TrainingKind::load() {
  SOVREN_TRY(inputs, read_training_inputs(spec_));
  inputs_ = std::move(inputs);
  const int size = micro_batch_size(spec_);
  const auto kind = spec_.order == TrainingSpec::Order::sequential ? SequenceOrder::Kind::sequential
                                                                   : SequenceOrder::Kind::shuffled;
  order_.emplace(kind, spec_.seed, inputs_.train->size(), spec_.context, size);
  if (inputs_.validation) {
    eval_order_.emplace(SequenceOrder::Kind::sequential, spec_.seed, inputs_.validation->size(),
                        spec_.context, size);
    const std::int64_t there = std::max<std::int64_t>(1, eval_order_->per_epoch() / size);
    eval_count_ = static_cast<int>(std::min(there, spec_.eval_batches));
  }
  SOVREN_DO(check_memory());
  JobSpec job;
  job.kind = spec_;
  facts_ = text::spec_facts(job);
  return add_training_facts(setting_.comm, spec_, inputs_, facts_);
}

Result<void> TrainingKind::check_memory() const {
  if (setting_.backend != Backend::cpu) return {};  // a device's trainer plans its own memory
  const std::int64_t needed = training_memory_bytes(inputs_.shape, spec_, setting_.comm.size());
  const bool is_limited = memory_bytes_max_ > 0;
  const std::int64_t most = is_limited ? memory_bytes_max_ : physical_memory_bytes();
  if (needed <= most) return {};
  const nn::ParameterTable table(inputs_.shape);
  return fail(
      {.code = Code::refused,
       .what = "a model of " + std::to_string(table.count()) +
               " parameters, with micro-batches of " + std::to_string(micro_batch_size(spec_)) +
               " x " + std::to_string(spec_.context) + " tokens, needs about " +
               std::to_string((needed >> 20) + 1) + " MiB per rank, but " +
               (is_limited ? "memory_per_rank is " : "this machine has ") + format_size(most),
       .hint = "use a smaller micro_batch, recompute = \"block\", or more ranks"});
}

std::vector<std::string> TrainingKind::warnings() const {
  if (setting_.backend != Backend::cuda || spec_.precision == TrainingSpec::Precision::bf16)
    return {};
  return {
      "on a device, matrices are multiplied in bf16, with sums, gradients and master parameters "
      "in fp32: precision = \"fp32\" is of the CPU"};
}

Result<void> TrainingKind::start_trainer() {
  const nn::Transformer::Setting pass = transformer_setting(spec_);
  trainer_.reset();
  if (setting_.backend == Backend::cuda) {
    SOVREN_TRY(trainer, make_device_trainer(inputs_.shape, pass, setting_.comm, setting_.devices,
                                            setting_.log));
    trainer_ = std::move(trainer);
    flops_per_s_max_ = device_flops() * setting_.comm.size();
  } else {
    trainer_ = make_cpu_trainer(inputs_.shape, pass, setting_.threads, setting_.comm);
    flops_per_s_max_ = nn::measured_peak_flops() * setting_.threads * setting_.comm.size();
  }
  step_started_ = SteadyClock::now();
  return {};
}

Result<void> TrainingKind::init() {
  SOVREN_DO(start_trainer());
  log_ = {};
  std::vector<float> parameters = std::move(inputs_.initial);
  inputs_.initial.clear();
  if (parameters.empty()) parameters = initial_parameters(trainer_->table(), spec_.seed);
  return trainer_->start(parameters);
}

Result<void> TrainingKind::restore(StateReader& reader) {
  SOVREN_DO(start_trainer());
  SOVREN_TRY(log, get_run_log(reader));
  log_ = std::move(log);
  return trainer_->restore(reader);
}

Result<void> TrainingKind::checkpoint(StateWriter& writer) const {
  SOVREN_DO(trainer_->checkpoint(writer));
  if (setting_.comm.rank() != 0) return {};
  return put_run_log(writer, log_);
}

/// Micro-batches first .. first + count of `of`; `sequence` is the number of the first one's first.
Chunk TrainingKind::chunk(const SequenceOrder& order, const TokenData& data, int first, int count,
                          int of, std::int64_t sequence) const {
  const int context = spec_.context;
  const auto read = [&order, &data, context](std::int64_t from, std::span<std::int32_t> inputs,
                                             std::span<std::int32_t> targets) {
    const auto length = static_cast<std::size_t>(context);
    std::vector<std::int32_t> tokens(length + 1);
    for (std::size_t at = 0; at < inputs.size(); at += length) {
      data.read(order.first_token(from + static_cast<std::int64_t>(at / length)), tokens);
      std::copy_n(tokens.begin(), length, inputs.begin() + static_cast<std::ptrdiff_t>(at));
      std::copy_n(tokens.begin() + 1, length, targets.begin() + static_cast<std::ptrdiff_t>(at));
    }
  };
  return {.step = steps_done(),
          .first = first,
          .count = count,
          .step_count = of,
          .sequence = sequence,
          .read = read};
}

Result<void> TrainingKind::step() {
  SOVREN_CHECK(!done(), "there is a step left");
  if (log_.is_evaluating)
    SOVREN_DO(evaluate());
  else
    SOVREN_DO(train());
  ++log_.job_steps;
  return {};
}

Result<void> TrainingKind::train() {
  const int total = micro_batches(spec_);
  const int first = static_cast<int>(log_.losses.size());
  const int count = std::min(chunk_of(total, 3), total - first);
  const std::int64_t sequence =
      steps_done() * spec_.batch + std::int64_t{first} * micro_batch_size(spec_);
  SOVREN_TRY(losses,
             trainer_->accumulate(chunk(*order_, *inputs_.train, first, count, total, sequence)));
  log_.losses.insert(log_.losses.end(), losses.begin(), losses.end());
  if (first + count < total) return {};
  SOVREN_DO(finish_step());
  const bool is_sampling = is_due(spec_.sample_every);
  if (eval_count_ > 0 && is_due(spec_.eval_every)) {
    log_.is_evaluating = true;
    // A short one is done at once, so that steps are then the optimizer's.
    const bool is_short = chunk_of(eval_count_, 1) == eval_count_ && chunk_of(total, 3) == total;
    if (is_short) return evaluate();
  } else if (is_sampling) {
    return sample();
  }
  return {};
}

/// All micro-batches are in: clips, steps, and records.
Result<void> TrainingKind::finish_step() {
  StepRecord record{.step = steps_done(),
                    .tokens = (steps_done() + 1) * tokens_in_step(),
                    .train_loss = mean(log_.losses),
                    .val_loss = {},
                    .learning_rate = learning_rate(spec_, steps_done())};
  SOVREN_TRY(norm, trainer_->gradient_norm());
  record.grad_norm = norm;
  if (std::isfinite(norm) && std::isfinite(record.train_loss)) {
    const bool is_clipped = spec_.grad_clip > 0 && norm > spec_.grad_clip;
    ++log_.updates;
    SOVREN_DO(trainer_->update({.learning_rate = record.learning_rate,
                                .beta1 = spec_.beta1,
                                .beta2 = spec_.beta2,
                                .epsilon = spec_.epsilon,
                                .weight_decay = spec_.weight_decay,
                                .step = log_.updates},
                               is_clipped ? spec_.grad_clip / norm : 1.0));
  } else {
    if (spec_.on_nan == TrainingSpec::OnNan::stop) return refuse_nan(norm);
    record.is_skipped = true;
    trainer_->drop_gradient();
  }
  record.tokens_per_s = static_cast<double>(tokens_in_step()) / seconds_since(step_started_);
  step_started_ = SteadyClock::now();
  log_.steps.push_back(record);
  log_.losses.clear();
  return {};
}

Result<void> TrainingKind::refuse_nan(double norm) {
  SOVREN_TRY(tensor, trainer_->bad_tensor());
  const auto bad = std::find_if(log_.losses.begin(), log_.losses.end(),
                                [](double loss) { return !std::isfinite(loss); });
  std::string what = "step " + std::to_string(steps_done()) + " of the optimizer is not finite: ";
  if (bad != log_.losses.end())
    what += "the loss of micro-batch " + std::to_string(bad - log_.losses.begin()) + " is " +
            std::to_string(*bad);
  else
    what += "the norm of the gradient is " + std::to_string(norm);
  if (!tensor.empty()) what += "; the first gradient that is not is that of " + tensor;
  return fail({.code = Code::data_invalid,
               .what = what,
               .hint = "lower learning_rate or grad_clip, or set on_nan = \"skip\""});
}

Result<void> TrainingKind::evaluate() {
  const int first = static_cast<int>(log_.evaluated.size());
  const int count = std::min(chunk_of(eval_count_, 1), eval_count_ - first);
  SOVREN_TRY(losses,
             trainer_->evaluate(chunk(*eval_order_, *inputs_.validation, first, count, eval_count_,
                                      std::int64_t{first} * micro_batch_size(spec_))));
  log_.evaluated.insert(log_.evaluated.end(), losses.begin(), losses.end());
  if (first + count < eval_count_) return {};
  log_.steps.back().val_loss = mean(log_.evaluated);
  log_.evaluated.clear();
  log_.is_evaluating = false;
  if (is_due(spec_.sample_every)) SOVREN_DO(sample());
  step_started_ = SteadyClock::now();
  return {};
}

/// Every rank draws the same, so that each has it; the parameters are everywhere.
Result<void> TrainingKind::sample() {
  SOVREN_TRY(parameters, trainer_->parameters());
  nn::Team team(setting_.threads);
  nn::Generator generator(inputs_.shape, parameters, team);
  std::vector<std::int32_t> tokens = inputs_.prompt;
  generator.generate(inputs_.prompt,
                     {.tokens = spec_.sample_tokens,
                      .temperature = spec_.temperature,
                      .seed = spec_.seed + static_cast<std::uint64_t>(steps_done())},
                     [&](std::int32_t token) {
                       tokens.push_back(token);
                       return true;
                     });
  log_.samples.push_back({steps_done(), inputs_.tokenizer->decode(tokens)});
  step_started_ = SteadyClock::now();
  return {};
}

Progress TrainingKind::progress() const {
  Progress progress;
  progress.step = steps_done();
  const auto parts = static_cast<double>(micro_batches(spec_));
  const double begun = static_cast<double>(log_.losses.size()) / parts;
  // While a validation goes on, a little is missing of the step before it.
  const double missing =
      log_.is_evaluating
          ? 0.5 / parts *
                (1 - static_cast<double>(log_.evaluated.size()) / static_cast<double>(eval_count_))
          : 0;
  progress.fraction =
      (static_cast<double>(steps_done()) + begun - missing) / static_cast<double>(spec_.steps);
  progress.phase = done() ? "done" : log_.is_evaluating ? "validation" : "training";
  progress.unit = "steps";
  progress.done = steps_done();
  progress.total = spec_.steps;
  if (log_.steps.empty()) return progress;
  const StepRecord& last = log_.steps.back();
  progress.metrics["training_loss"] = last.train_loss;
  progress.metrics["training_tokens_per_second"] = last.tokens_per_s;
  progress.metrics["training_learning_rate"] = last.learning_rate;
  progress.metrics["training_gradient_norm"] = last.grad_norm;
  if (flops_per_s_max_ > 0)
    progress.metrics["training_flop_utilisation"] =
        last.tokens_per_s * nn::training_flops_per_token(inputs_.shape, spec_.context) /
        flops_per_s_max_;
  for (auto step = log_.steps.rbegin(); step != log_.steps.rend(); ++step)
    if (step->val_loss) {
      progress.metrics["training_validation_loss"] = *step->val_loss;
      break;
    }
  return progress;
}

Result<Outcome> TrainingKind::finish() {
  SOVREN_CHECK(done(), "finish() comes after the last step");
  SOVREN_TRY(parameters, trainer_->parameters());
  if (setting_.comm.rank() != 0) return Outcome{};
  return training_outcome(name_, spec_, trainer_->table(), parameters, log_);
}

}  // namespace

Result<std::unique_ptr<JobKind>> make_training_kind(const JobSpec& job, const TrainingSpec& spec,
                                                    const Setting& setting) {
  return make_training_kind(job, spec, setting, usual_pace(setting.backend));
}

Result<std::unique_ptr<JobKind>> make_training_kind(const JobSpec& job, const TrainingSpec& spec,
                                                    const Setting& setting, const Pace& pace) {
  SOVREN_CHECK(setting.backend != Backend::auto_, "the rank has chosen a backend");
  return std::make_unique<TrainingKind>(job, spec, setting, pace);
}

}  // namespace sovren::jobs
