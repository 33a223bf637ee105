// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/policy/schedule.h"
#include "tests/unit/policy/machine.h"

namespace sovren::policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PolicyConfig conservative() {
  PolicyConfig config;
  config.order = Order::fcfs;
  config.backfill = Backfill::conservative;
  config.preemption.is_on = false;
  return config;
}

// Cores 4, 2 taken for 100 s. Job 2 wants 4 for 100 s: from 100 to 200. Job 3 wants 2 for 250 s:
// from 200. What may start now must be gone by 100, or EASY would let it have what job 3 is to get.
TEST(Conservative, DelaysNobodyInFrontNotOnlyTheFirst) {
  Cluster cluster;
  cluster.node("a", 4);
  cluster.submit(plain_job(2, 100));
  cluster.start({1}, "a", 2);
  cluster.submit(plain_job(3, 100));
  cluster.submit(plain_job(2, 50));
  cluster.submit(plain_job(1, 10'000));
  EXPECT_THAT(decided(cluster, conservative()), ElementsAre("start 3 on a x2"));
  cluster.start({3}, "a", 2);
  cluster.now = cluster.now + 50.0;
  cluster.finish({3});
  EXPECT_THAT(decided(cluster, conservative()), ElementsAre("start 4 on a x1"));
}

TEST(Conservative, ReservesForNoMoreThanItIsTold) {
  Cluster cluster;
  cluster.node("a", 2);
  cluster.submit(plain_job(1, 1000));
  cluster.start({1}, "a", 1);
  cluster.submit(plain_job(2, 10));
  cluster.submit(plain_job(1, 10));
  PolicyConfig config = conservative();
  EXPECT_THAT(decided(cluster, config), ElementsAre("start 3 on a x1"));
  config.reservations_max = 1;
  EXPECT_THAT(decided(cluster, config), IsEmpty());
}

// Nobody's start depends on those behind.
TEST(ConservativeLaw, WhoStartsDoesNotDependOnThoseBehind) {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Machine all(seed);
    const auto names = [](const Schedule& schedule, std::int64_t last) {
      std::vector<std::pair<std::int64_t, int>> starts;
      for (const Choice& choice : schedule.choices)
        if (choice.job.value <= last)
          starts.emplace_back(choice.job.value, choice.placement.shares.front().node);
      return starts;
    };
    const Schedule whole = make_schedule(all.view(), conservative(), {}, all.now());
    std::vector<JobId> waiting = all.waiting_but({});
    std::sort(waiting.begin(), waiting.end());
    for (std::size_t cut = 2; cut < waiting.size(); cut += 3) {
      Machine few(seed);
      for (std::size_t i = cut; i < waiting.size(); ++i) few.view().remove(waiting[i]);
      const Schedule part = make_schedule(few.view(), conservative(), {}, few.now());
      const std::int64_t last = waiting[cut - 1].value;
      ASSERT_EQ(names(whole, last), names(part, last)) << "seed " << seed << " cut " << cut;
      compared += names(part, last).empty() ? 0 : 1;
    }
  }
  EXPECT_GT(compared, 500);
}

// Run to the end on one node: nobody starts later than if those behind had never come.
TEST(ConservativeLaw, NobodyIsDelayedByThoseBehindOnOneNode) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const auto starts_of = [&](std::size_t kept) {
      Machine machine(seed, 1);
      std::vector<JobId> waiting = machine.waiting_but({});
      std::sort(waiting.begin(), waiting.end());
      for (std::size_t i = kept; i < waiting.size(); ++i) machine.view().remove(waiting[i]);
      std::map<JobId, Instant> starts;
      do {
        const Schedule schedule = make_schedule(machine.view(), conservative(), {}, machine.now());
        for (const Choice& choice : schedule.choices) {
          starts[choice.job] = machine.now();
          machine.start(choice);
        }
      } while (machine.end_next());
      return starts;
    };
    const auto whole = starts_of(1000);
    const auto half = starts_of(5);
    for (const auto& [job, at] : half) ASSERT_LE(whole.at(job), at) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sovren::policy
