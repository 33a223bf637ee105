// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/policy/policy.h"
#include "tests/unit/policy/cluster.h"

namespace sovren::policy {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Admission : public testing::Test {
 protected:
  void SetUp() override {
    const auto join = [&](const std::string& name, int cpus, const std::string& region) {
      cluster_.apply_now(NodeJoined{name, {.cpus = cpus, .labels = {{"region", region}}}});
    };
    join("a", 4, "eu");
    join("b", 8, "eu");
    join("c", 16, "us");
    config_.site.partitions = {{.name = "all", .is_default = true},
                               {.name = "small", .nodes = {"a", "b", "gone"}}};
    config_.site.qos = {{.name = "fast", .users = {"ada"}}};
    config_.site.accounts = {{.name = "physics", .users = {{"ada", 1}, {"bob", 1}}},
                             {.name = "open"}};
    spec_ = plain_job(1, 60);
  }
  std::string refusal(const std::string& user = "ada") const {
    const auto may = can_ever_run(spec_, cluster_.state, config_, user);
    if (may) return "";
    EXPECT_EQ(may.error().code, Code::refused);
    return may.error().what + " | " + may.error().hint;
  }
  Cluster cluster_;
  PolicyConfig config_;
  JobSpec spec_;
};

TEST_F(Admission, NeverRelaxesLabels) {
  spec_.labels["region"] = "eu";
  spec_.resources.ranks = 8;
  EXPECT_EQ(refusal(), "");
  spec_.resources.ranks = 9;
  EXPECT_THAT(refusal(), HasSubstr("the largest node has 8 cores"))
      << "c is large enough, but elsewhere";
  spec_.resources.ranks = 1;
  spec_.labels["region"] = "mars";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("labels.region = \"mars\""), HasSubstr("eu, us")));
  spec_.labels = {{"gpu_model", "h100"}};
  EXPECT_THAT(refusal(), HasSubstr("no node has a label gpu_model"));
  spec_.labels = {{"region", "us"}};
  spec_.partition = "small";
  EXPECT_THAT(refusal(), HasSubstr("no node bears all of the job's labels at once"));
}

TEST_F(Admission, KnowsPartitions) {
  spec_.partition = "large";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("there is no such partition"), HasSubstr("all, small")));
  spec_.partition = "small";
  spec_.resources.ranks = 16;
  EXPECT_THAT(refusal(), HasSubstr("the largest node has 8 cores"));
  spec_.resources.ranks = 8;
  EXPECT_EQ(refusal(), "");
  config_.site.partitions[1].users = {"bob"};
  EXPECT_THAT(refusal(), HasSubstr("is not open to user ada"));
  EXPECT_EQ(refusal("bob"), "");
  config_.site.partitions[1].accounts = {"physics"};
  EXPECT_THAT(refusal("bob"), HasSubstr("is not open to account \"\""));
  spec_.account = "physics";
  EXPECT_EQ(refusal("bob"), "");
  config_.site.partitions[1].nodes = {"gone"};
  EXPECT_THAT(refusal("bob"), HasSubstr("partition = \"small\" has no node"));
}

TEST_F(Admission, KnowsQosAndAccounts) {
  spec_.qos = "slow";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("there is no such qos"), HasSubstr("fast")));
  spec_.qos = "fast";
  EXPECT_EQ(refusal(), "");
  EXPECT_THAT(refusal("bob"), HasSubstr("qos = \"fast\" is not open to user bob"));
  spec_.qos.clear();
  spec_.account = "chemistry";
  EXPECT_THAT(refusal(), HasSubstr("there is no such account"));
  spec_.account = "physics";
  EXPECT_EQ(refusal(), "");
  EXPECT_THAT(refusal("eve"), HasSubstr("does not have user eve"));
  spec_.account = "open";
  EXPECT_EQ(refusal("eve"), "");
}

TEST_F(Admission, RefusesWhatIsOverALimitWhoeverSetIt) {
  spec_.account = "physics";
  spec_.qos = "fast";
  spec_.resources = {.nodes = 2, .ranks = 8, .gpus_per_rank = 0, .time_limit_s = 7200};
  EXPECT_EQ(refusal(), "");
  Site& site = config_.site;
  const Site open = site;
  const std::vector<std::pair<Limits*, std::string>> all{
      {&site.user_limits, "user ada"},
      {&site.accounts[0].limits, "account physics"},
      {&site.accounts[0].user_limits, "user ada in account physics"},
      {&site.qos[0].limits, "QOS fast"},
      {&site.qos[0].user_limits, "user ada in QOS fast"},
      {&site.partitions[0].limits, "partition all"},
      {&site.partitions[0].user_limits, "user ada in partition all"}};
  for (const auto& [limits, whose] : all) {
    limits->cpus = 7;
    EXPECT_THAT(refusal(), HasSubstr("ranks = 8 is over the limit of " + whose + ", 7 cores"));
    *limits = {.nodes_per_job = 1};
    EXPECT_THAT(refusal(), HasSubstr("nodes = 2 is over the limit of " + whose + ", 1"));
    *limits = {.time_limit_s = 3600};
    EXPECT_THAT(refusal(), HasSubstr("time_limit = \"2h\" is over the limit of " + whose + ", 1h"));
    *limits = {.cpus = 8, .nodes_per_job = 2, .time_limit_s = 7200};
    EXPECT_EQ(refusal(), "");
    *limits = {};
  }
}

TEST_F(Admission, TakesNodesThatAreDownForUp) {
  spec_.resources.ranks = 16;
  cluster_.apply_now(NodeLeft{"c", "gone"});
  cluster_.apply_now(NodeDrained{"c", "broken", "eve"});
  EXPECT_EQ(refusal(), "");
}

TEST_F(Admission, CountsTheNodesOfAGang) {
  spec_.resources.nodes = 3;
  spec_.resources.ranks = 12;
  EXPECT_EQ(refusal(), "");
  spec_.resources.ranks = 15;
  EXPECT_THAT(refusal(), HasSubstr("too few of 3 nodes are large enough"));
  spec_.resources.nodes = 4;
  EXPECT_THAT(refusal(), HasSubstr("3 known would do"));
}

TEST_F(Admission, FillsInWhatTheSiteSays) {
  spec_.resources.time_limit_s.reset();
  const auto limit_s = [&] {
    return with_site_defaults(spec_, config_.site, "ada").resources.time_limit_s;
  };
  EXPECT_EQ(limit_s(), std::nullopt);
  spec_.partition.clear();
  EXPECT_EQ(with_site_defaults(spec_, config_.site, "ada").partition, "all");
  EXPECT_EQ(with_site_defaults(spec_, {}, "ada").partition, "");
  config_.site.partitions[0].default_time_limit_s = 1800;
  EXPECT_EQ(limit_s(), 1800);
  config_.site.user_limits.time_limit_s = 600;
  EXPECT_EQ(limit_s(), 600) << "no longer than it might ask for";
  spec_.partition = "small";
  EXPECT_EQ(limit_s(), 600);
  spec_.resources.time_limit_s = 60;
  EXPECT_EQ(limit_s(), 60);
  EXPECT_EQ(with_site_defaults(spec_, config_.site, "bob").account, "physics");
  EXPECT_EQ(with_site_defaults(spec_, config_.site, "eve").account, "");
  spec_.account = "open";
  EXPECT_EQ(with_site_defaults(spec_, config_.site, "bob").account, "open");
}

}  // namespace
}  // namespace sovren::policy
