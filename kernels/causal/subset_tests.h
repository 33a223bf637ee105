// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// The tests of one pair of variables given subsets of some candidates, all at lag 0.
///
/// Threads  one object per thread; used for one pair after another.
/// Laws     a test's result is bitwise independent of the tests before it.
class SubsetTests {
 public:
  virtual ~SubsetTests() = default;

  /// The next pair. The candidates must outlive its tests.
  virtual void begin(int x, int y, std::span<const int> candidates) = 0;

  /// x and y given the candidates at these places, which rise. The first `kept` places are those of
  /// the test before, so that what is known of them is used again; 0 in the first test of a pair.
  virtual Partial test(std::span<const int> places, int kept) = 0;
};

/// Every correlation of the variables at lag 0, bit for bit those of the source. (N, N)
std::vector<double> correlation_matrix(const SharedCorrelation& source);

/// matrix: of source.shared_correlation(), or empty where it has none: each test then is one of
/// source.partial(). Both outlive the result.
///
/// Cost     with a matrix |Z|^2 / 2 multiply-adds where one place has changed: the rows of the
///          others in the factor of Z, x, y are kept. Ill-conditioned sets go to source.partial().
std::unique_ptr<SubsetTests> make_subset_tests(const TestSource& source,
                                               std::span<const double> matrix);

/// The next set of places out of count in lexicographic order, the first being 0, 1, 2, ... False
/// after the last; else `kept` is how many leading places are as before.
bool next_subset(std::span<int> places, int count, int& kept);

}  // namespace sovren::kernels
