// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/text/digest.h"
#include "jobs/kind/job_kind.h"

namespace sovren::workers {

/// The least that a job kind can be: `rows` counters, shared out over the ranks, go up by the
/// step's number in each step. The hook runs within each step.
class CountingKind final : public jobs::JobKind {
 public:
  struct Plan {
    std::int64_t steps = 10;
    std::int64_t rows = 100;
    std::function<Result<void>(std::int64_t step)> hook;
    /// What making a preview takes, which only a clock of the test sees; empty: there are none.
    std::function<void()> preview_hook;
    /// At the end of a restore of this step.
    std::function<Result<void>(std::int64_t step)> restored;
    /// The metric "counting_loss" after so many steps; empty: there is none.
    std::function<double(std::int64_t step)> loss;
  };

  CountingKind(Communicator& comm, Plan plan)
      : comm_(comm),
        plan_(std::move(plan)),
        first_(plan_.rows * comm.rank() / comm.size()),
        mine_(static_cast<std::size_t>(plan_.rows * (comm.rank() + 1) / comm.size() - first_)) {}

  Result<void> load() override { return {}; }
  SpecFacts facts() const override {
    return {{"kind", "counting"}, {"rows", std::to_string(plan_.rows)}};
  }
  std::vector<std::string> warnings() const override { return {}; }
  Result<void> init() override { return {}; }

  Result<void> restore(StateReader& reader) override {
    SOVREN_TRY(steps, reader.get_all<std::int64_t>("steps"));
    steps_ = steps.at(0);
    SOVREN_TRY(rows, reader.get_rows<std::int64_t>("rows", rows_here()));
    mine_ = std::move(rows);
    return plan_.restored ? plan_.restored(steps_) : Result<void>();
  }

  Result<void> step() override {
    if (plan_.hook) SOVREN_DO(plan_.hook(steps_ + 1));
    ++steps_;
    for (std::size_t i = 0; i < mine_.size(); ++i)
      mine_[i] += steps_ * (first_ + static_cast<std::int64_t>(i));
    return {};
  }

  bool done() const override { return steps_ >= plan_.steps; }
  std::int64_t steps() const override { return steps_; }

  Result<void> checkpoint(StateWriter& writer) const override {
    if (comm_.rank() == 0) SOVREN_DO(writer.put_all<std::int64_t>("steps", {&steps_, 1}));
    return writer.put<std::int64_t>("rows", {plan_.rows}, rows_here(), mine_);
  }

  Progress progress() const override {
    Progress progress{.step = steps_,
                      .fraction = static_cast<double>(steps_) / static_cast<double>(plan_.steps),
                      .phase = "counting"};
    if (plan_.loss) progress.metrics["counting_loss"] = plan_.loss(steps_);
    return progress;
  }

  Result<std::vector<jobs::ResultFile>> preview() override {
    if (!plan_.preview_hook) return std::vector<jobs::ResultFile>();
    plan_.preview_hook();
    std::int64_t sum = 0;
    for (const std::int64_t one : mine_) sum += one;
    SOVREN_DO(comm_.all_reduce(std::span(&sum, 1), Reduce::sum));
    if (comm_.rank() != 0) return std::vector<jobs::ResultFile>();
    return std::vector<jobs::ResultFile>{{"sum.txt", std::to_string(sum)}};
  }

  Result<jobs::Outcome> finish() override {
    SOVREN_TRY(all, comm_.gather(std::as_bytes(std::span(mine_)), 0));
    std::string text;
    for (const Communicator::Bytes& part : all)
      text.append(reinterpret_cast<const char*>(part.data()), part.size());
    jobs::Outcome outcome;
    outcome.digest = text::sha256_hex(text);
    if (comm_.rank() == 0) outcome.files = {{"rows.bin", text}, {"digest.txt", outcome.digest}};
    return outcome;
  }

 private:
  Rows rows_here() const { return {first_, static_cast<std::int64_t>(mine_.size())}; }

  Communicator& comm_;
  const Plan plan_;
  const std::int64_t first_;
  std::vector<std::int64_t> mine_;
  std::int64_t steps_ = 0;
};

}  // namespace sovren::workers
