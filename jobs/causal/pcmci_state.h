// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/port/state_io.h"
#include "jobs/causal/graph.h"
#include "kernels/causal/pc1.h"

namespace sovren::jobs {

/// What a causal analysis knows after some steps: a pure function of the job, the data and the
/// number of steps, for any number of ranks.
///
/// Shape    selected: one per target, on every rank. value, p_value: (rows of this rank, source,
/// lag), rows by target; counts: one per row. Not done yet: empty, value 0, p 1.
struct PcmciState {
  std::int64_t steps = 0;
  int units_per_step = 1;
  std::vector<kernels::Pc1Result> selected;
  Rows rows;  ///< targets whose MCI tests this rank does
  std::vector<double> value;
  std::vector<double> p_value;
  std::vector<kernels::TestCounts> counts;
};

/// The state of nothing done.
PcmciState empty_state(int variables, int max_lag, Rows rows);

/// Puts the state; arrays that all ranks hold alike are put by rank 0. with_mci: the second pass
/// has begun.
Result<void> put_state(StateWriter& writer, const PcmciState& state, int max_lag, int rank,
                       bool with_mci);

/// Gets a state back, with the rows that this rank is to have now. Errors: storage_corrupt.
Result<PcmciState> get_state(StateReader& reader, int variables, int max_lag, Rows rows);

/// Parents of every target, as MCI conditions on them.
std::vector<std::vector<kernels::Parent>> parents_of(const PcmciState& state);

}  // namespace sovren::jobs
