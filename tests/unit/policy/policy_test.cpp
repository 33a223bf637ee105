// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/unit/policy/cluster.h"

namespace sovren::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Policy, StartsByPriorityThenById) {
  Cluster cluster;
  cluster.node("a", 2);
  JobSpec urgent = job_with_ranks(1);
  urgent.priority = 5;
  cluster.submit(job_with_ranks(1));
  cluster.submit(job_with_ranks(1));
  cluster.submit(urgent);
  EXPECT_THAT(actions_text(decide(cluster.state, cluster.now, {})),
              ElementsAre("start 3 on a x1", "start 1 on a x1"));
}

TEST(Policy, KeepsRoomForTheFirstThatDoesNotFit) {
  Cluster cluster;
  cluster.node("a", 2);
  const JobId running = cluster.submit(job_with_ranks(1));
  cluster.start(running, "a", 1);
  cluster.now = cluster.now + 1.0;
  const JobId large = cluster.submit(job_with_ranks(2));
  const JobId small = cluster.submit(job_with_ranks(1));
  const Plan plan = decide(cluster.state, cluster.now, {});
  EXPECT_THAT(actions_text(plan), ElementsAre());
  EXPECT_EQ(plan.reasons.at(large), "waits for 2 free cores: a has 1 of 2 cores free");
  EXPECT_EQ(plan.reasons.at(small), "there is room, but it is kept for jobs that come first");
  cluster.now = cluster.now + 599.0;  // the running one has had its quantum
  EXPECT_THAT(actions_text(decide(cluster.state, cluster.now, {})),
              ElementsAre("preempt 1 (scheduler:preemption)"));
}

TEST(Policy, DoesNotHoldBackOthersForOneThatFitsOnNoNodeThatIsUp) {
  Cluster cluster;
  cluster.node("a", 2);
  cluster.node("b", 8);
  JobSpec large = job_with_ranks(8);
  large.resources.oversubscribe = Oversubscribe::no;
  cluster.submit(large);
  cluster.submit(job_with_ranks(1));
  cluster.apply_now(NodeLeft{"b", "gone"});
  EXPECT_THAT(actions_text(decide(cluster.state, cluster.now, {})), ElementsAre("start 2 on a x1"));
}

TEST(Policy, SharesNoCoreBetweenJobs) {
  Cluster cluster;
  cluster.node("a", 2);
  cluster.submit(job_with_ranks(4));
  cluster.submit(job_with_ranks(1));
  const Plan plan = decide(cluster.state, cluster.now, {});
  EXPECT_THAT(actions_text(plan), ElementsAre("start 1 on a x4"));
  EXPECT_EQ(plan.reasons.at(JobId{2}), "waits for 1 free core: a has 0 of 2 cores free");
}

TEST(Policy, LetsAnElasticJobGrowOnlyWhenNoOtherWaits) {
  JobSpec elastic = job_with_ranks(1);
  elastic.resources.ranks_max = 4;
  Cluster alone;
  alone.node("a", 4);
  alone.submit(elastic);
  EXPECT_THAT(actions_text(decide(alone.state, alone.now, {})), ElementsAre("start 1 on a x4"));
  Cluster busy;
  busy.node("a", 4);
  busy.submit(elastic);
  busy.submit(job_with_ranks(1));
  EXPECT_THAT(actions_text(decide(busy.state, busy.now, {})),
              ElementsAre("start 1 on a x1", "start 2 on a x1"));
}

TEST(Policy, WaitsForTheBeginTimeAndWakesThen) {
  Cluster cluster;
  cluster.now = *parse_utc("2026-11-23T12:00:00Z");
  cluster.node("a", 2);
  JobSpec later = job_with_ranks(1);
  later.begin = "2026-11-23T13:00:00Z";
  const JobId job = cluster.submit(later);
  const Instant begin = *parse_utc(later.begin);
  Plan plan = decide(cluster.state, cluster.now, {});
  EXPECT_TRUE(plan.actions.empty());
  EXPECT_EQ(plan.wake_at, begin);
  EXPECT_EQ(plan.reasons.at(job), "waits until 2026-11-23T13:00:00.000Z, its begin time");
  EXPECT_TRUE(decide(cluster.state, {begin.ms - 1}, {}).actions.empty());
  EXPECT_THAT(actions_text(decide(cluster.state, begin, {})), ElementsAre("start 1 on a x1"));
}

TEST(Policy, WaitsForABackoffAndSaysWhy) {
  Cluster cluster;
  cluster.node("a", 2);
  const JobId job = cluster.submit(job_with_ranks(1));
  cluster.start(job, "a", 1);
  cluster.end(job, Ending::retry);
  cluster.apply_now(JobRequeued{job, cluster.now + 10.0, true, "retry 1 of 3: a peer was lost"});
  const Plan plan = decide(cluster.state, cluster.now, {});
  EXPECT_TRUE(plan.actions.empty());
  EXPECT_EQ(plan.wake_at, cluster.now + 10.0);
  EXPECT_THAT(plan.reasons.at(job), HasSubstr("retry 1 of 3: a peer was lost"));
}

TEST(Policy, LeavesHeldJobsAlone) {
  Cluster cluster;
  cluster.node("a", 2);
  const JobId job = cluster.submit(job_with_ranks(1));
  cluster.apply_now(StopRequested{job, Request::stop, "ada"});
  const Plan plan = decide(cluster.state, cluster.now, {});
  EXPECT_TRUE(plan.actions.empty());
  EXPECT_FALSE(plan.wake_at);
  EXPECT_EQ(plan.reasons.at(job), "held; release it to start it");
}

TEST(Policy, GivesAReasonForMoreNodesThanOne) {
  Cluster cluster;
  cluster.node("a", 2);
  JobSpec wide = job_with_ranks(2);
  wide.resources.nodes = 4;
  const JobId job = cluster.submit(wide);
  EXPECT_THAT(decide(cluster.state, cluster.now, {}).reasons.at(job),
              HasSubstr("waits for 2 free cores on 4 nodes"));
}

TEST(Policy, StopsBeforeItStarts) {
  Cluster cluster;
  cluster.node("a", 1);
  JobSpec limited = job_with_ranks(1);
  limited.resources.time_limit_s = 100;
  const JobId job = cluster.submit(limited);
  cluster.start(job, "a", 1);
  cluster.submit(job_with_ranks(1));
  cluster.now = cluster.now + 77.0;
  const Plan plan = decide(cluster.state, cluster.now, {});
  EXPECT_THAT(actions_text(plan), ElementsAre("stop 1 (scheduler:time-limit)"));
  EXPECT_EQ(plan.wake_at, cluster.now + 53.0) << "100 s + 30 s of grace - 77 s";
}

TEST(Policy, FreesWhatAnEndedAttemptHeld) {
  Cluster cluster;
  cluster.node("a", 1);
  const JobId first = cluster.submit(job_with_ranks(1));
  cluster.start(first, "a", 1);
  cluster.submit(job_with_ranks(1));
  EXPECT_TRUE(decide(cluster.state, cluster.now, {}).actions.empty());
  cluster.end(first, Ending::done);
  cluster.apply_now(JobEnded{first, JobState::completed, "", "digest"});
  EXPECT_THAT(actions_text(decide(cluster.state, cluster.now, {})), ElementsAre("start 2 on a x1"));
}

// The law of policy.h over random clusters: a plan, once carried out, leaves nothing to do, every
// job that still waits has its reason, and no node is given out twice.
TEST(Policy, DecidesOnceAndForAllOverRandomClusters) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Philox random(seed);
    std::uint64_t draw = 0;
    const auto below = [&](std::uint64_t bound) {
      return static_cast<int>(random.below(draw++, bound));
    };
    Cluster cluster;
    for (int n = 1 + below(4); n > 0; --n)
      cluster.node("node" + std::to_string(n), 1 + below(8), below(3), 1000 * below(3));
    for (int j = below(12); j > 0; --j) {
      JobSpec spec = job_with_ranks(1 + below(10));
      spec.priority = below(3);
      Resources& r = spec.resources;
      if (below(2) == 0) r.ranks_min = 1 + below(static_cast<std::uint64_t>(r.ranks));
      if (below(2) == 0) r.ranks_max = r.ranks + below(5);
      r.cpus_per_rank = 1 + below(2);
      r.gpus_per_rank = below(4) == 0 ? 1 : 0;
      r.memory_per_rank_bytes = 200 * below(3);
      r.oversubscribe = static_cast<Oversubscribe>(below(3));
      if (below(3) == 0) r.time_limit_s = 1 + below(300);
      cluster.submit(spec);
    }
    for (int step = 0; step < 8; ++step) {
      const Plan plan = decide(cluster.state, cluster.now, {});
      cluster.carry_out(plan);
      const Plan again = decide(cluster.state, cluster.now, {});
      EXPECT_THAT(actions_text(again), ElementsAre()) << "seed " << seed;
      EXPECT_EQ(again.wake_at, plan.wake_at) << "seed " << seed;
      EXPECT_EQ(again.reasons, plan.reasons) << "seed " << seed;
      for (const auto& [id, job] : cluster.state.jobs)
        EXPECT_EQ(plan.reasons.contains(id), job.state == JobState::pending) << "seed " << seed;
      for (const auto& [name, node] : cluster.state.nodes) {
        EXPECT_LE(node.gpus_used, node.resources.gpus) << "seed " << seed;
        if (node.resources.memory_bytes > 0) {
          EXPECT_LE(node.memory_used_bytes, node.resources.memory_bytes) << "seed " << seed;
        }
      }
      cluster.now = plan.wake_at.value_or(cluster.now + 100.0);
      for (auto& [id, job] : State(cluster.state).jobs) {
        if (job.state != JobState::running || below(2) != 0) continue;
        cluster.end(id, Ending::checkpointed);
        cluster.apply_now(JobRequeued{id, cluster.now + below(20), false, "requeued"});
      }
    }
  }
}

TEST(Policy, LearnsTheTimeBetweenFailures) {
  State state;
  Job job;
  job.slots = {{"n1", 4}};
  EXPECT_DOUBLE_EQ(mtbf_s(state, job, {}), 86'400.0) << "the prior";
  state.totals = {.run_s = 1, .breakdowns = 4, .node_s = 13'600};
  EXPECT_DOUBLE_EQ(mtbf_s(state, job, {}), 20'000.0) << "of others: their mean is the job's prior";
}

TEST(Policy, AttemptOnManyNodesFailsAsOftenAsAllOfThemTogether) {
  State state;
  Job job;
  job.slots = {{"n1", 4}, {"n2", 4}, {"n3", 4}, {"n4", 4}};
  EXPECT_DOUBLE_EQ(mtbf_s(state, job, {}), 86'400.0 / 4);
}

TEST(Policy, JobThatIsKilledAgainAndAgainPlansForIt) {
  State state;
  Job job;
  job.slots = {{"n1", 1}};
  double before_s = mtbf_s(state, job, {});
  for (int kills = 1; kills <= 3; ++kills) {
    job.breakdowns += 1, job.node_s += 300;
    state.totals.breakdowns += 1, state.totals.node_s += 300;
    const double now_s = mtbf_s(state, job, {});
    EXPECT_LT(now_s, before_s / 1.3);
    before_s = now_s;
  }
  EXPECT_DOUBLE_EQ(before_s, (0.25 * 86'400 + 900) / 3.25);
  // A thousand others that never fail do not hide it, and its own long peace is believed.
  state.totals.node_s += 1e9;
  EXPECT_LT(mtbf_s(state, job, {}), 0.25 * 1.1e9 / 3.25);
  job = {.slots = {{"n1", 1}}, .node_s = 864'000};
  state.totals = {.node_s = 864'000};
  EXPECT_GT(mtbf_s(state, job, {}), 86'400 + 864'000);
}

}  // namespace
}  // namespace sovren::policy
