// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/port/state_io.h"
#include "jobs/kind/laws.h"

namespace sovren::jobs {

/// Keeps one state of a job between two lives, as a store of checkpoints does. Both are collective.
struct Keeper {
  std::function<Result<void>(Communicator&, const JobKind&)> keep;
  /// The reader of one rank.
  std::function<Result<std::unique_ptr<StateReader>>(Communicator&)> bring;
};

/// A job is stopped on some ranks and goes on on others.
struct ElasticPair {
  int before = 0;
  int after = 0;
  std::int64_t step = 0;  ///< completed when it was stopped
  std::string broken;     ///< empty: all later states and the result are the undisturbed run's bits
};

/// All pairs of rank_counts.
std::vector<ElasticPair> all_elastic_pairs();
/// Five of them, in which each number of ranks is left once and come to once.
std::vector<ElasticPair> elastic_chain();

/// Stops the job on each `before` at a step of its own, and says of each pair how that went.
/// keeper: an empty one.
std::vector<ElasticPair> tried(std::vector<ElasticPair> pairs, const LawSubject& subject,
                               const RunRanks& run,
                               const std::function<Keeper(int before)>& keeper);

}  // namespace sovren::jobs
