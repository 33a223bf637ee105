// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "kernels/causal/shared_correlation.h"
#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// Tests of one pair given the lagged parents of both and sets of variables at lag 0.
///
/// Model    z = the parents of y without x, those of x moved back by its lag (conditions.h), and a
///          set. Where one correlation holds for all tests, the parents are eliminated once from
///          the correlations of all candidates, x and y, as soon as a pair needs several tests; a
///          test then costs |set|^3 / 3 multiply-adds instead of |z|^3 / 3 and |z|^2 / 2
///          correlations. Tests that lose too many digits go to the source.
/// Laws     a test's result is that of source.partial() up to rounding, and a pure function of the
///          tests before it of this object.
/// Owner    source outlives this object. One thread.
class PairTests {
 public:
  /// Sets are drawn from one of the two lists of variables, which outlive this object.
  PairTests(const TestSource& source, Node x, Node y, std::span<const Node> parents_x,
            std::span<const Node> parents_y, std::span<const int> of_y, std::span<const int> of_x);

  Partial given(std::span<const int> set);

  const TestCounts& counts() const { return counts_; }
  /// The largest set of conditions so far.
  int level() const { return level_; }

 private:
  Partial test(std::span<const int> set);
  void eliminate_parents(const SharedCorrelation& shared);
  bool test_rest(std::span<const int> set, Partial& result);

  const TestSource& source_;
  Node x_;
  Node y_;
  std::vector<Node> z_;  ///< parents, then the set of the last test
  std::size_t parents_ = 0;
  std::span<const int> of_y_;
  std::span<const int> of_x_;
  std::vector<int> candidates_;  ///< both lists, once the parents are eliminated
  TestCounts counts_;
  int level_ = 0;
  int df_ = 0;                ///< with an empty set
  std::vector<double> rest_;  ///< what the parents leave of the correlations of candidates, x, y:
                              ///< lower triangle by rows; empty: the source decides every test
  std::vector<double> work_;
};

}  // namespace sovren::kernels
