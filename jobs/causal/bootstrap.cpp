// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/check.h"

namespace sovren::jobs {

namespace {

using kernels::LinkTable;
using kernels::Mark;
using kernels::UnitResult;

/// Percentile `share` of values, linear between neighbours.
double percentile(std::vector<double>& values, double share) {
  std::ranges::sort(values);
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - std::floor(at)) * (values[above] - values[below]);
}

}  // namespace

Bootstrap::Bootstrap(LinkTable links, int replicates, double cost_s, MakeReplicate make)
    : links_(std::move(links)), replicates_(replicates), cost_s_(cost_s), make_(std::move(make)) {
  SOVREN_CHECK(replicates >= 1, "there are replicates");
  for (std::size_t at = 0; at < links_.mark.size(); ++at)
    if (links_.mark[at] != Mark::none) marked_.push_back(at);
}

/// whole: of each entry that the replicate marks, the entry and the mark. real: its values at the
/// entries that the graph marks.
UnitResult Bootstrap::run(int replicate) const {
  const Replicate made = make_(replicate);
  UnitResult result;
  while (!made.search->is_done()) {
    std::vector<UnitResult> round;
    for (int unit = 0; unit < made.search->units(); ++unit) {
      round.push_back(made.search->run(unit));
      result.counts += round.back().counts;
    }
    made.search->close(round);
  }
  const LinkTable& found = made.search->links();
  for (std::size_t at = 0; at < found.mark.size(); ++at)
    if (found.mark[at] != Mark::none)
      result.whole.insert(result.whole.end(), {static_cast<std::int64_t>(at),
                                               static_cast<std::int64_t>(found.mark[at])});
  for (const std::size_t at : marked_) result.real.push_back(found.value[at]);
  return result;
}

void Bootstrap::close(std::span<const UnitResult> results) {
  SOVREN_CHECK(std::ssize(results) == units(), "one result for each replicate");
  Confidence confidence;
  confidence.replicates = replicates_;
  std::vector<int> with_any(links_.mark.size(), 0);
  std::vector<int> with_same(links_.mark.size(), 0);
  for (const UnitResult& result : results)
    for (std::size_t k = 0; k + 1 < result.whole.size(); k += 2) {
      const auto at = static_cast<std::size_t>(result.whole[k]);
      ++with_any[at];
      with_same[at] += static_cast<Mark>(result.whole[k + 1]) == links_.mark[at];
    }
  for (std::size_t at = 0; at < links_.mark.size(); ++at) {
    const int same = links_.mark[at] == Mark::none ? replicates_ - with_any[at] : with_same[at];
    confidence.same_mark.push_back(static_cast<double>(same) / replicates_);
  }
  for (std::size_t k = 0; k < marked_.size(); ++k) {
    std::vector<double> values;
    for (const UnitResult& result : results) values.push_back(result.real[k]);
    confidence.value_low.push_back(percentile(values, 0.05));
    confidence.value_high.push_back(percentile(values, 0.95));
  }
  confidence_ = std::move(confidence);
}

}  // namespace sovren::jobs
