// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "jobs/causal/test_data.h"
#include "kernels/causal/search.h"

namespace sovren::jobs {

/// How sure the links of a graph are, by searching again on resampled time points.
struct Confidence {
  int replicates = 0;
  std::vector<double> same_mark;  ///< (source, target, lag): share of replicates with this mark
  /// 5th and 95th percentile of the replicates' values of each marked entry, in the order of the
  /// entries; elsewhere nothing.
  std::vector<double> value_low;
  std::vector<double> value_high;
};

/// A replicate: the data on other time points, and a search of them.
struct Replicate {
  std::unique_ptr<TestData> data;
  std::unique_ptr<kernels::Search> search;
};
using MakeReplicate = std::function<Replicate(int replicate)>;

/// The searches of all replicates as one round; a unit is a replicate. Leaves the links as they
/// are, those of the graph.
class Bootstrap : public kernels::Search {
 public:
  /// links: of the search on the data as they are. cost_s: of a replicate.
  Bootstrap(kernels::LinkTable links, int replicates, double cost_s, MakeReplicate make);

  std::string phase() const override { return "bootstrap"; }
  int units() const override { return confidence_ ? 0 : replicates_; }
  double cost_s(int) const override { return cost_s_; }
  kernels::UnitResult run(int replicate) const override;
  void close(std::span<const kernels::UnitResult> results) override;
  double fraction() const override { return confidence_ ? 1 : 0; }
  double fraction_after() const override { return 1; }
  int conditioning_level() const override { return 0; }
  const kernels::LinkTable& links() const override { return links_; }

  /// Once done.
  const Confidence& confidence() const { return *confidence_; }

 private:
  kernels::LinkTable links_;
  std::vector<std::size_t> marked_;  ///< entries of links_ that bear a mark
  int replicates_;
  double cost_s_;
  MakeReplicate make_;
  std::optional<Confidence> confidence_;
};

}  // namespace sovren::jobs
