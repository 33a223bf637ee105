// SPDX-License-Identifier: Apache-2.0
// Pools: what the engine asks of a site, and what it makes of the site's news.
#include <gmock/gmock.h>

#include "tests/unit/engine/daemon.h"

namespace sovren::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Remembers what it is asked, and tells what the test says.
class FakePools : public PoolHost {
 public:
  void ask(const NodeWish& wish) override {
    wishes[wish.allocation] = wish;
    asked.push_back(wish.allocation.value);
  }
  void give_back(AllocationId allocation) override { given_back.push_back(allocation.value); }
  std::vector<PoolNews> poll() override { return std::exchange(news, {}); }
  std::string silence() override { return silent; }

  std::vector<std::int64_t> asked;
  std::vector<std::int64_t> given_back;
  std::map<AllocationId, NodeWish> wishes;
  std::vector<PoolNews> news;
  std::string silent;
};

class Pools : public Daemon {
 protected:
  Pools() {
    config_.engine.pools = &site_;
    config_.engine.node_timeout_s = 1e6;  // agents are silent here, but for what a test says
    config_.engine.policy.site.pools = {{.name = "render",
                                         .max_nodes = 2,
                                         .scale_on = {"queue_seconds", 0.1},
                                         .idle_timeout_s = 60,
                                         .time_limit_s = 3600,
                                         .cpus = 2}};
    config_.engine.policy.site.partitions = {{.name = "render", .labels = {{"pool", "render"}}}};
  }

  Result<HelloReply> join(std::int64_t allocation, std::vector<HeldAttempt> attempts = {}) {
    const std::string number = std::to_string(allocation);
    const std::string node = "render-" + number;
    Result<HelloReply> got = fail({.what = "no answer"});
    EXPECT_TRUE(host_->hello(
        {.node = node,
         .instance = node + "-1",
         .version = "1",
         .resources = {.cpus = 2, .labels = {{"pool", "render"}, {"allocation", number}}},
         .attempts = std::move(attempts)},
        [&](Result<HelloReply> reply) { got = std::move(reply); }));
    host_->pump();
    if (got) after_[node] = got->orders_after;
    return got;
  }
  void tell_news(std::int64_t allocation, decltype(PoolNews::what) what) {
    site_.news.push_back({{allocation}, std::move(what)});
    pass(0);
  }
  // The pool has looked at what is there.
  void settle() {
    for (int i = 0; i < 4; ++i) pass(1);
  }
  // Jobs that fill a node each.
  void queue_many(int jobs) {
    for (int i = 0; i < jobs; ++i)
      ASSERT_TRUE(queue([](QueueRequest&, JobSpec& spec) {
        spec.resources.ranks = 2;
        spec.resources.oversubscribe = Oversubscribe::no;
      }));
  }
  // With one agent, which runs the first job.
  void grow() {
    queue_many(1);
    settle();
    ASSERT_THAT(site_.asked, ElementsAre(1));
    tell_news(1, WishQueued{"77"});
    tell_news(1, WishStarted{3600});
    ASSERT_TRUE(join(1));
    ASSERT_THAT(orders("render-1"), ElementsAre("start 1.1"));
  }
  std::string note() const {
    const auto found = state().pool_notes.find("render");
    return found == state().pool_notes.end() ? "" : found->second;
  }
  void expect_replay() const {
    EXPECT_EQ(state_text(state()), state_text(replayed(log_.events())));
  }

  FakePools site_;
};

TEST_F(Pools, GrowsForTheQueueAndShrinksToNothing) {
  queue_many(3);
  settle();
  EXPECT_THAT(site_.asked, ElementsAre(1, 2));
  EXPECT_EQ(note(), "max_nodes = 2: it has no more");
  EXPECT_FALSE(site_.wishes.at({1}).may_be_there);
  EXPECT_EQ(site_.wishes.at({1}).pool.cpus, 2);
  for (const std::int64_t allocation : {1, 2}) {
    tell_news(allocation, WishQueued{std::to_string(70 + allocation)});
    tell_news(allocation, WishStarted{3600});
    ASSERT_TRUE(join(allocation));
  }
  EXPECT_EQ(state().allocations.at({2}).site_job, "72");
  EXPECT_NEAR(state().allocations.at({2}).ends_at - host_->engine().now(), 3600, 1);
  finish("render-1", {1});
  finish("render-1", {3});
  finish("render-2", {2});
  settle();
  EXPECT_THAT(site_.given_back, IsEmpty());
  pass(61);
  settle();
  EXPECT_THAT(site_.given_back, ElementsAre(1, 2));
  EXPECT_EQ(node("render-1").drained_by, by_pool);
  for (const std::int64_t allocation : {1, 2}) {
    tell_news(allocation, WishEnded{"CANCELLED"});
    ASSERT_TRUE(write([&](Engine& engine) {
      return engine.lose_node("render-" + std::to_string(allocation), "its agent has ended");
    }));
  }
  settle();
  EXPECT_TRUE(state().allocations.empty());
  EXPECT_TRUE(state().nodes.empty());
  EXPECT_EQ(note(), "");
  EXPECT_EQ(site_.asked.size(), 2U);
  expect_replay();
}

TEST_F(Pools, AsksTheSiteOnlyOnceTheLogHasIt) {
  queue_many(1);
  log_.fault = FaultyLog::Fault::refuse;
  log_.fault_at = 1;
  pass(1);
  EXPECT_EQ(log_.fault_at, 0);
  EXPECT_THAT(site_.asked, IsEmpty());
  EXPECT_TRUE(state().allocations.empty());
  EXPECT_EQ(state().last_allocation, 0);
  settle();
  EXPECT_THAT(site_.asked, ElementsAre(1));
  expect_replay();
}

TEST_F(Pools, KeepsTheSitesNewsWhileTheLogIsFull) {
  queue_many(1);
  settle();
  log_.fault = FaultyLog::Fault::refuse;
  log_.fault_at = 1;
  tell_news(1, WishQueued{"77"});
  EXPECT_EQ(state().allocations.at({1}).site_job, "");
  settle();
  EXPECT_EQ(state().allocations.at({1}).site_job, "77");
}

TEST_F(Pools, LooksForWhatAnEarlierRunMayHaveAsked) {
  queue_many(2);
  settle();
  tell_news(1, WishQueued{"77"});
  site_.asked.clear();
  restart();
  settle();
  EXPECT_THAT(site_.asked, ElementsAre(1, 2));
  EXPECT_EQ(site_.wishes.at({1}).site_job, "77");
  EXPECT_EQ(site_.wishes.at({2}).site_job, "");
  EXPECT_TRUE(site_.wishes.at({2}).may_be_there);
}

TEST_F(Pools, ReadoptsItsAgentsAfterARestart) {
  grow();
  restart();
  settle();
  ASSERT_TRUE(join(1, {{{1}, 1, true}}));
  finish("render-1", {1});
  EXPECT_EQ(job().state, JobState::completed);
  EXPECT_EQ(job().attempts, 1);
  pass(61);
  settle();
  EXPECT_THAT(site_.given_back, ElementsAre(1));
  restart();
  settle();
  EXPECT_THAT(site_.given_back, ElementsAre(1, 1)) << "told anew by each run";
}

TEST_F(Pools, BacksOffWhenTheSiteRefuses) {
  queue_many(1);
  settle();
  tell_news(1, WishRefused{"invalid account"});
  settle();
  EXPECT_THAT(note(), HasSubstr("refused by the site: invalid account; asks again at "));
  EXPECT_THAT(site_.asked, ElementsAre(1));
  EXPECT_TRUE(state().allocations.empty());
  pass(10);
  settle();
  EXPECT_THAT(site_.asked, ElementsAre(1, 2));
  tell_news(2, WishEnded{"FAILED"});  // its program was not found there
  pass(15);
  settle();
  EXPECT_THAT(note(), HasSubstr("an allocation ended before its agent joined: FAILED"));
  EXPECT_THAT(site_.asked, ElementsAre(1, 2));
  pass(10);
  settle();
  EXPECT_THAT(site_.asked, ElementsAre(1, 2, 3));
}

TEST_F(Pools, SaysThatTheSiteIsSilent) {
  site_.silent = "slurmctld is down";
  queue_many(1);
  settle();
  EXPECT_EQ(note(), "the site does not answer: slurmctld is down");
  EXPECT_THAT(site_.asked, IsEmpty());
  site_.silent.clear();
  settle();
  EXPECT_THAT(site_.asked, ElementsAre(1));
  EXPECT_EQ(note(), "");
}

TEST_F(Pools, AsksJobsToMoveOnBeforeTheAllocationEnds) {
  grow();
  pass(3400);
  EXPECT_THAT(orders("render-1"), IsEmpty());
  pass(160);
  EXPECT_THAT(orders("render-1"), ElementsAre("preempt 1.1"));
  EXPECT_EQ(job().stop_by, by_pool);
  EXPECT_TRUE(state().allocations.at({1}).is_released);
  EXPECT_THAT(site_.given_back, IsEmpty()) << "the job has not moved on yet";
  (void)tell("render-1", {1}, 1, AttemptExited{85, std::nullopt});
  EXPECT_EQ(job().state, JobState::pending);
  settle();
  EXPECT_THAT(site_.given_back, ElementsAre(1));
  EXPECT_THAT(site_.asked, ElementsAre(1, 2)) << "where it goes on";
}

TEST_F(Pools, JobsOfALostAllocationGoOnElsewhere) {
  grow();
  tell_news(1, WishEnded{"NODE_FAIL"});
  settle();
  EXPECT_EQ(node("render-1").drained_why, "its allocation has ended");
  ASSERT_TRUE(write([](Engine& engine) { return engine.lose_node("render-1", "silent"); }));
  settle();
  EXPECT_EQ(job().state, JobState::pending);
  EXPECT_THAT(site_.asked, ElementsAre(1, 2));
  EXPECT_TRUE(state().nodes.empty());
  const auto late = join(1);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::refused);
  EXPECT_THAT(late.error().what, HasSubstr("allocation 1 of pool render has ended"));
  expect_replay();
}

TEST_F(Pools, ThePlanChangesNothing) {
  queue_many(1);
  clock_.advance(1000);
  const std::size_t events = log_.events().size();
  const policy::PoolPlan plan = host_->engine().plan_pools();
  ASSERT_EQ(plan.pools.size(), 1U);
  EXPECT_EQ(plan.pools[0].wanted, 1);
  EXPECT_EQ(log_.events().size(), events);
  EXPECT_THAT(site_.asked, IsEmpty());
}

}  // namespace
}  // namespace sovren::engine
