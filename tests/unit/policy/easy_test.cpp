// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/policy/schedule.h"
#include "tests/unit/policy/machine.h"

namespace sovren::policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PolicyConfig easy() {
  PolicyConfig config;
  config.order = Order::fcfs;
  config.preemption.is_on = false;
  return config;
}

class Easy : public testing::Test {
 protected:
  std::vector<std::string> plan() const { return decided(cluster_, easy()); }
  Cluster cluster_;
};

// 4 cores, 2 of them taken for 100 s; the head wants 3.
class SpareCores : public Easy {
 protected:
  void SetUp() override {
    cluster_.node("a", 4);
    cluster_.submit(plain_job(2, 100));
    cluster_.start({1}, "a", 2);
    cluster_.submit(plain_job(3, 1000));
  }
};
TEST_F(SpareCores, GoToAJobThatEndsBeforeTheHeadStarts) {
  cluster_.submit(plain_job(2, 100));
  EXPECT_THAT(plan(), ElementsAre("start 3 on a x2"));
}
TEST_F(SpareCores, GoToALongJobThatLeavesTheHeadItsPlace) {
  cluster_.submit(plain_job(1, 100'000));
  EXPECT_THAT(plan(), ElementsAre("start 3 on a x1"));
}
TEST_F(SpareCores, DoNotGoToALongJobThatWouldDelayTheHead) {
  cluster_.submit(plain_job(2, 101));
  EXPECT_THAT(plan(), IsEmpty());
}
TEST_F(SpareCores, AreGivenToOneLongJobOnly) {
  cluster_.submit(plain_job(1, 100'000));
  cluster_.submit(plain_job(1, 100'000));
  EXPECT_THAT(plan(), ElementsAre("start 3 on a x1"));
}
TEST_F(SpareCores, GoToNobodyWithoutBackfill) {
  cluster_.submit(plain_job(1, 1));
  PolicyConfig config = easy();
  config.backfill = Backfill::none;
  EXPECT_THAT(decided(cluster_, config), IsEmpty());
}
TEST_F(SpareCores, GoByTheOrderOfBackfill) {
  cluster_.submit(plain_job(2, 90));
  cluster_.submit(plain_job(2, 10));
  PolicyConfig config = easy();
  EXPECT_THAT(decided(cluster_, config), ElementsAre("start 3 on a x2"));
  config.backfill_order = Order::sjf;
  EXPECT_THAT(decided(cluster_, config), ElementsAre("start 4 on a x2"));
}

TEST_F(Easy, KeepsNodesOfAGangTogether) {
  cluster_.node("a", 2);
  cluster_.node("b", 2);
  cluster_.node("c", 2);
  cluster_.submit(plain_job(2, 100));
  cluster_.start({1}, "a", 2);
  JobSpec gang = plain_job(6, 50);
  gang.resources.nodes = 3;
  cluster_.submit(gang);
  cluster_.submit(plain_job(2, 200));  // would be on b or c when a is free
  cluster_.submit(plain_job(2, 100));
  EXPECT_THAT(plan(), ElementsAre("start 4 on b x2"));
}

TEST_F(Easy, CountsGpusAndMemory) {
  cluster_.node("a", 8, 2, 1000);
  JobSpec gpu = plain_job(1, 100);
  gpu.resources.gpus_per_rank = 2;
  cluster_.submit(gpu);
  cluster_.start({1}, "a", 1);
  cluster_.submit(gpu);  // the head waits for GPUs
  JobSpec one_gpu = plain_job(1, 1000);
  one_gpu.resources.gpus_per_rank = 1;
  cluster_.submit(one_gpu);
  JobSpec memory = plain_job(1, 1000);
  memory.resources.memory_per_rank_bytes = 1001;
  cluster_.submit(memory);
  memory.resources.memory_per_rank_bytes = 1000;
  cluster_.submit(memory);
  EXPECT_THAT(plan(), ElementsAre("start 5 on a x1"));
}

TEST_F(Easy, TreatsAJobThatOutlivesItsLimitAsEndingSoon) {
  cluster_.node("a", 2);
  cluster_.submit(plain_job(1, 100));
  cluster_.start({1}, "a", 1);
  cluster_.now = cluster_.now + 120.0;
  cluster_.submit(plain_job(2, 100));
  cluster_.submit(plain_job(1, 60));
  EXPECT_THAT(plan(), ElementsAre("stop 1 (scheduler:time-limit)"));
  cluster_.submit(plain_job(1, 10));  // while it seals
  EXPECT_THAT(plan(), ElementsAre("stop 1 (scheduler:time-limit)", "start 4 on a x1"));
}

// The head's promise, made without any backfill, holds with it; and nobody is left out that could
// have started without harm. On random machines with exact estimates.
TEST(EasyLaw, HeadIsNeverDelayedAndNoGapIsLeft) {
  int promises = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Machine machine(seed);
    const View& view = machine.view();
    const Instant now = machine.now();
    PolicyConfig config = easy();
    const Schedule easy_way = make_schedule(view, config, {}, now);
    config.backfill = Backfill::none;
    const Schedule alone = make_schedule(view, config, {}, now);
    ASSERT_LE(alone.choices.size(), easy_way.choices.size());
    if (!alone.promise || !easy_way.promise) continue;
    ++promises;
    ASSERT_EQ(easy_way.promise->job, alone.promise->job) << "seed " << seed;
    ASSERT_EQ(easy_way.promise->at, alone.promise->at) << "seed " << seed;

    const Instant then = easy_way.promise->at;
    std::vector<Room> rooms = machine.rooms_at(then, easy_way.choices);
    const Ask& head = *view.waiting(easy_way.promise->job);
    const Resources& wanted = view.shape_of(head).resources;
    ASSERT_TRUE(place(wanted, Growth::up_to_ranks, rooms, view.allowed(head))) << "seed " << seed;

    const std::vector<Room> free = machine.rooms_at(now, easy_way.choices);
    for (const Share& share : easy_way.promise->shares)
      take(rooms[static_cast<std::size_t>(share.node)], wanted, share.ranks);
    for (const JobId other : machine.waiting_but(easy_way)) {
      const Ask& ask = *view.waiting(other);
      const Resources& r = view.shape_of(ask).resources;
      if (now + ask.estimate_s <= then) {
        ASSERT_FALSE(place(r, Growth::up_to_ranks, free, view.allowed(ask)))
            << "seed " << seed << " job " << other.value;
        continue;
      }
      std::vector<Room> both;
      for (std::size_t i = 0; i < rooms.size(); ++i) both.push_back(lesser(free[i], rooms[i]));
      ASSERT_FALSE(place(r, Growth::up_to_ranks, both, view.allowed(ask)))
          << "seed " << seed << " job " << other.value;
    }
  }
  EXPECT_GT(promises, 500);
}

// Run to the end, event by event: whoever has been head starts no later than first promised.
TEST(EasyLaw, PromisesAreKeptToTheEnd) {
  int kept = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Machine machine(seed);
    std::map<JobId, Instant> promised;
    while (machine.view().waiting_count() > 0) {
      const Schedule schedule = make_schedule(machine.view(), easy(), {}, machine.now());
      for (const Choice& choice : schedule.choices) {
        machine.start(choice);
        if (const auto promise = promised.find(choice.job); promise != promised.end()) {
          ++kept;
          ASSERT_LE(machine.now(), promise->second) << "seed " << seed;
        }
      }
      if (schedule.promise) promised.try_emplace(schedule.promise->job, schedule.promise->at);
      if (!machine.end_next()) break;  // those that fit nowhere are left
    }
  }
  EXPECT_GT(kept, 500);
}

}  // namespace
}  // namespace sovren::policy
