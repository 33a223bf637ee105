// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/kind/job_kind.h"
#include "jobs/kind/laws.h"
#include "jobs/kind/memory_state.h"

namespace sovren::jobs {

/// One life of a job: from the start or from a state, for some steps or to the end.
struct Life {
  int ranks = 1;
  int threads = 1;
  /// Where each rank begins: its own reader. None: init().
  std::function<Result<std::unique_ptr<StateReader>>(Communicator&)> from = nullptr;
  std::int64_t stop_after = -1;  ///< completed steps; -1: to the end
  bool keeps_states = false;     ///< takes a checkpoint at every boundary
  /// Called at the end of a life that is stopped; collective. None: nothing.
  std::function<Result<void>(Communicator&, const JobKind&)> stopped = nullptr;
};

/// What rank 0 saw of a life.
struct Trace {
  std::string broken;                                ///< empty: all calls succeeded
  std::vector<std::unique_ptr<MemoryState>> states;  ///< at each boundary; or only the last
  std::vector<std::int64_t> steps;                   ///< of each state
  std::vector<Progress> progress;                    ///< at each boundary
  std::vector<double> step_s;
  std::optional<Outcome> outcome;  ///< when the job came to its end
};

Trace live(const LawSubject& subject, const RunRanks& run, const Life& life);

/// How a later life differs from the whole one: its outcome, and each state by the step it is of.
/// Empty: in nothing.
std::string difference(const Trace& whole, const Trace& life);

/// Life::from of a state in memory, which must stay.
std::function<Result<std::unique_ptr<StateReader>>(Communicator&)> from_memory(MemoryState* state);

}  // namespace sovren::jobs
