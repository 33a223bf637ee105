// SPDX-License-Identifier: Apache-2.0
// A level of PC on a device: what PcSearch::Tester does pair by pair, for all pairs of the units.
#include <algorithm>
#include <cmath>

#include "kernels/causal/batch_tests.h"
#include "kernels/causal/pc_search.h"
#include "kernels/causal/subset_rank.h"

namespace sovren::kernels {
namespace {

/// As PC judges one pair after another. Links that are known are never separated.
class PcJudge : public Judge {
 public:
  PcJudge(const FisherZ& judge, bool keeps) : judge_(judge), keeps_(keeps) {}
  bool is_separated(const Partial& partial) const override {
    return !keeps_ && !judge_.is_dependent(partial);
  }
  double critical(int df) const { return keeps_ ? -1 : judge_.critical(df); }

 private:
  mutable FisherZ judge_;  // remembers the threshold of the last df
  bool keeps_;
};

}  // namespace

class PcSearch::Batch {
 public:
  explicit Batch(const PcSearch& search) : search_(search) {}

  void add(std::size_t unit, Pair pair) {
    found_.push_back({.unit = unit, .pair = pair});
    found_.back().lists[0] = others(pair.i, pair.j);
    found_.back().lists[1] = others(pair.j, pair.i);
    auto& known = found_.back().known;
    for (const Node node : found_.back().lists[1])
      known.push_back(std::ranges::find(found_.back().lists[0], node) !=
                      found_.back().lists[0].end());
  }
  /// Given neighbours of one end, then of the other: pairs that are still linked.
  void run(const BatchTests& batches) {
    for (const bool keeps : {false, true})
      for (const int side : {0, 1}) run_side(batches, side, keeps);
  }
  void unload(std::span<UnitResult> out) const;

 private:
  struct Found {
    std::size_t unit;
    Pair pair;
    std::vector<Node> lists[2];
    std::vector<std::uint8_t> known;  ///< of the second list: is it in the first too?
    TestCounts counts;
    Partial weakest;
    std::vector<int> set;
    bool is_separated = false;
  };

  std::vector<Node> others(int variable, int other) const {
    std::vector<Node> nodes;
    for (const int neighbour : search_.neighbours_[static_cast<std::size_t>(variable)])
      if (neighbour != other) nodes.push_back({neighbour, 0});
    return nodes;
  }
  void run_side(const BatchTests& batches, int side, bool keeps);
  void take(const SubsetOutcome& outcome, int side, Found& found) const;

  const PcSearch& search_;
  std::vector<Found> found_;
};

void PcSearch::Batch::run_side(const BatchTests& batches, int side, bool keeps) {
  const int level = search_.round_.level;
  const PcJudge judge(search_.judge_, keeps);
  const double critical = judge.critical(search_.source_.samples() - 2 - level);
  std::vector<SubsetRequest> requests;
  std::vector<Found*> asked;
  for (Found& found : found_) {
    if (found.is_separated || search_.is_kept(found.pair) != keeps) continue;
    SubsetRequest request{.x = {found.pair.i, 0},
                          .y = {found.pair.j, 0},
                          .base = {},
                          .list = found.lists[side],
                          .size = level,
                          .critical = critical,
                          .known = {}};
    if (side == 1) request.known = found.known;
    requests.push_back(request);
    asked.push_back(&found);
  }
  std::vector<SubsetOutcome> outcomes(requests.size());
  batches.run(requests, judge, outcomes);
  for (std::size_t k = 0; k < outcomes.size(); ++k) take(outcomes[k], side, *asked[k]);
}

void PcSearch::Batch::take(const SubsetOutcome& outcome, int side, Found& found) const {
  if (outcome.counts.tests == 0) return;
  const bool is_first = found.counts.tests == 0;
  found.counts += outcome.counts;
  found.is_separated = outcome.rank >= 0;
  if (found.is_separated || is_first ||
      std::abs(outcome.weakest.value) < std::abs(found.weakest.value))
    found.weakest = outcome.weakest;
  if (!found.is_separated) return;
  const auto& list = found.lists[side];
  found.set.resize(static_cast<std::size_t>(search_.round_.level));
  subset_of_rank(static_cast<std::uint64_t>(outcome.rank), static_cast<int>(list.size()),
                 search_.round_.level, found.set.data());
  for (int& place : found.set) place = list[static_cast<std::size_t>(place)].variable;
}

void PcSearch::Batch::unload(std::span<UnitResult> out) const {
  for (const Found& found : found_) {
    UnitResult& unit = out[found.unit];
    unit.real.push_back(found.weakest.value);
    unit.real.push_back(FisherZ::p_of(found.weakest));
    unit.whole.insert(unit.whole.end(), found.set.begin(), found.set.end());
    unit.counts += found.counts;
  }
}

/// Level 0 is a look at the matrix: no work for a device.
bool PcSearch::takes_batches() const {
  return round_.level > 0 && working_device(source_) != nullptr;
}

void PcSearch::run_batch(std::span<const int> units, std::span<UnitResult> out) const {
  if (!takes_batches()) {
    Search::run_batch(units, out);
    return;
  }
  Batch batch(*this);
  for (std::size_t u = 0; u < units.size(); ++u) {
    out[u] = UnitResult{};
    const auto unit = static_cast<std::size_t>(units[u]);
    for (std::size_t k = round_.begin[unit]; k < round_.begin[unit + 1]; ++k)
      batch.add(u, round_.pairs[k]);
  }
  batch.run(*source_.batches());
  batch.unload(out);
}

}  // namespace sovren::kernels
