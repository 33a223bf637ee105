// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/preemption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/base/rng.h"
#include "scheduler/policy/index.h"
#include "tests/unit/policy/cluster.h"

namespace sovren::policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr double quantum_s = 600;
constexpr double day_s = 86'400;

class Feedbacks : public testing::Test {
 protected:
  void SetUp() override { config_.order = Order::fcfs; }
  std::vector<std::string> plan() const { return decided(cluster_, config_); }
  JobId runs(const JobSpec& spec, const std::string& node) {
    const JobId job = cluster_.submit(spec);
    cluster_.start(job, node, spec.resources.ranks);
    return job;
  }
  void wait_s(double seconds) { cluster_.now = cluster_.now + seconds; }
  Cluster cluster_;
  PolicyConfig config_;
};

TEST_F(Feedbacks, ALongJobMakesRoomForAShortOneAfterItsQuantum) {
  cluster_.node("a", 2);
  runs(soft_job(2, 10 * day_s), "a");
  cluster_.submit(soft_job(1, 60));
  EXPECT_THAT(plan(), IsEmpty());
  EXPECT_EQ(decide(cluster_.state, cluster_.now, config_).wake_at, cluster_.now + quantum_s);
  wait_s(quantum_s - 1);
  EXPECT_THAT(plan(), IsEmpty()) << "pinned";
  wait_s(1);
  EXPECT_THAT(plan(), ElementsAre("preempt 1 (scheduler:preemption)"));
  cluster_.carry_out(decide(cluster_.state, cluster_.now, config_));
  EXPECT_THAT(plan(), IsEmpty());
  cluster_.requeue({1});
  EXPECT_THAT(plan(), ElementsAre("start 2 on a x1")) << "before the one that has run its quantum";
}

TEST_F(Feedbacks, AJobThatCostsMuchToStopRunsForFiveTimesThat) {
  cluster_.node("a", 1);
  const JobId dear = runs(soft_job(1, 10 * day_s), "a");
  cluster_.apply_now(CheckpointSealed{dear, 1, 1, 1, 200, 1});
  cluster_.apply_now(CheckpointRestored{dear, 1, 1, 100});
  cluster_.submit(soft_job(1, 60));
  wait_s(5 * 300 - 1);
  EXPECT_THAT(plan(), IsEmpty());
  wait_s(1);
  EXPECT_THAT(plan(), ElementsAre("preempt 1 (scheduler:preemption)"));
}

TEST_F(Feedbacks, AJobThatCannotCheckpointIsLeftAlone) {
  cluster_.node("a", 1);
  runs(plain_job(1, 10 * day_s), "a");
  cluster_.submit(soft_job(1, 60));
  wait_s(9 * day_s);
  EXPECT_THAT(plan(), IsEmpty());
}

TEST_F(Feedbacks, UnlessItsQosSaysThatItMayBeginAnew) {
  config_.site.qos = {{.name = "scavenge", .requeues = true}};
  cluster_.node("a", 1);
  JobSpec spec = plain_job(1, 10 * day_s);
  spec.qos = "scavenge";
  runs(spec, "a");
  cluster_.submit(soft_job(1, 60));
  wait_s(quantum_s);
  EXPECT_THAT(plan(), ElementsAre("preempt 1 (scheduler:preemption)"));
}

TEST_F(Feedbacks, AJobThatMayNotBeginAnewIsLeftAlone) {
  cluster_.node("a", 1);
  JobSpec spec = soft_job(1, 10 * day_s);
  spec.retry.requeue = false;
  runs(spec, "a");
  cluster_.submit(soft_job(1, 60));
  wait_s(9 * day_s);
  EXPECT_THAT(plan(), IsEmpty());
}

class QosPreempts : public Feedbacks {
 protected:
  void SetUp() override {
    Feedbacks::SetUp();
    config_.site.qos = {
        {.name = "urgent", .preempts = {"low"}}, {.name = "low"}, {.name = "other"}};
    cluster_.node("a", 1);
  }
  static JobSpec of(const std::string& qos, double time_limit_s = 10 * day_s) {
    JobSpec spec = soft_job(1, time_limit_s);
    spec.qos = qos;
    return spec;
  }
};
TEST_F(QosPreempts, LowerOnesAtOnceInsideTheirQuantum) {
  runs(of("low"), "a");
  cluster_.submit(of("urgent"));
  EXPECT_THAT(plan(), ElementsAre("preempt 1 (scheduler:preemption)"));
}
TEST_F(QosPreempts, NoneThatItDoesNotName) {
  runs(of("other"), "a");
  cluster_.submit(of("urgent"));
  EXPECT_THAT(plan(), IsEmpty());
  wait_s(quantum_s);
  EXPECT_THAT(plan(), ElementsAre("preempt 1 (scheduler:preemption)")) << "as any that goes first";
}
TEST_F(QosPreempts, ForItselfAndForNobodyElse) {
  cluster_.node("b", 1);
  runs(of("low"), "a");
  runs(of("low"), "b");
  cluster_.submit(of("urgent"));
  cluster_.submit(of("low", 1));
  EXPECT_THAT(plan().size(), 1u) << "the short one of the same QOS waits for a pin to end";
}
TEST_F(QosPreempts, NeverOneThatCannotCheckpoint) {
  JobSpec hard = plain_job(1, day_s);
  hard.qos = "low";
  runs(hard, "a");
  cluster_.submit(of("urgent"));
  wait_s(1000);
  EXPECT_THAT(plan(), IsEmpty());
}
TEST_F(QosPreempts, AndIsNotPreemptedByThoseBelow) {
  runs(of("urgent"), "a");
  cluster_.submit(of("low", 1));
  wait_s(5 * day_s);
  EXPECT_THAT(plan(), IsEmpty());
}

TEST_F(Feedbacks, NoSecondVictimWhileTheFirstIsStillStopping) {
  cluster_.node("a", 1);
  cluster_.node("b", 1);
  const JobId on_a = runs(soft_job(1, 10 * day_s), "a");
  wait_s(10);
  runs(soft_job(1, 10 * day_s), "b");
  cluster_.submit(soft_job(1, 60));
  wait_s(quantum_s - 10);
  Plan plan_now = decide(cluster_.state, cluster_.now, config_);
  EXPECT_THAT(actions_text(plan_now), ElementsAre("preempt 1 (scheduler:preemption)"));
  cluster_.carry_out(plan_now);
  for (int i = 0; i < 30; ++i) {
    EXPECT_THAT(plan(), IsEmpty()) << "at " << i << " s: b has no pin any more, a is stopping";
    wait_s(1);
  }
  cluster_.requeue(on_a);
  EXPECT_THAT(plan(), ElementsAre("start 3 on a x1"));
}

// b is the tighter fit, but who runs on a is the one to stop.
TEST_F(Feedbacks, TheLastInOrderIsStopped) {
  cluster_.node("a", 4);
  cluster_.node("b", 2);
  runs(soft_job(4, 20 * day_s), "a");
  runs(soft_job(2, 0.5 * day_s), "b");
  wait_s(2 * 3600);
  cluster_.submit(soft_job(2, 60));
  EXPECT_THAT(plan(), ElementsAre("preempt 1 (scheduler:preemption)"));
}

TEST_F(Feedbacks, NoMoreAreStoppedThanWillDo) {
  for (const char* name : {"a", "b", "c", "d"}) {
    cluster_.node(name, 1);
    runs(soft_job(1, 10 * day_s), name);
  }
  JobSpec gang = soft_job(2, 60);
  gang.resources.nodes = 2;
  cluster_.submit(gang);
  wait_s(quantum_s);
  EXPECT_THAT(plan().size(), 2u);
}

TEST_F(Feedbacks, AFreeNodeIsUsedBeforeAnybodyIsStopped) {
  cluster_.node("a", 1);
  cluster_.node("b", 4);
  runs(soft_job(1, 10 * day_s), "a");
  wait_s(quantum_s);
  cluster_.submit(soft_job(1, 60));
  EXPECT_THAT(plan(), ElementsAre("start 2 on b x1"));
}

TEST_F(Feedbacks, ARunningJobIsStoppedOnlyForAMuchShorterOneOfItsLevel) {
  cluster_.node("a", 1);
  runs(soft_job(1, 10'000), "a");
  wait_s(3600);  // level 2, 6,400 s left
  const JobId other = cluster_.submit(soft_job(1, 3700));
  cluster_.state.jobs.at(other).run_s = 3600;  // level 2, 100 s left
  EXPECT_THAT(plan(), ElementsAre("preempt 1 (scheduler:preemption)"));
  cluster_.state.jobs.at(other).run_s = 0;
  EXPECT_THAT(plan(), ElementsAre("preempt 1 (scheduler:preemption)")) << "of a lower level";
  JobSpec half = soft_job(1, 5600);
  cluster_.finish(other, JobState::cancelled);
  const JobId similar = cluster_.submit(half);
  cluster_.state.jobs.at(similar).run_s = 3600;  // level 2, 2,000 s left: not a quarter
  EXPECT_THAT(plan(), IsEmpty());
}

TEST_F(Feedbacks, WhoHasWaitedThreeWeeksGoesFirst) {
  cluster_.node("a", 1);
  const JobId old = cluster_.submit(soft_job(1, 30 * day_s));
  cluster_.state.jobs.at(old).run_s = 2 * day_s;  // of the last level
  wait_s(24 * day_s);
  cluster_.submit(soft_job(1, 60));
  EXPECT_THAT(plan(), ElementsAre("start 1 on a x1"));
  cluster_.start(old, "a", 1);
  wait_s(day_s);
  EXPECT_THAT(plan(), IsEmpty()) << "nor is it stopped again for a short one";
}

// The head wants both nodes; b's pin ends in 300 s. What a short job could have now is kept.
TEST_F(Feedbacks, RoomIsDrainedForTheFirstThatFitsNowhere) {
  cluster_.node("a", 1);
  cluster_.node("b", 1);
  runs(soft_job(1, 10 * day_s), "b");
  wait_s(300);
  JobSpec gang = soft_job(2, 100);
  gang.resources.nodes = 2;
  cluster_.submit(gang);
  cluster_.submit(soft_job(1, 200));  // goes behind: more is left of it
  const Plan plan_now = decide(cluster_.state, cluster_.now, config_);
  EXPECT_THAT(actions_text(plan_now), IsEmpty());
  EXPECT_EQ(plan_now.wake_at, cluster_.now + 300.0);
  wait_s(300);
  EXPECT_THAT(plan(), ElementsAre("preempt 1 (scheduler:preemption)"));
}

// The head waits for one that cannot be stopped, for long: who can be, or ends before, may go in.
TEST_F(Feedbacks, ALongDrainIsUsedByThoseThatGiveBackInTime) {
  cluster_.node("a", 4);
  runs(plain_job(1, day_s), "a");
  cluster_.submit(soft_job(4, 50));
  cluster_.submit(soft_job(1, 10 * day_s));
  cluster_.submit(plain_job(1, 0.9 * day_s));
  cluster_.submit(plain_job(1, 1.1 * day_s));
  EXPECT_THAT(plan(), UnorderedElementsAre("start 3 on a x1", "start 4 on a x1"));
}

TEST_F(Feedbacks, AHeadThatFitsNoNodeThatIsUpHoldsNoneBack) {
  cluster_.node("a", 2);
  cluster_.node("b", 8);
  runs(soft_job(1, 10 * day_s), "a");
  cluster_.apply_now(NodeLeft{"b", "gone"});
  cluster_.submit(soft_job(8, 10));
  cluster_.submit(soft_job(2, 20));  // drained for
  cluster_.submit(soft_job(1, 30));
  EXPECT_THAT(plan(), IsEmpty()) << "the room on a is kept for job 3";
}

TEST_F(Feedbacks, AnElasticJobComesBackAsLargeAsThereIsRoom) {
  cluster_.node("a", 8);
  JobSpec elastic = soft_job(4, 10 * day_s);
  elastic.resources.ranks_min = 1;
  elastic.resources.ranks_max = 8;
  cluster_.submit(elastic);
  EXPECT_THAT(plan(), ElementsAre("start 1 on a x8")) << "alone";
  cluster_.start({1}, "a", 8);
  cluster_.submit(soft_job(6, 60));
  wait_s(quantum_s);
  cluster_.carry_out(decide(cluster_.state, cluster_.now, config_));
  cluster_.requeue({1});
  EXPECT_THAT(plan(), UnorderedElementsAre("start 2 on a x6", "start 1 on a x2"));
}

TEST_F(Feedbacks, MultifactorPointsOtherThanAgeCountForLessToRun) {
  config_.order = Order::multifactor;
  config_.weights.fair_share = 0;
  cluster_.node("a", 1);
  cluster_.submit(soft_job(1, 1000));
  JobSpec nice = soft_job(1, 1900);
  nice.priority = 250;
  cluster_.submit(nice);
  EXPECT_THAT(plan(), ElementsAre("start 2 on a x1"));
  nice.resources.time_limit_s = 2100;
  cluster_.finish({2}, JobState::cancelled);
  cluster_.submit(nice);
  EXPECT_THAT(plan(), ElementsAre("start 1 on a x1"));
}

// The same moment, the same plan: what has been told to stop is seen as stopping in the pass
// itself, so that its place is neither kept nor asked for twice.
TEST_F(Feedbacks, AStopForATimeLimitAlreadyMakesRoom) {
  cluster_.node("a", 1);
  cluster_.node("b", 1);
  runs(soft_job(1, 1000), "a");
  runs(soft_job(1, 10 * day_s), "b");
  wait_s(990);
  cluster_.submit(soft_job(1, 60));
  EXPECT_THAT(plan(), ElementsAre("stop 1 (scheduler:time-limit)")) << "b goes on";
}

TEST_F(Feedbacks, ANodeThatIsDrainedNowGetsNoJobNow) {
  config_.breaker_failures = 2;
  cluster_.node("a", 2);
  cluster_.node("b", 4);
  for (int i = 0; i < 2; ++i) {
    const JobId job = runs(soft_job(1, 100), "a");
    cluster_.end(job, Ending::retry);
    cluster_.apply_now(JobEnded{job, JobState::failed, "", ""});
  }
  cluster_.submit(soft_job(1, 100));
  EXPECT_THAT(plan(), ElementsAre("drain a", "start 3 on b x1"));
}

// Runs random clusters for days: a job that cannot checkpoint is never told to make room, nor is
// one inside its quantum, and nobody is told twice.
TEST(PreemptionLaw, TellsOnlyThoseThatMayBeTold) {
  int preempted = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Philox random(seed, 5);
    std::uint64_t draw = 0;
    const auto below = [&](int bound) {
      return static_cast<int>(random.below(draw++, static_cast<std::uint64_t>(bound)));
    };
    PolicyConfig config;
    Cluster cluster;
    for (int n = 0; n < 3; ++n)
      cluster.node(std::string(1, static_cast<char>('a' + n)), 2 + below(3));
    for (int step = 0; step < 120; ++step) {
      if (below(2) == 0) {
        const int ranks = 1 + below(4);
        const double limit_s = 1.0 + below(20'000);
        JobSpec spec = below(3) == 0 ? plain_job(ranks, limit_s) : soft_job(ranks, limit_s);
        if (ranks > 1 && below(2) == 0) spec.resources.nodes = 2;
        cluster.submit(spec, below(2) == 0 ? "ada" : "bob");
      }
      const Plan plan = decide(cluster.state, cluster.now, config);
      std::set<JobId> told;
      for (const Action& action : plan.actions) {
        const auto* stop = std::get_if<Stop>(&action);
        if (stop == nullptr) continue;
        ASSERT_TRUE(told.insert(stop->job).second) << "seed " << seed;
        const Job& job = cluster.state.jobs.at(stop->job);
        if (stop->request != Request::preempt) continue;
        ++preempted;
        ASSERT_FALSE(job.stop_requested) << "seed " << seed;
        ASSERT_TRUE(can_checkpoint(*job.spec)) << "seed " << seed;
        ASSERT_GE(cluster.now - job.started_at, quantum_s) << "seed " << seed;
      }
      cluster.carry_out(plan);
      cluster.now = cluster.now + 1.0 * below(400);
      for (const auto& [id, job] : std::map<JobId, Job>(cluster.state.jobs)) {
        if (job.state != JobState::running) continue;
        if (job.stop_requested)
          cluster.requeue(id);
        else if (below(12) == 0)
          cluster.finish(id);
      }
    }
  }
  EXPECT_GT(preempted, 100);
}

}  // namespace
}  // namespace sovren::policy
