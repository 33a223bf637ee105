// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/pcmci_kind.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <optional>

#include "core/base/check.h"
#include "core/base/units.h"
#include "core/text/job_file.h"
#include "jobs/causal/correlation_share.h"
#include "jobs/causal/outcome.h"
#include "jobs/causal/parallel.h"
#include "jobs/causal/pcmci_state.h"
#include "jobs/causal/schedule.h"
#include "jobs/causal/series_check.h"
#include "jobs/causal/share.h"
#include "kernels/causal/mci.h"

namespace sovren::jobs {

namespace {

using kernels::Pc1Result;
using kernels::TestCounts;
using SteadyClock = std::chrono::steady_clock;

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

/// The name without its folder, the dataset of an HDF5 file kept: "data.h5#group/x".
std::string input_name(const std::string& path) {
  const auto hash = path.rfind(".h5#") != path.npos ? path.rfind('#') : path.npos;
  if (hash == path.npos) return file_name(path);
  return file_name(path.substr(0, hash)) + path.substr(hash);
}

class PcmciKind : public JobKind {
 public:
  PcmciKind(std::string name, std::int64_t memory_bytes_max, CausalSpec spec,
            const Setting& setting)
      : name_(std::move(name)),
        memory_bytes_max_(memory_bytes_max),
        spec_(std::move(spec)),
        setting_(setting) {}

  Result<void> load() override;
  SpecFacts facts() const override;
  std::vector<std::string> warnings() const override { return warnings_; }
  Result<void> init() override;
  Result<void> restore(StateReader& reader) override;
  Result<void> step() override;
  bool done() const override { return state_.steps == schedule_->steps_total(); }
  std::int64_t steps() const override { return state_.steps; }
  Result<void> checkpoint(StateWriter& writer) const override;
  Progress progress() const override;
  Result<Outcome> finish() override;

 private:
  Result<Inputs> read_inputs() const;
  Result<void> prepare();
  void start_clock();
  bool in_mci() const { return state_.steps >= schedule_->steps_per_pass(); }
  std::vector<int> my_units() const;
  Result<void> select_step();
  void mci_step();
  std::int64_t tests_per_row() const;
  std::int64_t selection_tests() const;
  std::int64_t tests_done() const;
  int conditioning_level() const;
  std::optional<int> parents_depth() const;
  Result<bool> gather_rows(TestedLinks& tested, TestCounts& counts);

  int count() const { return inputs_.table.columns; }

  std::string name_;
  std::int64_t memory_bytes_max_;  ///< 0: no limit
  CausalSpec spec_;
  Setting setting_;
  Inputs inputs_;
  std::vector<std::string> warnings_;
  std::unique_ptr<TestData> data_;
  std::optional<Schedule> schedule_;
  std::optional<kernels::MciTests> mci_;
  PcmciState state_;
  std::int64_t tests_before_ = 0;  ///< done by earlier attempts
  SteadyClock::time_point started_;
  mutable std::int64_t depth_of_ = -1;  ///< steps of selection that depth_ was found after
  mutable std::optional<int> depth_;
};

Result<Inputs> PcmciKind::read_inputs() const {
  Inputs inputs;
  SOVREN_TRY(table, read_table({spec_.data, spec_.variables, spec_.missing}));
  SOVREN_DO(check_length(spec_, table));
  if (!spec_.truth.empty()) {
    SOVREN_TRY(truth, read_truth(spec_.truth, table));
    inputs.truth = std::move(truth);
  }
  inputs.table = std::move(table);
  return inputs;
}

Result<void> PcmciKind::load() {
  SOVREN_TRY(inputs, read_and_share(setting_.comm, [this] { return read_inputs(); }));
  inputs_ = std::move(inputs);
  const std::int64_t needed = memory_needed_bytes(inputs_.table, spec_.max_lag);
  if (memory_bytes_max_ > 0 && needed > memory_bytes_max_)
    return fail({.code = Code::refused,
                 .what = std::to_string(count()) + " variables with max_lag " +
                         std::to_string(spec_.max_lag) + " need about " +
                         std::to_string((needed >> 20) + 1) +
                         " MiB per rank, but memory_per_rank is " + format_size(memory_bytes_max_),
                 .hint = "raise resources.memory_per_rank, or use fewer variables",
                 .where = spec_.data});
  warnings_ = column_warnings(inputs_.table);
  return {};
}

SpecFacts PcmciKind::facts() const {
  JobSpec job;
  job.kind = spec_;
  SpecFacts facts = text::spec_facts(job);
  facts["causal_analysis.data"] = input_name(spec_.data);
  facts["input " + input_name(spec_.data)] = inputs_.table.sha256;
  if (inputs_.truth) facts["truth " + input_name(spec_.truth)] = inputs_.truth->sha256;
  return facts;
}

/// What init and restore share: everything that is computed anew in each attempt.
Result<void> PcmciKind::prepare() {
  SOVREN_TRY(data,
             share_correlations(setting_.comm, inputs_.table, spec_.max_lag, setting_.backend));
  data_ = std::move(data);
  mci_.reset();
  return {};
}

void PcmciKind::start_clock() {
  started_ = SteadyClock::now();
  tests_before_ = tests_done();
}

Result<void> PcmciKind::init() {
  SOVREN_DO(prepare());
  const Rows rows = rows_of_rank(count(), setting_.comm.rank(), setting_.comm.size());
  state_ = empty_state(count(), spec_.max_lag, rows);
  state_.units_per_step = Schedule::units_per_step_of({count(), spec_.max_lag});
  schedule_.emplace(count(), state_.units_per_step);
  start_clock();
  return {};
}

Result<void> PcmciKind::restore(StateReader& reader) {
  SOVREN_DO(prepare());
  const Rows rows = rows_of_rank(count(), setting_.comm.rank(), setting_.comm.size());
  SOVREN_TRY(state, get_state(reader, count(), spec_.max_lag, rows));
  const Schedule schedule(count(), state.units_per_step);
  if (state.steps > schedule.steps_total())
    return fail({.code = Code::storage_corrupt,
                 .what = "the state is after step " + std::to_string(state.steps) + " of " +
                         std::to_string(schedule.steps_total())});
  state_ = std::move(state);
  schedule_ = schedule;
  start_clock();
  return {};
}

std::vector<int> PcmciKind::my_units() const {
  std::vector<int> mine;
  for (const int unit : schedule_->units(state_.steps))
    if (unit >= state_.rows.first && unit < state_.rows.first + state_.rows.count)
      mine.push_back(unit);
  return mine;
}

Result<void> PcmciKind::step() {
  SOVREN_CHECK(!done(), "there is a step left");
  if (in_mci())
    mci_step();
  else
    SOVREN_DO(select_step());
  ++state_.steps;
  return {};
}

void pack(Packer& packer, int target, const Pc1Result& result) {
  packer.number(target);
  packer.numbers(std::span<const kernels::Parent>(result.parents));
  packer.number(result.alpha);
  packer.number(result.counts);
  packer.number(result.level_max);
  packer.number<std::uint8_t>(result.is_capped ? 1 : 0);
}

Pc1Result unpack_selected(Unpacker& unpacker) {
  Pc1Result result;
  result.parents = unpacker.numbers<kernels::Parent>();
  result.alpha = unpacker.number<double>();
  result.counts = unpacker.number<TestCounts>();
  result.level_max = unpacker.number<int>();
  result.is_capped = unpacker.number<std::uint8_t>() != 0;
  return result;
}

Result<void> PcmciKind::select_step() {
  const std::vector<int> mine = my_units();
  kernels::Pc1Options options;
  options.min_lag = std::max(1, spec_.min_lag);
  options.max_lag = spec_.max_lag;
  options.alphas = selection_levels(spec_);
  if (spec_.max_conditions) options.max_conditions = *spec_.max_conditions;
  std::vector<Pc1Result> results(mine.size());
  for_each_index(setting_.threads, mine.size(), [&](std::size_t k) {
    results[k] = kernels::select_conditions(data_->source(), mine[k], options);
  });
  Packer packer;
  for (std::size_t k = 0; k < mine.size(); ++k) pack(packer, mine[k], results[k]);
  SOVREN_TRY(parts, setting_.comm.all_gather(packer.bytes()));
  for (const Communicator::Bytes& part : parts) {
    Unpacker unpacker(part);
    while (!unpacker.is_empty()) {
      const auto target = static_cast<std::size_t>(unpacker.number<int>());
      state_.selected[target] = unpack_selected(unpacker);
    }
  }
  return {};
}

void PcmciKind::mci_step() {
  if (!mci_) {
    kernels::MciOptions options;
    options.min_lag = spec_.min_lag;
    options.max_lag = spec_.max_lag;
    if (spec_.max_parents) options.max_parents = *spec_.max_parents;
    mci_.emplace(data_->source(), parents_of(state_), options);
  }
  const std::vector<int> mine = my_units();
  const auto size =
      static_cast<std::size_t>(count()) * (static_cast<std::size_t>(spec_.max_lag) + 1);
  for_each_index(setting_.threads, mine.size(), [&](std::size_t k) {
    const auto row = static_cast<std::size_t>(mine[k] - state_.rows.first);
    state_.counts[row] = mci_->row(mine[k], std::span(state_.value).subspan(row * size, size),
                                   std::span(state_.p_value).subspan(row * size, size));
  });
}

Result<void> PcmciKind::checkpoint(StateWriter& writer) const {
  return put_state(writer, state_, spec_.max_lag, setting_.comm.rank(),
                   state_.steps > schedule_->steps_per_pass());
}

std::int64_t PcmciKind::tests_per_row() const {
  const std::int64_t lags = spec_.max_lag - spec_.min_lag + 1;
  return lags * count() - (spec_.min_lag == 0 ? 1 : 0);
}

std::int64_t PcmciKind::selection_tests() const {
  std::int64_t tests = 0;
  for (const Pc1Result& selected : state_.selected) tests += selected.counts.tests;
  return tests;
}

std::int64_t PcmciKind::tests_done() const {
  const std::int64_t rows = schedule_->units_done(state_.steps - schedule_->steps_per_pass());
  return selection_tests() + rows * tests_per_row();
}

/// The largest set of conditions in any test so far.
int PcmciKind::conditioning_level() const {
  int level = 0;
  std::size_t most = 0;
  std::size_t second = 0;
  for (const Pc1Result& selected : state_.selected) {
    level = std::max(level, selected.level_max);
    const std::size_t parents = selected.parents.size();
    second = std::max(second, std::min(parents, most));
    most = std::max(most, parents);
  }
  return in_mci() ? std::max(level, static_cast<int>(most + second)) : level;
}

/// Depth of the graph of the parents selected so far: what the chain depth can become. Nothing when
/// only a bound is known.
std::optional<int> PcmciKind::parents_depth() const {
  const std::int64_t selected = std::min(state_.steps, schedule_->steps_per_pass());
  if (depth_of_ == selected) return depth_;
  std::vector<Arrow> arrows;
  for (int target = 0; target < count(); ++target)
    for (const kernels::Parent& parent : state_.selected[static_cast<std::size_t>(target)].parents)
      arrows.push_back({parent.node.variable, target, parent.val_min});
  depth_of_ = selected;
  const Chains chains = find_chains(count(), arrows);
  depth_ = chains.is_exact ? std::optional(chains.depth) : std::nullopt;
  return depth_;
}

Progress PcmciKind::progress() const {
  Progress progress;
  progress.step = state_.steps;
  progress.fraction =
      static_cast<double>(state_.steps) / static_cast<double>(schedule_->steps_total());
  progress.unit = "tests";
  const std::int64_t per_pass = schedule_->steps_per_pass();
  if (in_mci()) {
    progress.phase = done() ? "done" : "MCI";
    progress.done = schedule_->units_done(state_.steps - per_pass) * tests_per_row();
    progress.total = count() * tests_per_row();
  } else {
    progress.phase = "condition selection";
    progress.done = selection_tests();
    const std::int64_t units = schedule_->units_done(state_.steps);
    if (units > 0) progress.total = progress.done * count() / units;  // by the targets so far
  }
  const std::chrono::duration<double> elapsed = SteadyClock::now() - started_;
  const std::int64_t tests = tests_done();
  progress.metrics["causal_tests"] = static_cast<double>(tests);
  if (elapsed.count() > 0)
    progress.metrics["tests_per_second"] =
        static_cast<double>(tests - tests_before_) / elapsed.count();
  progress.metrics["causal_conditioning_level"] = conditioning_level();
  if (spec_.chain_depth)
    if (const auto depth = parents_depth()) progress.metrics["causal_chain_depth"] = *depth;
  return progress;
}

/// Brings the rows of all ranks to rank 0; false elsewhere.
Result<bool> PcmciKind::gather_rows(TestedLinks& tested, TestCounts& counts) {
  Packer packer;
  packer.number(state_.rows.first);
  packer.numbers(std::span<const double>(state_.value));
  packer.numbers(std::span<const double>(state_.p_value));
  packer.numbers(std::span<const TestCounts>(state_.counts));
  SOVREN_TRY(parts, setting_.comm.gather(packer.bytes(), 0));
  if (setting_.comm.rank() != 0) return false;
  const auto n = static_cast<std::size_t>(count());
  const std::size_t row_size = n * (static_cast<std::size_t>(spec_.max_lag) + 1);
  tested = {count(), spec_.min_lag, spec_.max_lag, std::vector<double>(n * row_size),
            std::vector<double>(n * row_size)};
  for (const Communicator::Bytes& part : parts) {
    Unpacker unpacker(part);
    const auto first = unpacker.number<std::int64_t>() * static_cast<std::ptrdiff_t>(row_size);
    std::ranges::copy(unpacker.numbers<double>(), tested.value.begin() + first);
    std::ranges::copy(unpacker.numbers<double>(), tested.p_value.begin() + first);
    for (const TestCounts& row : unpacker.numbers<TestCounts>()) counts += row;
  }
  for (const Pc1Result& selected : state_.selected) counts += selected.counts;
  return true;
}

Result<Outcome> PcmciKind::finish() {
  SOVREN_CHECK(done(), "finish() comes after the last step");
  Findings findings;
  SOVREN_TRY(has_all, gather_rows(findings.tested, findings.counts));
  if (!has_all) return Outcome{};
  findings.samples = data_->source().samples();
  findings.conditioning_level = conditioning_level();
  return make_outcome(name_, spec_, inputs_, warnings_, findings);
}

/// What this version does not have, as the key and what there is instead; empty: it has all.
std::string not_available(const CausalSpec& spec) {
  if (spec.method != CausalSpec::Method::pcmci)
    return "method = pcmci-plus and pc (available: pcmci)";
  if (spec.test != CausalSpec::Test::parcorr) return "test = robust-parcorr (available: parcorr)";
  if (spec.bootstrap > 0) return "bootstrap (available: 0)";
  if (!spec.effects.empty()) return "effects";
  if (!spec.interventions.empty()) return "interventions";
  return "";
}

}  // namespace

Result<std::unique_ptr<JobKind>> make_causal_kind(const JobSpec& job, const CausalSpec& spec,
                                                  const Setting& setting) {
  SOVREN_CHECK(setting.backend != Backend::auto_, "the rank has chosen a backend");
  if (spec.max_lag < 1 || spec.min_lag < 0 || spec.min_lag > spec.max_lag)
    return fail({.code = Code::spec_invalid,
                 .what = "lags " + std::to_string(spec.min_lag) + " to " +
                         std::to_string(spec.max_lag) + " (allowed: 0 <= min_lag <= max_lag, " +
                         "max_lag at least 1)",
                 .where = "causal_analysis"});
  if (const std::string what = not_available(spec); !what.empty())
    return fail({.code = Code::refused,
                 .what = "this version does not have " + what,
                 .hint = "leave it out, or use a later version",
                 .where = "causal_analysis"});
  return std::make_unique<PcmciKind>(job.name, job.resources.memory_per_rank_bytes, spec, setting);
}

}  // namespace sovren::jobs
