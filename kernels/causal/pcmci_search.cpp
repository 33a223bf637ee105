// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/pcmci_search.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "kernels/causal/batch_tests.h"
#include "kernels/causal/fdr.h"
#include "kernels/causal/mci.h"
#include "kernels/causal/orientation.h"
#include "kernels/causal/selection_round.h"

namespace sovren::kernels {
namespace {

class PcmciSearch : public Search {
 public:
  PcmciSearch(const TestSource& source, const SearchOptions& options)
      : source_(source),
        options_(options),
        links_(source.variables(), options.min_lag, options.max_lag) {
    SOVREN_CHECK(options.max_lag <= source.max_lag(), "the source holds the lags");
  }
  PcmciSearch(const PcmciSearch&) = delete;
  PcmciSearch& operator=(const PcmciSearch&) = delete;

  std::string phase() const override;
  int units() const override { return round_ == Round::done ? 0 : source_.variables(); }
  double cost_s(int) const override { return target_cost_s(source_, options_); }
  UnitResult run(int unit) const override;
  void run_batch(std::span<const int> units, std::span<UnitResult> out) const override;
  bool takes_batches() const override { return working_device(source_) != nullptr; }
  void close(std::span<const UnitResult> results) override;
  double fraction() const override { return 0.5 * static_cast<int>(round_); }
  double fraction_after() const override { return round_ == Round::selection ? 0.5 : 1; }
  int conditioning_level() const override { return level_; }
  const LinkTable& links() const override { return links_; }

 private:
  enum class Round { selection, mci, done };

  bool rows_on_device(const BatchTests& batches, std::span<const int> units,
                      std::span<UnitResult> out) const;
  void close_selection(std::span<const UnitResult> results);
  void close_mci(std::span<const UnitResult> results);
  void mark_links();
  bool is_tested(int i, int j, int lag) const {
    return lag >= options_.min_lag && !(lag == 0 && i == j) &&
           options_.knowledge.may_link(i, j, lag);
  }

  const TestSource& source_;
  SearchOptions options_;
  Round round_ = Round::selection;
  std::optional<MciTests> mci_;
  int level_ = 0;
  LinkTable links_;
};

std::string PcmciSearch::phase() const {
  return round_ == Round::selection ? "condition selection" : round_ == Round::mci ? "MCI" : "done";
}

UnitResult PcmciSearch::run(int unit) const {
  if (round_ == Round::selection)
    return pack_selection(select_conditions(source_, unit, pc1_options(options_)));
  const std::size_t row = links_.value.size() / static_cast<std::size_t>(links_.variables);
  UnitResult result;
  result.real.resize(2 * row);
  const std::span<double> real = result.real;
  result.counts = mci_->row(unit, real.first(row), real.last(row));
  return result;
}

void PcmciSearch::run_batch(std::span<const int> units, std::span<UnitResult> out) const {
  const BatchTests* const device = working_device(source_);
  if (device != nullptr && round_ == Round::selection)
    select_on_device(source_, *device, units, pc1_options(options_), out);
  else if (device == nullptr || !rows_on_device(*device, units, out))
    Search::run_batch(units, out);
}

bool PcmciSearch::rows_on_device(const BatchTests& batches, std::span<const int> units,
                                 std::span<UnitResult> out) const {
  constexpr std::size_t most = 128;  // rows at a time: what comes from the device takes room here
  const std::size_t row = links_.value.size() / static_cast<std::size_t>(links_.variables);
  for (std::size_t first = 0; first < units.size(); first += most) {
    const auto batch = units.subspan(first, std::min(most, units.size() - first));
    std::vector<double> value(batch.size() * row);
    std::vector<double> p(value.size());
    std::vector<TestCounts> counts(batch.size());
    if (!mci_->rows(batches, batch, value, p, counts)) return false;
    for (std::size_t k = 0; k < batch.size(); ++k) {
      UnitResult& result = out[first + k];
      const auto values = std::span(value).subspan(k * row, row);
      const auto p_values = std::span(p).subspan(k * row, row);
      result.real.assign(values.begin(), values.end());
      result.real.insert(result.real.end(), p_values.begin(), p_values.end());
      result.counts = counts[k];
    }
  }
  return true;
}

void PcmciSearch::close(std::span<const UnitResult> results) {
  SOVREN_CHECK(std::ssize(results) == units(), "one result for each unit");
  if (round_ == Round::selection) {
    close_selection(results);
    round_ = Round::mci;
  } else {
    close_mci(results);
    round_ = Round::done;
  }
}

void PcmciSearch::close_selection(std::span<const UnitResult> results) {
  std::vector<std::vector<Parent>> parents;
  int most = 0;
  int second = 0;
  for (int target = 0; target < links_.variables; ++target) {
    Pc1Result selected = unpack_selection(results[static_cast<std::size_t>(target)]);
    level_ = std::max(level_, selected.level_max);
    for (const Parent& parent : selected.parents) {
      const std::size_t at = links_.index(parent.node.variable, target, parent.node.lag);
      links_.value[at] = parent.value;
      links_.p_value[at] = links_.q_value[at] = parent.p_max;
      links_.mark[at] = Mark::directed;
    }
    const int count = std::min(static_cast<int>(selected.parents.size()), options_.max_parents);
    second = std::max(second, std::min(count, most));
    most = std::max(most, count);
    parents.push_back(std::move(selected.parents));
  }
  level_ = std::max(level_, most + second);
  mci_.emplace(source_, parents,
               MciOptions{.min_lag = options_.min_lag,
                          .max_lag = options_.max_lag,
                          .max_parents = options_.max_parents,
                          .knowledge = pc1_options(options_).knowledge});
}

void PcmciSearch::close_mci(std::span<const UnitResult> results) {
  links_ = LinkTable(links_.variables, links_.min_lag, links_.max_lag);
  const std::size_t row = links_.value.size() / static_cast<std::size_t>(links_.variables);
  for (int target = 0; target < links_.variables; ++target) {
    const UnitResult& result = results[static_cast<std::size_t>(target)];
    SOVREN_CHECK(result.real.size() == 2 * row, "a row of values and p-values");
    std::size_t from = 0;
    for (int source = 0; source < links_.variables; ++source)
      for (int lag = 0; lag <= links_.max_lag; ++lag, ++from) {
        links_.value[links_.index(source, target, lag)] = result.real[from];
        links_.p_value[links_.index(source, target, lag)] = result.real[row + from];
      }
  }
  symmetrise_lag0(links_.value, links_.p_value, {links_.variables, links_.min_lag, links_.max_lag});
  set_q_values(links_, options_);
  mark_links();
}

void PcmciSearch::mark_links() {
  const Knowledge& known = options_.knowledge;
  for (int i = 0; i < links_.variables; ++i)
    for (int j = 0; j < links_.variables; ++j)
      for (int lag = options_.min_lag; lag <= links_.max_lag; ++lag) {
        const std::size_t at = links_.index(i, j, lag);
        if (!is_tested(i, j, lag)) continue;
        const bool is_required =
            known.is_required(i, j, lag) || (lag == 0 && known.is_required(j, i, 0));
        if (!(links_.q_value[at] <= options_.alpha) && !is_required) continue;
        links_.mark[at] = lag > 0 ? Mark::directed : known_mark(known, i, j);
      }
}

}  // namespace

std::unique_ptr<Search> make_pcmci(const TestSource& source, const SearchOptions& options) {
  return std::make_unique<PcmciSearch>(source, options);
}

}  // namespace sovren::kernels
