// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/analysis.h"

#include <span>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "kernels/causal/batch_tests.h"
#include "kernels/causal/pc_search.h"
#include "kernels/causal/pcmci_plus.h"
#include "kernels/causal/pcmci_search.h"

namespace sovren::jobs {

namespace {

std::unique_ptr<kernels::Search> make_search(CausalSpec::Method method,
                                             const kernels::TestSource& source,
                                             const kernels::SearchOptions& options) {
  switch (method) {
    case CausalSpec::Method::pcmci:
      return kernels::make_pcmci(source, options);
    case CausalSpec::Method::pcmci_plus:
      return kernels::make_pcmci_plus(source, options);
    case CausalSpec::Method::pc:
      break;
  }
  return kernels::make_pc(source, options);
}

kernels::SearchOptions options_of(const CausalSpec& spec, const kernels::Knowledge& knowledge) {
  kernels::SearchOptions options;
  options.min_lag = spec.min_lag;
  options.max_lag = spec.max_lag;
  options.pc_alphas = selection_levels(spec);
  options.alpha = spec.alpha;
  options.has_fdr = spec.fdr == CausalSpec::Fdr::bh;
  if (spec.max_conditions) options.max_conditions = *spec.max_conditions;
  if (spec.max_parents) options.max_parents = *spec.max_parents;
  options.knowledge = knowledge;
  return options;
}

}  // namespace

Analysis::Analysis(const CausalSpec& spec, const Inputs& inputs, std::unique_ptr<TestData> data,
                   const kernels::Knowledge& knowledge)
    : spec_(spec),
      inputs_(inputs),
      data_(std::move(data)),
      options_(options_of(spec, knowledge)),
      graph_search_(make_search(spec.method, data_->source(), options_)),
      search_(graph_search_.get()) {}

std::string Analysis::device_trouble() const {
  const kernels::BatchTests* const batches = data_->source().batches();
  return batches == nullptr ? "" : batches->trouble();
}

void Analysis::add(kernels::UnitResult result) {
  SOVREN_CHECK(!is_done(), "a unit is missing");
  log_.add(std::move(result));
  if (units_done() == search_->units()) close_round();
}

void Analysis::close_round() {
  search_->close(std::span(log_.results).subspan(round_begin_));
  round_begin_ = log_.results.size();
  if (search_ != graph_search_.get() || !search_->is_done() || spec_.bootstrap == 0) return;
  // A replicate takes about as many tests as the graph did.
  const double cost_s =
      static_cast<double>(log_.counts().tests) * data_->source().test_s(conditioning_level());
  bootstrap_ = std::make_unique<Bootstrap>(links(), spec_.bootstrap, cost_s, [this](int replicate) {
    Replicate made;
    made.data = make_replicate_data(spec_, inputs_, replicate);
    made.search = make_search(spec_.method, made.data->source(), options_);
    return made;
  });
  search_ = bootstrap_.get();
}

Result<void> Analysis::replay(SearchLog log) {
  const std::int64_t steps = log.steps;
  for (kernels::UnitResult& result : log.results) {
    if (is_done())
      return fail({.code = Code::storage_corrupt,
                   .what = "the state has the results of more units than the analysis"});
    add(std::move(result));
  }
  log_.steps = steps;
  return {};
}

double Analysis::fraction() const {
  if (is_done()) return 1;
  const double of_round = static_cast<double>(units_done()) / search_->units();
  const double of_search =
      search_->fraction() + (search_->fraction_after() - search_->fraction()) * of_round;
  const double share = 1.0 / (1 + spec_.bootstrap);  // of the search of the graph
  return bootstrap_ ? share + (1 - share) * of_search : share * of_search;
}

const Confidence* Analysis::confidence() const {
  return bootstrap_ && bootstrap_->is_done() ? &bootstrap_->confidence() : nullptr;
}

}  // namespace sovren::jobs
