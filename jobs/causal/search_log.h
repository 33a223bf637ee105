// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/port/state_io.h"
#include "kernels/causal/search.h"

namespace sovren::jobs {

/// What all units of an analysis have found so far, in the order in which they count: the whole
/// state of a job. From it the searches are made again by closing their rounds.
///
/// Laws     the same on every rank, and for any number of ranks.
class SearchLog {
 public:
  std::int64_t steps = 0;  ///< completed steps of the job
  std::vector<kernels::UnitResult> results;

  kernels::TestCounts counts() const { return counts_; }
  void add(kernels::UnitResult result);

  /// Every rank puts its share of the numbers.
  Result<void> put(StateWriter& writer, int rank, int ranks) const;
  /// Errors: storage_corrupt.
  static Result<SearchLog> get(StateReader& reader);

 private:
  kernels::TestCounts counts_;
};

}  // namespace sovren::jobs
