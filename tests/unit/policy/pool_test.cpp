// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/unit/policy/pool_world.h"

namespace sovren::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double hour_s = 3600;

Pool pool_of(int max_nodes, int cpus = 2) {
  return {.max_nodes = max_nodes,
          .pending_max = 100,
          .scale_on = {"queue_seconds", 0.1},
          .idle_timeout_s = 60,
          .time_limit_s = hour_s,
          .cpus = cpus};
}

TEST(Pool, IsQuietWhenNothingIsAsked) {
  PoolWorld world(pool_of(3));
  EXPECT_THAT(world.step(), IsEmpty());
  EXPECT_FALSE(world.plan.wake_at);
}

TEST(Pool, AsksForAsManyNodesAsWaitingJobsCanUse) {
  PoolWorld world(pool_of(10));
  world.submit_many(5, plain_job(1, 60));
  world.wait(1);
  EXPECT_THAT(world.step(), ElementsAre("ask 3"));  // two cores each
  world.wait(1);
  EXPECT_THAT(world.step(), IsEmpty()) << "they are on their way";
  world.submit(plain_job(2, 60));
  world.wait(1);
  EXPECT_THAT(world.step(), ElementsAre("ask 1"));
}

TEST(Pool, WaitsUntilItsThresholdIsPassed) {
  PoolWorld world(pool_of(3));
  world.pool().scale_on = {"queue_seconds", 30};
  world.submit(plain_job(1, 60));
  EXPECT_THAT(world.step(), ElementsAre("note: waits for queue_seconds > 30"));
  ASSERT_TRUE(world.plan.wake_at);
  EXPECT_NEAR(*world.plan.wake_at - world.now, 30, 0.01);
  world.now = *world.plan.wake_at;
  EXPECT_THAT(world.step(), ElementsAre("ask 1", "note: "));
}

TEST(Pool, LooksAgainWhenAJobMayBegin) {
  PoolWorld world(pool_of(3));
  const JobId job = world.submit(plain_job(1, 60));
  world.apply_now(JobRequeued{job, world.now + 10, false, "back-off"});
  EXPECT_THAT(world.step(), IsEmpty());
  EXPECT_EQ(world.plan.wake_at, world.now + 10);
  world.wait(10);
  EXPECT_THAT(world.step(), ElementsAre("ask 1"));
  PoolWorld reserved(pool_of(3));
  reserved.config.site.reservations = {
      {.name = "r", .start = reserved.now + 100, .duration_s = 50, .users = {"bob"}}};
  reserved.submit(plain_job(3, 60));
  reserved.step();
  EXPECT_EQ(reserved.plan.wake_at, reserved.now + 100);
}

TEST(Pool, NeverAsksForMoreThanMaxNodes) {
  PoolWorld world(pool_of(3));
  world.submit_many(30, plain_job(1, 60));
  world.wait(1);
  EXPECT_THAT(world.step(), ElementsAre("ask 3", "note: max_nodes = 3: it has no more"));
  for (int i = 1; i <= 3; ++i) world.arrive(i);
  EXPECT_THAT(world.step(), IsEmpty());
  EXPECT_EQ(world.running().size(), 6u);
}

TEST(Pool, KeepsToPendingMaxAtTheSite) {
  PoolWorld world(pool_of(10));
  world.pool().pending_max = 2;
  world.submit_many(8, plain_job(1, 60));
  world.wait(1);
  EXPECT_THAT(world.step(),
              ElementsAre("ask 2", "note: pending_max = 2: so many allocations wait at the site"));
  world.begin(1);  // no longer waits there
  EXPECT_THAT(world.step(), ElementsAre("ask 1"));
}

TEST(Pool, KeepsMinNodesWhateverWaits) {
  Pool pool = pool_of(3);
  pool.min_nodes = 2;
  PoolWorld world(pool);
  EXPECT_THAT(world.step(), ElementsAre("ask 2"));
  world.arrive(1);
  world.arrive(2);
  world.step();
  world.wait(10 * world.pool().idle_timeout_s);
  EXPECT_THAT(world.step(), IsEmpty());
}

TEST(Pool, ReleasesANodeThatWasIdleForItsTimeout) {
  PoolWorld world(pool_of(3));
  const JobId job = world.submit(plain_job(2, 60));
  world.wait(1);
  world.step();
  world.arrive(1);
  EXPECT_THAT(world.step(), IsEmpty());
  ASSERT_THAT(world.running(), ElementsAre(job));
  world.wait(500);
  EXPECT_THAT(world.step(), IsEmpty()) << "in use";
  world.finish(job);
  world.step();
  ASSERT_TRUE(world.plan.wake_at);
  EXPECT_EQ(*world.plan.wake_at - world.now, 60);
  world.wait(59);
  EXPECT_THAT(world.step(), IsEmpty());
  world.wait(1);
  EXPECT_THAT(world.step(), ElementsAre("release 1: unused for 1min"));
  EXPECT_TRUE(world.state.nodes.at("render-1").is_drained());
  world.leave(1);
  EXPECT_THAT(world.step(), ElementsAre("forget render-1"));
  EXPECT_TRUE(world.state.nodes.empty());
  EXPECT_THAT(world.step(), IsEmpty());
  EXPECT_FALSE(world.plan.wake_at);
}

TEST(Pool, GivesUpWhatItWaitsForWhenTheQueueIsGone) {
  PoolWorld world(pool_of(3));
  const JobId job = world.submit(plain_job(2, 60));
  world.wait(1);
  EXPECT_THAT(world.step(), ElementsAre("ask 1"));
  world.finish(job, JobState::cancelled);
  world.step();
  world.wait(60);
  EXPECT_THAT(world.step(), ElementsAre("release 1: unused for 1min"));
}

TEST(Pool, KeepsAnIdleNodeThatALargerJobWaitsFor) {
  PoolWorld world(pool_of(3));
  JobSpec wide = plain_job(6, 60);
  wide.resources.nodes = 3;
  world.submit(wide);
  world.wait(1);
  EXPECT_THAT(world.step(), ElementsAre("ask 3"));
  world.arrive(1);
  world.step();
  world.wait(500);
  EXPECT_THAT(world.step(), IsEmpty());
}

TEST(Pool, AsksJobsToMoveOnBeforeTheAllocationEnds) {
  PoolWorld world(pool_of(3));
  const JobId job = world.submit(soft_job(2, 10 * hour_s));
  world.wait(1);
  world.step();
  world.arrive(1);
  world.step();
  ASSERT_THAT(world.running(), ElementsAre(job));
  world.wait(hour_s - 100);
  world.step();
  EXPECT_FALSE(world.state.jobs.at(job).stop_requested);
  world.wait(48);  // 30 s for the agent to leave, two seals of 10 s and a margin for the job
  world.step();
  EXPECT_EQ(world.state.jobs.at(job).stop_requested, Request::preempt);
  EXPECT_EQ(world.state.jobs.at(job).stop_by, by_pool);
  EXPECT_TRUE(world.state.allocations.at({1}).is_released);
  world.requeue(job);
  EXPECT_THAT(world.step(), ElementsAre("ask 1")) << "where it goes on";
  EXPECT_THAT(world.running(), IsEmpty());
}

TEST(Pool, LetsNoJobStartThatItsAllocationDoesNotLastFor) {
  PoolWorld world(pool_of(1));
  world.submit(plain_job(1, 60));
  world.wait(1);
  world.step();
  world.arrive(1);
  world.step();
  EXPECT_EQ(world.running().size(), 1u);
  world.wait(hour_s / 2);
  const JobId late = world.submit(plain_job(1, 0.75 * hour_s));
  world.step();
  EXPECT_EQ(world.running().size(), 1u);
  EXPECT_THAT(world.why(late), HasSubstr("end before it would"));
}

TEST(Pool, BacksOffAfterRefusalsAndDoublesThat) {
  PoolWorld world(pool_of(3));
  world.submit(plain_job(2, 60));
  world.wait(1);
  double waited_s = 0;
  for (const double expected_s : {10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0, 600.0}) {
    const auto done = world.step();
    ASSERT_THAT(done, testing::Contains("ask 1")) << waited_s;
    world.memory.note_trouble("render", "refused by the site: bad account", world.now);
    world.apply_now(AllocationEnded{{world.state.last_allocation}, "refused"});
    world.step();
    EXPECT_THAT(world.note(), HasSubstr("refused by the site: bad account; asks again at "));
    ASSERT_TRUE(world.plan.wake_at);
    EXPECT_EQ(*world.plan.wake_at - world.now, expected_s);
    world.wait(expected_s - 1);
    EXPECT_THAT(world.step(), IsEmpty());
    world.wait(1);
  }
}

TEST(Pool, AsksNothingOfASiteThatDoesNotAnswer) {
  PoolWorld world(pool_of(3));
  world.memory.silent["slurm"] = "timed out";
  world.submit(plain_job(2, 60));
  world.wait(1);
  EXPECT_THAT(world.step(), ElementsAre("note: the site does not answer: timed out"));
  world.memory.silent.clear();
  EXPECT_THAT(world.step(), ElementsAre("ask 1", "note: "));
  world.memory.silent["slurm"] = "away";
  EXPECT_THAT(world.step(), ElementsAre("note: the site does not answer: away"))
      << "what has become of the node on its way is not known";
}

TEST(Pool, GivesBackAnAllocationWhoseAgentDoesNotJoin) {
  PoolWorld world(pool_of(1));
  world.submit(plain_job(2, 60));
  world.wait(1);
  world.step();
  world.begin(1);
  world.step();
  world.wait(join_patience_s);
  EXPECT_THAT(world.step(),
              testing::Contains("release 1: no agent has joined from it within 3min"));
  EXPECT_EQ(world.memory.troubles.at("render").in_a_row, 1);
}

TEST(Pool, DrainsANodeThatJoinsTooLate) {
  PoolWorld world(pool_of(1));
  const JobId job = world.submit(plain_job(2, 60));
  world.wait(1);
  world.step();
  world.finish(job, JobState::cancelled);
  world.step();
  world.wait(60);
  world.step();
  world.arrive(1);
  EXPECT_THAT(world.step(), ElementsAre("drain render-1: unused for 1min"));
  world.apply_now(AllocationEnded{{1}, "COMPLETED"});
  world.apply_now(NodeResumed{"render-1", "ada"});
  EXPECT_THAT(world.step(), ElementsAre("drain render-1: its allocation has ended"));
}

TEST(Pool, SaysWhichJobIsTooLargeForIt) {
  PoolWorld world(pool_of(2));
  JobSpec large = plain_job(3, 60);
  large.partition = "render";
  world.submit(large);
  world.wait(1);
  EXPECT_THAT(world.step(), ElementsAre("note: job 1 asks for more than its nodes have: 2 cores, "
                                        "0 GPUs, max_nodes = 2"));
}

TEST(Pool, ServesOnlyJobsThatItsNodesCouldRun) {
  PoolWorld world(pool_of(3));
  world.config.site.partitions.push_back({.name = "static", .nodes = {"n1"}});
  JobSpec elsewhere = plain_job(1, 60);
  elsewhere.partition = "static";
  JobSpec labelled = plain_job(1, 60);
  labelled.labels = {{"region", "north"}};
  const JobId held = world.submit(plain_job(1, 60));
  world.apply_now(StopRequested{held, Request::stop, "ada"});
  world.submit(elsewhere);
  world.submit(labelled);
  world.wait(1);
  EXPECT_THAT(world.step(), IsEmpty());
}

TEST(Pool, DoesNotGrowForAJobThatOutlastsItsAllocations) {
  PoolWorld world(pool_of(3));
  const JobId job = world.submit(plain_job(1, 2 * hour_s));
  world.wait(1);
  EXPECT_THAT(world.step(),
              ElementsAre("note: job 1 cannot checkpoint, and may run longer than 59min"));
  EXPECT_THAT(world.why(job), HasSubstr("pool render has nodes for 59min only"));
  JobSpec open = plain_job(1, 60);
  open.resources.time_limit_s.reset();
  EXPECT_FALSE(with_site_defaults(open, world.config.site, "ada").resources.time_limit_s);
  open.partition = "render";
  EXPECT_EQ(with_site_defaults(open, world.config.site, "ada").resources.time_limit_s, 59 * 60);
  JobSpec soft = soft_job(1, 60);
  soft.resources.time_limit_s.reset();
  soft.partition = "render";
  EXPECT_FALSE(with_site_defaults(soft, world.config.site, "ada").resources.time_limit_s);
}

TEST(Pool, GrowsNoFurtherThanLimitsAllow) {
  PoolWorld world(pool_of(10, 1));
  world.config.site.user_limits.running_jobs = 2;
  world.submit_many(8, plain_job(1, 60));
  world.wait(1);
  EXPECT_THAT(world.step(), ElementsAre("ask 2"));
}

TEST(Pool, GrowsOnLoadAndOnMetricsOfItsJobs) {
  for (const std::string metric : {"load", "causal_depth", "chain_depth"}) {
    PoolWorld world(pool_of(3, 4));
    world.pool().scale_on = {metric, metric == "load" ? 0.7 : 5};
    const JobId first = world.submit(plain_job(2, 60));
    EXPECT_THAT(world.step(), ElementsAre("ask 1")) << "without a node there is nothing to measure";
    world.arrive(1);
    world.step();
    world.submit(plain_job(4, 60));
    world.metrics[first] = {{"causal_chain_depth", 5}, {"causal_tests_per_second", 9e9}};
    EXPECT_THAT(world.step(),
                ElementsAre("note: waits for " + scale_on_text(world.pool().scale_on)));
    EXPECT_TRUE(world.plan.wake_at);
    if (metric == "load") world.start(world.submit(plain_job(2, 60)), "render-1", 2);
    world.metrics[first]["causal_chain_depth"] = 6;
    EXPECT_THAT(world.step(), ElementsAre("ask 1", "note: ")) << metric;
  }
}

TEST(Pool, OfANameThatIsGoneIsReleased) {
  PoolWorld world(pool_of(3));
  world.apply_now(AllocationAsked{{1}, "old", 60});
  world.apply_now(PoolNoted{"old", "x"});
  EXPECT_THAT(world.step(), ElementsAre("release 1: there is no pool old any more", "note: "));
}

TEST(Pool, ExplainsWhatItDoesForAJob) {
  PoolWorld world(pool_of(1));
  const JobId job = world.submit(plain_job(2, 60));
  EXPECT_THAT(world.why(job), HasSubstr("no node has joined; pool render may grow"));
  world.wait(1);
  world.step();
  EXPECT_THAT(world.why(job), HasSubstr("pool render is growing: 1 node is on the way"));
  world.arrive(1);
  const JobId other = world.submit(plain_job(2, 60));
  world.step();
  EXPECT_THAT(world.why(other), HasSubstr("pool render does not grow: max_nodes = 1"));
}

TEST(Pool, AcceptsJobsForNodesThatAreNotThereYet) {
  const PoolWorld world(pool_of(2));
  const auto verdict = [&](const JobSpec& spec) {
    return can_ever_run(spec, world.state, world.config, "ada");
  };
  JobSpec wide = plain_job(4, 60);
  wide.resources.nodes = 2;
  EXPECT_TRUE(verdict(wide));
  wide.partition = "render";
  wide.labels = {{"pool", "render"}};
  EXPECT_TRUE(verdict(wide));
  wide.resources.nodes = 3;
  wide.resources.ranks = 3;
  ASSERT_FALSE(verdict(wide));
  EXPECT_THAT(verdict(wide).error().what, HasSubstr("nodes = 3"));
  EXPECT_THAT(verdict(plain_job(3, 60)).error().what, HasSubstr("the largest node has 2 cores"));
  EXPECT_THAT(verdict(plain_job(1, 2 * hour_s)).error().what, HasSubstr("cannot checkpoint"));
  EXPECT_TRUE(verdict(soft_job(1, 2 * hour_s)));
}

// Jobs come and end, the site starts, refuses, ends and loses allocations at random: bounds hold at
// every step (PoolWorld::step checks max_nodes, and that plans settle), and once the queue is empty
// all is given back and stays so.
class PoolLaw : public testing::TestWithParam<std::uint64_t> {};
TEST_P(PoolLaw, BoundsHoldAndAllEndsWhenTheQueueIsEmpty) {
  const Philox random(GetParam(), 0);
  std::uint64_t drawn = 0;
  const auto below = [&](int n) {
    return static_cast<int>(random.below(drawn++, static_cast<std::uint64_t>(n)));
  };
  Pool pool = pool_of(1 + below(6), 1 + below(4));
  pool.pending_max = 1 + below(3);
  pool.scale_on = below(2) == 0 ? ScaleOn{"queue_seconds", 5.0 * below(3)} : ScaleOn{"pending", 2};
  pool.time_limit_s = 300 + 300 * below(4);
  PoolWorld world(pool);
  std::int64_t asked_when_empty = -1;
  for (int i = 0; i < 600; ++i) {
    const bool is_busy = i < 300;
    if (is_busy && below(3) == 0)
      world.submit(below(2) == 0 ? plain_job(1, 30 + below(100)) : soft_job(1 + below(2), 1000));
    for (const JobId job : world.running())
      if (world.state.jobs.at(job).stop_requested)
        world.requeue(job);
      else if (below(4) == 0)
        world.finish(job);
    const auto allocations = world.state.allocations;
    for (const auto& [id, allocation] : allocations) {
      const bool is_there = world.state.nodes.contains(PoolWorld::name_of(id.value));
      const auto node = world.state.nodes.find(PoolWorld::name_of(id.value));
      const bool is_vacant = node == world.state.nodes.end() || node->second.attempts == 0;
      if (allocation.is_released && is_vacant)
        world.leave(id.value);
      else if (!allocation.is_started && below(3) == 0)
        world.begin(id.value);
      else if (allocation.is_started && !is_there && below(2) == 0)
        world.join(id.value);
      else if (is_vacant && below(40) == 0)
        world.leave(id.value);
    }
    world.wait(1 + below(20));
    world.step();
    int queued = 0;
    for (const auto& [id, allocation] : world.state.allocations)
      if (!allocation.is_started) ++queued;
    ASSERT_LE(queued, pool.pending_max);
    if (!is_busy)
      for (const auto& [id, job] : std::map<JobId, Job>(world.state.jobs))
        if (job.state == JobState::pending) world.finish(id, JobState::cancelled);
    if (i == 350) asked_when_empty = world.state.last_allocation;
  }
  EXPECT_TRUE(world.state.allocations.empty());
  EXPECT_TRUE(world.state.nodes.empty());
  EXPECT_EQ(world.state.last_allocation, asked_when_empty) << "an empty queue asks for nothing";
  EXPECT_GT(world.state.last_allocation, 0);
  EXPECT_FALSE(world.plan.wake_at);
  EXPECT_EQ(world.note(), "");
}
INSTANTIATE_TEST_SUITE_P(Seeds, PoolLaw, testing::Range<std::uint64_t>(1, 31));

}  // namespace
}  // namespace sovren::policy
