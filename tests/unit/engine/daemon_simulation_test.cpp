// SPDX-License-Identifier: Apache-2.0
// A daemon, agents on three nodes, clients and all that can go wrong between them, under seeds
// (sim_cluster.h). SOVREN_SIM_SEED=n runs that one alone, SOVREN_SIM_TRACE=1
// prints what happens in it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/unit/engine/sim_cluster.h"

namespace sovren::engine {
namespace {

std::map<JobState, int> run_seed(std::uint64_t seed) {
  SCOPED_TRACE("SOVREN_SIM_SEED=" + std::to_string(seed));
  return SimCluster(seed).run();
}

TEST(DaemonSimulation, NoJobIsLostOrRunTwiceWhateverBreaks) {
  if (const char* one = std::getenv("SOVREN_SIM_SEED")) {
    run_seed(std::strtoull(one, nullptr, 10));
    return;
  }
  constexpr std::uint64_t seeds = 2'000;
  std::cout << "seeds 1 to " << seeds << "\n";
  std::map<JobState, int> tally;
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed)
    for (const auto& [state, count] : run_seed(seed)) tally[state] += count;
  for (const auto& [state, count] : tally) std::cout << state_name(state) << " " << count << "\n";
  // What breaks is strong enough to end jobs in every way, and weak enough to let most complete.
  EXPECT_GT(tally[JobState::completed], 10'000);
  EXPECT_GT(tally[JobState::failed], 500);
  EXPECT_GT(tally[JobState::cancelled], 500);
}

// A killed stray that was a head says AttemptExited, not AttemptGone: its node never came up again.
TEST(DaemonSimulation, Seed510) {
  run_seed(510);
}

// Each append of a cluster's life, in turn, is refused or takes the scheduler with it.
TEST(DaemonSimulation, ACrashAtAnyAppendCostsNoJob) {
  using Fault = FaultyLog::Fault;
  constexpr std::uint64_t seed = 3;
  SimCluster undisturbed(seed, Fault::none, 0);
  const auto ends = undisturbed.run();
  EXPECT_GE(undisturbed.appends(), 50);
  for (const Fault fault : {Fault::refuse, Fault::crash_before, Fault::crash_after}) {
    for (int k = 1; k <= undisturbed.appends() && !HasFailure(); ++k) {
      SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault)) + " at append " +
                   std::to_string(k));
      SimCluster cluster(seed, fault, k);
      int jobs = 0;
      for (const auto& [state, count] : cluster.run()) jobs += count;
      int jobs_undisturbed = 0;
      for (const auto& [state, count] : ends) jobs_undisturbed += count;
      EXPECT_EQ(jobs, jobs_undisturbed);
    }
  }
}

}  // namespace
}  // namespace sovren::engine
