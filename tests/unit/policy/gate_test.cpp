// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/policy/index.h"
#include "tests/unit/policy/cluster.h"

namespace sovren::policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double hour_s = 3600;
constexpr double day_s = 86'400;

// Every kind of limit, set to one running job, then to two cores, then to one GPU: the second job
// of the same user, account, QOS and partition is barred; one that differs in all is not.
struct LimitCase {
  const char* name;
  Limits& (*of)(Site& site);
};
class EachLimit : public testing::TestWithParam<LimitCase> {
 protected:
  void SetUp() override {
    site_.users["ada"] = {};
    site_.accounts = {{.name = "physics"}, {.name = "biology"}};
    site_.qos = {{.name = "slow"}, {.name = "fast"}};
    site_.partitions = {{.name = "east"}, {.name = "west"}};
    limits_ = &GetParam().of(site_);
    cluster_.node("a", 16, 4);
  }
  static JobSpec job(bool is_same) {
    JobSpec spec = plain_job(2, 100);
    spec.resources.gpus_per_rank = 1;
    spec.account = is_same ? "physics" : "biology";
    spec.qos = is_same ? "slow" : "fast";
    spec.partition = is_same ? "east" : "west";
    return spec;
  }
  Site site_;
  Limits* limits_ = nullptr;
  Cluster cluster_;
};

TEST_P(EachLimit, BarsOneJobTooManyAndNobodyElse) {
  const auto check = [&](auto set, const std::string& code) {
    *limits_ = {};
    set(*limits_);
    PolicyConfig config;
    config.site = site_;
    Cluster cluster = cluster_;
    cluster.submit(job(true), "ada");
    cluster.submit(job(true), "ada");
    cluster.submit(job(false), "bob");
    EXPECT_THAT(decided(cluster, config),
                testing::UnorderedElementsAre("start 1 on a x2", "start 3 on a x2"));
    cluster.carry_out(decide(cluster.state, cluster.now, config));
    Index index(config);
    index.rebuild(cluster.state);
    index.advance(cluster.state, cluster.now);
    const auto bar = Gate(index.view(), config, cluster.now).bar(*index.view().waiting({2}));
    ASSERT_TRUE(bar);
    EXPECT_EQ(bar->code, code);
    EXPECT_THAT(bar->text, testing::HasSubstr(GetParam().name));
    cluster.finish({1});
    EXPECT_THAT(decided(cluster, config), ElementsAre("start 2 on a x2"));
  };
  check([](Limits& l) { l.running_jobs = 1; }, "AssocMaxJobsLimit");
  check([](Limits& l) { l.cpus = 3; }, "AssocGrpCpuLimit");
  check([](Limits& l) { l.gpus = 3; }, "AssocGrpGRES");
}

INSTANTIATE_TEST_SUITE_P(
    All, EachLimit,
    testing::Values(
        LimitCase{"user ada", [](Site& s) -> Limits& { return s.users.at("ada"); }},
        LimitCase{"account physics", [](Site& s) -> Limits& { return s.accounts[0].limits; }},
        LimitCase{"user ada in account physics",
                  [](Site& s) -> Limits& { return s.accounts[0].user_limits; }},
        LimitCase{"QOS slow", [](Site& s) -> Limits& { return s.qos[0].limits; }},
        LimitCase{"user ada in QOS slow", [](Site& s) -> Limits& { return s.qos[0].user_limits; }},
        LimitCase{"partition east", [](Site& s) -> Limits& { return s.partitions[0].limits; }},
        LimitCase{"user ada in partition east",
                  [](Site& s) -> Limits& { return s.partitions[0].user_limits; }}));

TEST(Limits, CutAnElasticJobDownToWhatTheyLeave) {
  PolicyConfig config;
  config.site.user_limits.cpus = 4;
  JobSpec elastic = soft_job(6, 100);
  elastic.resources.ranks_min = 2;
  elastic.resources.ranks_max = 8;
  Cluster cluster;
  cluster.node("a", 16);
  cluster.submit(elastic);
  EXPECT_THAT(decided(cluster, config), ElementsAre("start 1 on a x4"));
  cluster.submit(plain_job(3, 100));
  cluster.start({2}, "a", 3);
  EXPECT_THAT(decided(cluster, config), IsEmpty()) << "one core is too little";
}

TEST(Limits, OfAnArrayCountItsElements) {
  Cluster cluster;
  cluster.node("a", 16);
  JobSpec spec = plain_job(1, 100);
  spec.array_max_running = 2;
  cluster.submit_array(spec, 5);
  EXPECT_THAT(decided(cluster, {}), ElementsAre("start 1 on a x1", "start 2 on a x1"));
  cluster.carry_out(decide(cluster.state, cluster.now, {}));
  const Plan plan = decide(cluster.state, cluster.now, {});
  EXPECT_EQ(plan.reasons.at({3}), "2 jobs of its array run, at most 2 may");
  cluster.finish({1});
  EXPECT_THAT(decided(cluster, {}), ElementsAre("start 3 on a x1"));
}

TEST(Partitions, ThatAreDownStartNothing) {
  PolicyConfig config;
  config.site.partitions = {{.name = "east", .is_up = false}, {.name = "west"}};
  Cluster cluster;
  cluster.node("a", 4);
  JobSpec spec = plain_job(1, 100);
  spec.partition = "east";
  cluster.submit(spec);
  spec.partition = "west";
  cluster.submit(spec);
  EXPECT_THAT(decided(cluster, config), ElementsAre("start 2 on a x1"));
}

TEST(Partitions, HaveTheNodesThatAreListedAndBearTheirLabels) {
  PolicyConfig config;
  config.site.partitions = {{.name = "gpu", .nodes = {"a", "c"}, .labels = {{"gpu", "h100"}}}};
  Cluster cluster;
  cluster.apply_now(NodeJoined{"a", {.cpus = 4}});
  cluster.apply_now(NodeJoined{"b", {.cpus = 4, .labels = {{"gpu", "h100"}}}});
  cluster.apply_now(NodeJoined{"c", {.cpus = 4, .labels = {{"gpu", "h100"}}}});
  cluster.submit(plain_job(1, 100));
  EXPECT_THAT(decided(cluster, config), ElementsAre("start 1 on c x1"));
}

class ReservedNode : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.now = start_ + -2 * hour_s;
    cluster_.node("a", 2);
    cluster_.node("b", 2);
    config_.site.reservations = {
        {.name = "upkeep", .nodes = {"a"}, .start = start_, .duration_s = hour_s}};
  }
  // Four cores for this long are wanted: how many start now?
  std::vector<std::string> started(const JobSpec& spec, const std::string& user = "ada") {
    Cluster cluster = cluster_;
    cluster.submit(spec, user);
    cluster.submit(spec, user);
    return decided(cluster, config_);
  }
  const Instant start_ = *parse_utc("2026-11-26T12:00:00Z");
  Cluster cluster_;
  PolicyConfig config_;
};

TEST_F(ReservedNode, TakesOnlyJobsThatEndBefore) {
  EXPECT_THAT(started(plain_job(2, 2 * hour_s)), ElementsAre("start 1 on a x2", "start 2 on b x2"));
  EXPECT_THAT(started(plain_job(2, 2 * hour_s + 1)), ElementsAre("start 1 on b x2"));
}
TEST_F(ReservedNode, IsFreeAgainAfterwards) {
  cluster_.now = start_ + 0.5 * hour_s;
  EXPECT_THAT(started(plain_job(2, 1)), ElementsAre("start 1 on b x2"));
  cluster_.submit(plain_job(2, 9 * hour_s));
  cluster_.start({1}, "b", 2);
  cluster_.submit(plain_job(2, 1));
  EXPECT_EQ(decide(cluster_.state, cluster_.now, config_).wake_at, cluster_.now + 60.0)
      << "time changes the order";
  config_.order = Order::fcfs;
  config_.preemption.is_on = false;
  EXPECT_EQ(decide(cluster_.state, cluster_.now, config_).wake_at, start_ + hour_s);
  cluster_.now = start_ + hour_s;
  EXPECT_THAT(decided(cluster_, config_), ElementsAre("start 2 on a x2"));
}
TEST_F(ReservedNode, LetsInThoseItIsFor) {
  config_.site.reservations[0].users = {"eve"};
  config_.site.reservations[0].accounts = {"ops"};
  cluster_.now = start_;
  EXPECT_THAT(started(plain_job(2, 9 * hour_s)), ElementsAre("start 1 on b x2"));
  EXPECT_THAT(started(plain_job(2, 9 * hour_s), "eve").size(), 2u);
  JobSpec ops = plain_job(2, 9 * hour_s);
  ops.account = "ops";
  EXPECT_THAT(started(ops).size(), 2u);
}
TEST_F(ReservedNode, ComesBackDailyAndWeekly) {
  Reservation& r = config_.site.reservations[0];
  for (const double every_s : {day_s, 7 * day_s}) {
    r.every_s = every_s;
    for (const int n : {0, 1, 5}) {
      const Instant begin = start_ + n * every_s;
      EXPECT_EQ(occurrence(r, begin)->start, begin);
      EXPECT_EQ(occurrence(r, begin + (hour_s - 1))->start, begin);
      EXPECT_EQ(occurrence(r, begin + hour_s)->start, begin + every_s);
      EXPECT_EQ(occurrence(r, begin + hour_s)->end, begin + (every_s + hour_s));
    }
  }
  r.every_s = 0;
  EXPECT_FALSE(occurrence(r, start_ + hour_s));
}
TEST_F(ReservedNode, IsUsedByAJobThatCheckpointsUntilItMustGo) {
  const JobSpec lasting = soft_job(2, 100 * hour_s);
  EXPECT_THAT(started(lasting), ElementsAre("start 1 on a x2", "start 2 on b x2"));
  cluster_.submit(lasting);
  cluster_.start({1}, "a", 2);
  // Two seals of 10 s and a margin of 3 s before it begins.
  cluster_.now = start_ + -23.5;
  Plan plan = decide(cluster_.state, cluster_.now, config_);
  EXPECT_THAT(actions_text(plan), IsEmpty());
  EXPECT_EQ(plan.wake_at, start_ + -23.0);
  cluster_.now = *plan.wake_at;
  plan = decide(cluster_.state, cluster_.now, config_);
  EXPECT_THAT(actions_text(plan), ElementsAre("preempt 1 (scheduler:preemption)"));
  cluster_.carry_out(plan);
  EXPECT_THAT(decided(cluster_, config_), IsEmpty());
  cluster_.requeue({1});
  EXPECT_THAT(decided(cluster_, config_), ElementsAre("start 1 on b x2"));
}
TEST_F(ReservedNode, IsNotWorthAnAttemptJustBefore) {
  cluster_.now = start_ + -100.0;
  EXPECT_THAT(started(soft_job(2, 100 * hour_s)), ElementsAre("start 1 on b x2"));
}

}  // namespace
}  // namespace sovren::policy
