// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/causal_kind.h"

#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "core/base/check.h"
#include "core/base/units.h"
#include "core/text/job_file.h"
#include "jobs/causal/analysis.h"
#include "jobs/causal/inputs.h"
#include "jobs/causal/outcome.h"
#include "jobs/causal/parallel.h"
#include "jobs/causal/prior.h"
#include "jobs/causal/schedule.h"
#include "jobs/causal/series_check.h"
#include "jobs/causal/share.h"
#include "jobs/causal/test_data.h"
#include "jobs/causal/what_if.h"

namespace sovren::jobs {

namespace {

using kernels::UnitResult;
using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

class CausalKind : public JobKind {
 public:
  CausalKind(std::string name, std::int64_t memory_bytes_max, CausalSpec spec,
             const Setting& setting)
      : name_(std::move(name)),
        memory_bytes_max_(memory_bytes_max),
        spec_(std::move(spec)),
        setting_(setting),
        speeds_(setting.comm.size()) {}

  Result<void> load() override;
  SpecFacts facts() const override;
  std::vector<std::string> warnings() const override { return warnings_; }
  Result<void> init() override;
  Result<void> restore(StateReader& reader) override;
  Result<void> step() override;
  bool done() const override { return analysis_->is_done(); }
  std::int64_t steps() const override { return analysis_->log().steps; }
  Result<void> checkpoint(StateWriter& writer) const override;
  Progress progress() const override;
  Result<Outcome> finish() override;

 private:
  struct Done {
    double cost_s = 0;
    double took_s = 0;
    std::vector<UnitResult> results;
  };
  Result<void> check_memory() const;
  Result<void> prepare();
  Done run(std::span<const int> units) const;
  Result<std::vector<std::vector<UnitResult>>> exchange(const Done& mine);
  const std::map<std::string, double>& graph_metrics() const;

  std::string name_;
  std::int64_t memory_bytes_max_;  ///< 0: no limit
  CausalSpec spec_;
  Setting setting_;
  Inputs inputs_;
  kernels::Knowledge knowledge_;
  std::vector<std::string> warnings_;
  std::optional<Analysis> analysis_;
  RankSpeeds speeds_;
  std::int64_t tests_before_ = 0;  ///< done by earlier attempts
  SteadyClock::time_point started_;
  mutable std::string metrics_of_;  ///< the phase that the next were found in
  mutable std::map<std::string, double> graph_metrics_;
};

Result<void> CausalKind::load() {
  SOVREN_TRY(inputs, read_and_share(setting_.comm, [this] { return read_inputs(spec_); }));
  inputs_ = std::move(inputs);
  SOVREN_TRY(knowledge, read_knowledge(spec_, inputs_.table));
  knowledge_ = std::move(knowledge);
  SOVREN_DO(check_what_if(spec_, inputs_.table));
  SOVREN_DO(check_memory());
  warnings_ = column_warnings(inputs_.table);
  return {};
}

Result<void> CausalKind::check_memory() const {
  const std::int64_t needed = memory_needed_bytes(spec_, inputs_);
  if (memory_bytes_max_ == 0 || needed <= memory_bytes_max_) return {};
  return fail({.code = Code::refused,
               .what = std::to_string(inputs_.table.columns) + " variables with max_lag " +
                       std::to_string(spec_.max_lag) + " need about " +
                       std::to_string((needed >> 20) + 1) +
                       " MiB per rank, but memory_per_rank is " + format_size(memory_bytes_max_),
               .hint = "raise resources.memory_per_rank, or use fewer variables",
               .where = spec_.data});
}

SpecFacts CausalKind::facts() const {
  JobSpec job;
  job.kind = spec_;
  SpecFacts facts = text::spec_facts(job);
  add_input_facts(facts, spec_, inputs_);
  return facts;
}

/// What init and restore share: everything that is computed anew in each attempt.
Result<void> CausalKind::prepare() {
  SOVREN_TRY(data, share_test_data(setting_.comm, spec_, inputs_, setting_.backend));
  analysis_.emplace(spec_, inputs_, std::move(data), knowledge_);
  return {};
}

Result<void> CausalKind::init() {
  SOVREN_DO(prepare());
  started_ = SteadyClock::now();
  return {};
}

Result<void> CausalKind::restore(StateReader& reader) {
  SOVREN_TRY(log, SearchLog::get(reader));
  SOVREN_DO(prepare());
  SOVREN_DO(analysis_->replay(std::move(log)));
  tests_before_ = analysis_->log().counts().tests;
  started_ = SteadyClock::now();
  return {};
}

/// The units that are this rank's, on its threads. A device takes each thread's share as one batch:
/// it computes one at a time, while the other threads prepare and judge theirs.
CausalKind::Done CausalKind::run(std::span<const int> units) const {
  const kernels::Search& search = analysis_->search();
  Done done;
  done.results.resize(units.size());
  const SteadyClock::time_point start = SteadyClock::now();
  if (search.takes_batches()) {
    const auto threads = static_cast<std::size_t>(std::max(setting_.threads, 1));
    constexpr std::size_t least = 16;  // fewer leave a device idle
    const std::size_t share = std::max((units.size() + threads - 1) / threads, least);
    for_each_index(setting_.threads, (units.size() + share - 1) / share, [&](std::size_t k) {
      const std::size_t first = k * share;
      const std::size_t count = std::min(share, units.size() - first);
      search.run_batch(units.subspan(first, count), std::span(done.results).subspan(first, count));
    });
  } else {
    for_each_index(setting_.threads, units.size(),
                   [&](std::size_t k) { done.results[k] = search.run(units[k]); });
  }
  done.took_s = seconds_since(start);
  for (const int unit : units) done.cost_s += search.cost_s(unit);
  return done;
}

Result<void> CausalKind::step() {
  SOVREN_CHECK(!done(), "there is a step left");
  const kernels::Search& search = analysis_->search();
  const int first = analysis_->units_done();
  const int count = units_in_step(search, first);
  std::vector<double> costs_s;
  for (int unit = first; unit < first + count; ++unit) costs_s.push_back(search.cost_s(unit));
  const std::vector<int> rank_of = deal(costs_s, speeds_.speeds());
  std::vector<int> mine;
  for (int k = 0; k < count; ++k)
    if (rank_of[static_cast<std::size_t>(k)] == setting_.comm.rank()) mine.push_back(first + k);
  SOVREN_TRY(results, exchange(run(mine)));
  std::vector<std::size_t> next(results.size(), 0);
  for (const int rank : rank_of) {
    const auto from = static_cast<std::size_t>(rank);
    SOVREN_CHECK(next[from] < results[from].size(), "each rank runs what it is dealt");
    analysis_->add(std::move(results[from][next[from]++]));
  }
  analysis_->count_step();
  return {};
}

/// The results of all ranks, each in the order of its units.
Result<std::vector<std::vector<UnitResult>>> CausalKind::exchange(const Done& mine) {
  Packer packer;
  packer.number(mine.cost_s);
  packer.number(mine.took_s);
  for (const UnitResult& result : mine.results) {
    packer.numbers(std::span<const std::int64_t>(result.whole));
    packer.numbers(std::span<const double>(result.real));
    packer.number(result.counts);
  }
  SOVREN_TRY(parts, setting_.comm.all_gather(packer.bytes()));
  std::vector<std::vector<UnitResult>> results;
  std::vector<double> costs_s, took_s;
  for (const Communicator::Bytes& part : parts) {
    Unpacker unpacker(part);
    costs_s.push_back(unpacker.number<double>());
    took_s.push_back(unpacker.number<double>());
    std::vector<UnitResult>& of_rank = results.emplace_back();
    while (!unpacker.is_empty()) {
      UnitResult& result = of_rank.emplace_back();
      result.whole = unpacker.numbers<std::int64_t>();
      result.real = unpacker.numbers<double>();
      result.counts = unpacker.number<kernels::TestCounts>();
    }
  }
  speeds_.learn(costs_s, took_s);
  return results;
}

Result<void> CausalKind::checkpoint(StateWriter& writer) const {
  return analysis_->log().put(writer, setting_.comm.rank(), setting_.comm.size());
}

/// The graph as far as the rounds behind tell it: what chain depth and accuracy can become.
const std::map<std::string, double>& CausalKind::graph_metrics() const {
  const std::string phase = done() ? "done" : analysis_->search().phase();
  if (metrics_of_ == phase) return graph_metrics_;
  metrics_of_ = phase;
  graph_metrics_.clear();
  CausalGraph graph;
  graph.variables = inputs_.table.names;
  graph.spec = spec_;
  set_links(graph, analysis_->links());
  if (spec_.chain_depth) {
    const Chains chains = find_chains(graph.count(), arrows_of(graph));
    if (chains.is_exact) graph_metrics_["causal_chain_depth"] = chains.depth;
  }
  if (inputs_.truth)
    if (const auto accuracy = score(graph, *inputs_.truth).temporal_accuracy)
      graph_metrics_["temporal_accuracy"] = *accuracy;
  return graph_metrics_;
}

Progress CausalKind::progress() const {
  Progress progress;
  const SearchLog& log = analysis_->log();
  progress.step = log.steps;
  progress.fraction = analysis_->fraction();
  progress.phase = done() ? "done" : analysis_->search().phase();
  progress.unit = "units";
  progress.done = analysis_->units_done();
  progress.total = analysis_->search().units();
  const double elapsed_s = seconds_since(started_);
  const std::int64_t tests = log.counts().tests;
  progress.metrics["causal_tests"] = static_cast<double>(tests);
  if (elapsed_s > 0)
    progress.metrics["tests_per_second"] = static_cast<double>(tests - tests_before_) / elapsed_s;
  progress.metrics["causal_conditioning_level"] = analysis_->conditioning_level();
  progress.metrics.insert(graph_metrics().begin(), graph_metrics().end());
  return progress;
}

Result<Outcome> CausalKind::finish() {
  SOVREN_CHECK(done(), "finish() comes after the last step");
  if (setting_.comm.rank() != 0) return Outcome{};
  std::vector<std::string> notes = warnings_;
  if (const std::string trouble = analysis_->device_trouble(); !trouble.empty())
    notes.push_back("rank 0 gave its device up and went on without it: " + trouble);
  return make_outcome(name_, spec_, inputs_, notes,
                      {.links = analysis_->links(),
                       .counts = analysis_->log().counts(),
                       .samples = analysis_->samples(),
                       .conditioning_level = analysis_->conditioning_level(),
                       .confidence = analysis_->confidence()});
}

}  // namespace

Result<std::unique_ptr<JobKind>> make_causal_kind(const JobSpec& job, const CausalSpec& spec,
                                                  const Setting& setting) {
  SOVREN_CHECK(setting.backend != Backend::auto_, "the rank has chosen a backend");
  SOVREN_DO(check_settings(spec));
  return std::make_unique<CausalKind>(job.name, job.resources.memory_per_rank_bytes,
                                      without_lags_of_pc(spec), setting);
}

}  // namespace sovren::jobs
