// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/multifactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "scheduler/policy/index.h"
#include "tests/unit/policy/cluster.h"

namespace sovren::policy {
namespace {

using testing::ElementsAre;

class Factors : public testing::Test {
 protected:
  void SetUp() override {
    config_.preemption.is_on = false;
    cluster_.node("a", 4);
  }
  Priority priority(JobId job) const {
    Index index(config_);
    index.rebuild(cluster_.state);
    index.advance(cluster_.state, cluster_.now);
    const Uses uses{.usage = &cluster_.state.usage, .half_life_s = cluster_.state.half_life_s};
    return Multifactor(index.view(), config_, uses, cluster_.now)
        .priority(*index.view().waiting(job), cluster_.state.jobs.at(job).submitted_at);
  }
  // A job of one core that runs for this long.
  void use(const std::string& user, double seconds, const std::string& account = "",
           const std::string& qos = "") {
    JobSpec spec = plain_job(1, 1e6);
    spec.account = account;
    spec.qos = qos;
    const JobId job = cluster_.submit(spec, user);
    cluster_.start(job, "a", 1);
    cluster_.now = cluster_.now + seconds;
    cluster_.finish(job);
  }
  JobId waits(const std::string& user, const std::string& account = "",
              const std::string& qos = "") {
    JobSpec spec = plain_job(4, 1e6);
    spec.account = account;
    spec.qos = qos;
    return cluster_.submit(spec, user);
  }
  Cluster cluster_;
  PolicyConfig config_;
};

TEST_F(Factors, WhoHasUsedMoreGoesLater) {
  use("ada", 1000);
  const JobId ada = waits("ada");
  const JobId bob = waits("bob");
  EXPECT_DOUBLE_EQ(priority(ada).fair_share, 1000 * 0.25) << "all of it, entitled to half";
  EXPECT_DOUBLE_EQ(priority(bob).fair_share, 1000);
  EXPECT_THAT(decided(cluster_, config_), ElementsAre("start 3 on a x4"));
}

TEST_F(Factors, RunningJobsCountUpToNow) {
  const JobId runs = cluster_.submit(plain_job(1, 1e6), "ada");
  cluster_.start(runs, "a", 1);
  const JobId ada = waits("ada");
  waits("bob");
  EXPECT_DOUBLE_EQ(priority(ada).fair_share, 1000);
  cluster_.now = cluster_.now + 10.0;
  EXPECT_DOUBLE_EQ(priority(ada).fair_share, 250);
}

TEST_F(Factors, UseDecaysWithTheHalfLife) {
  cluster_.apply_now(HalfLifeSet{1000});
  use("ada", 400);
  cluster_.now = cluster_.now + 2000.0;
  use("bob", 100);
  const JobId ada = waits("ada");
  const JobId bob = waits("bob");
  const double left = 400 * std::exp2(-2100.0 / 1000);  // bob's 100 s are counted when they end
  EXPECT_NEAR(priority(ada).fair_share, 1000 * std::exp2(-left / (left + 100) / 0.5), 1e-6);
  EXPECT_NEAR(priority(bob).fair_share, 1000 * std::exp2(-100 / (left + 100) / 0.5), 1e-6);
  EXPECT_GT(priority(ada).fair_share, priority(bob).fair_share) << "long ago counts less";
}

TEST_F(Factors, SharesAreOfAccountsThenOfTheirUsers) {
  config_.site.accounts = {{.name = "physics", .shares = 3, .users = {{"ada", 2}, {"bob", 1}}},
                           {.name = "biology", .shares = 1}};
  use("ada", 100, "physics");
  use("eve", 100, "biology");
  const JobId ada = waits("ada", "physics");
  const JobId bob = waits("bob", "physics");
  const JobId eve = waits("eve", "biology");
  const JobId joe = waits("joe", "biology");
  EXPECT_NEAR(priority(ada).fair_share, 1000 * std::exp2(-0.5 / (2.0 / 4)), 0.1);
  EXPECT_DOUBLE_EQ(priority(bob).fair_share, 1000);
  EXPECT_NEAR(priority(eve).fair_share, 1000 * std::exp2(-0.5 / (0.5 / 4)), 0.1)
      << "eve and joe share their account";
  EXPECT_DOUBLE_EQ(priority(joe).fair_share, 1000);
}

TEST_F(Factors, AQosCountsAsItsUsageFactorSays) {
  config_.site.qos = {{.name = "idle", .usage_factor = 0}, {.name = "dear", .usage_factor = 3}};
  use("ada", 100, "", "dear");
  use("bob", 100);
  use("eve", 100, "", "idle");
  const JobId ada = waits("ada");
  const JobId bob = waits("bob");
  const JobId eve = waits("eve");
  const double half_life_s = cluster_.state.half_life_s;
  const double by_ada = 3 * 100 * std::exp2(-200 / half_life_s);
  const double by_bob = 100 * std::exp2(-100 / half_life_s);
  EXPECT_NEAR(priority(ada).fair_share, 1000 * std::exp2(-3 * by_ada / (by_ada + by_bob)), 1e-6);
  EXPECT_DOUBLE_EQ(priority(eve).fair_share, 1000);
  EXPECT_GT(priority(bob).fair_share, priority(ada).fair_share);
}

TEST_F(Factors, QosPartitionSizeAndNiceAddUp) {
  config_.site.qos = {{.name = "low", .priority = 1}, {.name = "high", .priority = 4}};
  config_.site.partitions = {{.name = "p", .is_default = true, .priority = 5},
                             {.name = "q", .priority = 10}};
  config_.weights.size = 80;
  JobSpec spec = plain_job(2, 100);
  spec.qos = "low";
  spec.priority = 7;
  const Priority p = priority(cluster_.submit(spec));
  EXPECT_DOUBLE_EQ(p.qos, 1000 * 0.25);
  EXPECT_DOUBLE_EQ(p.partition, 500 * 0.5);
  EXPECT_DOUBLE_EQ(p.size, 80 * 0.5);
  EXPECT_DOUBLE_EQ(p.nice, 7);
  EXPECT_DOUBLE_EQ(p.total(), 250 + 250 + 40 + 7 + 1000);
}

TEST_F(Factors, ADeadlineDrawsNearer) {
  JobSpec spec = plain_job(4, 100);
  spec.deadline = format_utc(cluster_.now + 1100.0);
  const JobId job = cluster_.submit(spec);
  EXPECT_DOUBLE_EQ(priority(job).deadline, 0);
  cluster_.now = cluster_.now + 500.0;
  EXPECT_DOUBLE_EQ(priority(job).deadline, 2000 * 0.5);
  cluster_.now = cluster_.now + 500.0;
  EXPECT_DOUBLE_EQ(priority(job).deadline, 2000) << "only its time limit is left";
  cluster_.now = cluster_.now + 5000.0;
  EXPECT_DOUBLE_EQ(priority(job).deadline, 2000);
}

// The least favoured job there is, against ones submitted later that have all going for them.
TEST_F(Factors, NothingStarvesByAge) {
  config_.site.qos = {{.name = "high", .priority = 1}};
  use("ada", 1e5);
  const JobId old = waits("ada");
  cluster_.now = cluster_.now + 30 * 86'400.0;
  for (int j = 0; j < 20; ++j) waits("bob", "", "high");
  EXPECT_THAT(decided(cluster_, config_),
              ElementsAre("start " + std::to_string(old.value) + " on a x4"));
}

}  // namespace
}  // namespace sovren::policy
