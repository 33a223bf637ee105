// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <mutex>
#include <span>
#include <vector>

#include "kernels/causal/knowledge.h"
#include "kernels/causal/pc1.h"
#include "kernels/causal/test_source.h"

namespace sovren::kernels {

struct MciOptions {
  int min_lag = 0;
  int max_lag = 1;
  int max_parents = std::numeric_limits<int>::max();  ///< of each side: the first ones count
  const Knowledge* knowledge = nullptr;  ///< what cannot be linked is not tested; null: nothing
};

/// Momentary conditional independence: the second stage of PCMCI, one target at a time.
///
/// Model    for every source (i, lag) other than the target itself: one test given the parents of
///          the target and the parents of i moved back by lag. Made once from the parents of all
///          variables; row() then gives any target, in any order.
/// Shape    a row: (N, max_lag + 1), [source i][lag].
/// Laws     a row is bitwise independent of which other rows are computed, where and when.
/// Threads  row() is const and re-entrant. The source must outlive this object.
/// Cost     N (max_lag + 1) tests per row, 0.2 to 1 us each on complete data.
class MciTests {
 public:
  /// parents[i]: of variable i, strongest first, lags 1 .. max_lag.
  MciTests(const TestSource& source, std::span<const std::vector<Parent>> parents,
           const MciOptions& options);

  /// value[i (max_lag + 1) + lag], p[...]: link (i, -lag) -> target. Entries that are not tested
  /// (lag < min_lag; the target at lag 0; no link possible) have value 0 and p 1. Lag 0 is not
  /// symmetrised (fdr.h: symmetrise_lag0). Returns what was counted.
  TestCounts row(int target, std::span<double> value, std::span<double> p) const;

  /// Many rows by the source's device: value and p are (targets, N, max_lag + 1), counts (targets).
  /// False: it has none, or none any more.
  bool rows(const BatchTests& batches, std::span<const int> targets, std::span<double> value,
            std::span<double> p, std::span<TestCounts> counts) const;

 private:
  /// The part of all tests of one (source, lag) that does not depend on the target.
  struct Side {
    std::size_t first = 0;  ///< into columns_: moved parents, then the source itself
    std::size_t count = 0;  ///< columns, the source counted
    std::size_t block = 0;  ///< into blocks_: their correlations, upper triangle by rows
    bool is_constant = false;
  };

  bool is_tested(Node x, Node y) const {
    return x != y && (options_.knowledge == nullptr ||
                      options_.knowledge->may_link(x.variable, y.variable, x.lag));
  }
  void prepare() const;
  void row_one_by_one(int target, std::span<double> value, std::span<double> p,
                      TestCounts& counts) const;
  bool row_shared(int target, std::span<double> value, std::span<double> p,
                  TestCounts& counts) const;
  std::size_t entry(int source, int lag) const {
    return static_cast<std::size_t>(source) * static_cast<std::size_t>(options_.max_lag + 1) +
           static_cast<std::size_t>(lag);
  }

  const TestSource& source_;
  MciOptions options_;
  std::vector<std::vector<Node>> parents_;
  mutable std::once_flag prepared_;   ///< of the next three: a device does not need them
  mutable std::vector<Side> sides_;   ///< by entry(source, lag); complete data only
  mutable std::vector<int> columns_;  ///< lag N + variable
  mutable std::vector<double> blocks_;
};

/// One row without keeping anything: MciTests(source, parents, options).row(...).
TestCounts mci_row(const TestSource& source, int target,
                   std::span<const std::vector<Parent>> parents, const MciOptions& options,
                   std::span<double> value, std::span<double> p);

}  // namespace sovren::kernels
