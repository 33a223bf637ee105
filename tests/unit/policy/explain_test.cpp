// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/unit/policy/cluster.h"

namespace sovren::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class Explaining : public testing::Test {
 protected:
  void SetUp() override {
    config_.order = Order::fcfs;
    config_.preemption.is_on = false;
  }
  Explanation explained(JobId job) const {
    Index index(config_);
    index.rebuild(cluster_.state);
    index.advance(cluster_.state, cluster_.now);
    return explain(cluster_.state, index, job, cluster_.now, config_);
  }
  void expect(JobId job, const std::string& code, const std::string& text) const {
    const Reason reason = explained(job).reason;
    EXPECT_EQ(reason.code, code);
    EXPECT_THAT(reason.text, HasSubstr(text));
  }
  Cluster cluster_;
  PolicyConfig config_;
};

TEST_F(Explaining, HasACodeAndASentenceForEveryReason) {
  config_.site.partitions = {{.name = "p", .is_default = true}, {.name = "down", .is_up = false}};
  config_.site.user_limits.running_jobs = 1;
  cluster_.node("a", 2);
  cluster_.submit(plain_job(2, 100));
  JobSpec spec = plain_job(1, 100);
  expect({1}, "Priority", "there is room");
  cluster_.start({1}, "a", 2);
  expect({1}, "None", "");

  const JobId room = cluster_.submit(spec, "bob");
  expect(room, "Resources", "waits for 1 free core: a has 0 of 2 cores free");
  const JobId limit = cluster_.submit(spec);
  expect(limit, "AssocMaxJobsLimit", "user ada holds 1 of at most 1 running jobs");
  spec.after = "ok:1";
  expect(cluster_.submit(spec, "bob"), "Dependency", "after = \"ok:1\"");
  spec.after = "ok:99";
  expect(cluster_.submit(spec, "bob"), "DependencyNeverSatisfied", "job 99, which is not known");
  spec.after.clear();
  spec.begin = format_utc(cluster_.now + 60.0);
  expect(cluster_.submit(spec, "bob"), "BeginTime", format_utc(cluster_.now + 60.0));
  spec.begin.clear();
  const JobId held = cluster_.submit(spec, "bob");
  cluster_.apply_now(StopRequested{held, Request::stop, "bob"});
  expect(held, "JobHeldUser", "release it");
  spec.partition = "down";
  expect(cluster_.submit(spec, "bob"), "PartitionDown", "partition down is down");
  spec.partition.clear();
  spec.labels["zone"] = "x";
  expect(cluster_.submit(spec, "bob"), "ReqNodeNotAvail", "labels");
  spec.labels.clear();
  config_.site.reservations = {{.name = "upkeep", .start = cluster_.now, .duration_s = 100}};
  expect(room, "Reservation", "reserved until " + format_utc(cluster_.now + 100.0));
}

TEST_F(Explaining, SaysOfEachNodeWhyItWillNotDo) {
  config_.site.partitions = {{.name = "p", .nodes = {"a", "c", "d", "e", "f", "g"}}};
  config_.site.reservations = {
      {.name = "upkeep", .nodes = {"g"}, .start = cluster_.now, .duration_s = 100}};
  const auto join = [&](const std::string& name, const std::string& zone, int gpus) {
    cluster_.apply_now(NodeJoined{name, {.cpus = 4, .gpus = gpus, .labels = {{"zone", zone}}}});
  };
  join("a", "x", 1);
  join("b", "x", 1);
  join("c", "y", 1);
  cluster_.node("d", 4);
  join("e", "x", 0);
  join("f", "x", 1);
  join("g", "x", 1);
  cluster_.apply_now(NodeDrained{"f", "broken", "eve"});
  JobSpec spec = plain_job(1, 100);
  spec.labels["zone"] = "x";
  spec.resources.gpus_per_rank = 1;
  const JobId job = cluster_.submit(spec);
  const Explanation out = explained(job);
  EXPECT_EQ(out.nodes_fitting, 1);
  EXPECT_THAT(out.nodes,
              ElementsAre(Pair("b", "is not in partition p"), Pair("c", "its zone is y, not x"),
                          Pair("d", "has no label zone"), Pair("e", "has 0 of 0 GPUs free"),
                          Pair("f", "is down or drained"), Pair("g", "is reserved")));
}

TEST_F(Explaining, TellsWhoIsAheadAndWhenItsTurnComes) {
  cluster_.node("a", 1);
  cluster_.submit(plain_job(1, 100));
  cluster_.start({1}, "a", 1);
  for (int i = 0; i < 13; ++i) cluster_.submit(plain_job(1, 10));
  const Explanation third = explained({4});
  EXPECT_EQ(third.position, 3);
  EXPECT_THAT(third.ahead, ElementsAre(JobId{3}, JobId{2}));
  EXPECT_EQ(third.estimated_start, cluster_.now + 120.0);
  EXPECT_EQ(explained({14}).ahead.size(), 10u);
}

TEST_F(Explaining, CountsByTheOrderThatIsInForce) {
  config_.preemption.is_on = true;
  cluster_.node("a", 1);
  cluster_.submit(plain_job(1, 86'400));
  cluster_.start({1}, "a", 1);
  cluster_.submit(soft_job(1, 5000));
  cluster_.submit(soft_job(1, 100));
  EXPECT_EQ(explained({2}).position, 2) << "feedback has the short one first";
  EXPECT_EQ(explained({3}).position, 1);
}

TEST_F(Explaining, DoesNotCountThoseThatALimitHoldsBack) {
  config_.site.users["bob"].running_jobs = 0;
  cluster_.node("a", 1);
  cluster_.submit(plain_job(1, 10), "bob");
  cluster_.submit(plain_job(1, 10));
  EXPECT_EQ(explained({2}).position, 1);
  EXPECT_FALSE(explained({1}).estimated_start);
}

TEST_F(Explaining, AdvisesWhatWouldHelp) {
  cluster_.node("a", 4);
  JobSpec spec = plain_job(4, 100);
  spec.resources.time_limit_s.reset();
  spec.resources.exclusive = true;
  cluster_.submit(spec);
  EXPECT_THAT(explained({1}).advice, ElementsAre(HasSubstr("ranks_min"), HasSubstr("time_limit"),
                                                 HasSubstr("checkpoints"), HasSubstr("exclusive")));
  EXPECT_THAT(explained(cluster_.submit(soft_job(1, 100))).advice, IsEmpty());
}

// First come, first served, all run as long as they said: what is estimated is what comes.
TEST_F(Explaining, EstimatesTheStartThatComes) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Philox random(seed, 9);
    std::uint64_t draw = 0;
    const auto below = [&](int bound) {
      return static_cast<int>(random.below(draw++, static_cast<std::uint64_t>(bound)));
    };
    cluster_ = {};
    cluster_.node("a", 4);
    for (int j = 0; j < 12; ++j) cluster_.submit(plain_job(1 + below(4), 10.0 + below(90)));
    config_.backfill = Backfill::none;
    std::map<JobId, Instant> estimate;
    for (const auto& [id, job] : cluster_.state.jobs) estimate[id] = *explained(id).estimated_start;
    for (int started = 0; started < 12;) {
      const Plan plan = decide(cluster_.state, cluster_.now, config_);
      for (const Action& action : plan.actions)
        if (const auto* start = std::get_if<Start>(&action)) {
          ++started;
          ASSERT_EQ(cluster_.now, estimate.at(start->job)) << "seed " << seed;
        }
      cluster_.carry_out(plan);
      Instant next{INT64_MAX};
      for (const auto& [id, job] : cluster_.state.jobs)
        if (job.state == JobState::running)
          next = std::min(next, job.started_at + *job.spec->resources.time_limit_s);
      cluster_.now = next;
      for (const auto& [id, job] : std::map<JobId, Job>(cluster_.state.jobs))
        if (job.state == JobState::running &&
            job.started_at + *job.spec->resources.time_limit_s <= next)
          cluster_.finish(id);
    }
  }
}

}  // namespace
}  // namespace sovren::policy
