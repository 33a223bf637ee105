// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/unit/engine/world.h"

namespace sovren::engine {
namespace {

using testing::HasSubstr;

// What a callback brings, waited for.
template <class T>
class Reply {
 public:
  std::function<void(T)> taker() {
    return [promise = promise_](T value) { promise->set_value(std::move(value)); };
  }
  T get() { return promise_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
};

class HostTest : public testing::Test {
 protected:
  void SetUp() override { start(); }
  void start(std::size_t queue_max = 1000) {
    host_.reset();
    auto started =
        EngineHost::start(log_, clock_,
                          {.engine = {.on_restart = OnRestart::readopt, .jobs_dir = "/jobs"},
                           .queue_max = queue_max});
    ASSERT_TRUE(started) << to_text(started.error());
    host_ = std::move(*started);
  }

  HelloReply hello(std::vector<HeldAttempt> attempts = {}, std::int64_t acknowledged = 0) {
    Reply<Result<HelloReply>> reply;
    EXPECT_TRUE(host_->hello({.node = "n1",
                              .instance = "i1",
                              .version = "1",
                              .resources = {.cpus = 2},
                              .acknowledged = acknowledged,
                              .attempts = std::move(attempts)},
                             reply.taker()));
    return reply.get().value();
  }
  Result<Queued> queue(const JobSpec& spec, const std::string& key = "") {
    Reply<Result<void>> reply;
    Queued queued;
    EXPECT_TRUE(host_->write(
        [&, spec](Engine& engine) {
          return engine
              .queue({.user = "ada", .spec = SharedSpec(spec), .key = key, .digest = spec.name})
              .map([&](Queued made) { queued = made; });
        },
        reply.taker()));
    SOVREN_DO(reply.get());
    return queued;
  }
  std::vector<Order> orders(std::int64_t after) {
    Reply<Result<std::vector<Order>>> reply;
    EXPECT_TRUE(host_->take_orders("n1", "i1", after, reply.taker()));
    return reply.get().value();
  }
  std::int64_t tell(std::vector<NumberedNews> news) {
    Reply<Result<std::int64_t>> reply;
    EXPECT_TRUE(host_->tell("n1", {.instance = "i1", .news = std::move(news)}, reply.taker()));
    return reply.get().value();
  }
  template <class F>
  auto look(F f) {
    Reply<decltype(f(std::declval<const Engine&>()))> reply;
    EXPECT_TRUE(host_->read([&](const Engine& engine) { reply.taker()(f(engine)); }));
    return reply.get();
  }
  JobState state_of(JobId job) {
    return look([&](const Engine& engine) { return engine.state().jobs.at(job).state; });
  }

  VirtualClock clock_;
  FaultyLog log_;
  std::unique_ptr<EngineHost> host_;
};

TEST_F(HostTest, TakesAJobFromItsSubmissionToItsEnd) {
  hello();
  EXPECT_EQ(queue({})->first, JobId{1});
  const auto started = orders(0);
  ASSERT_EQ(started.size(), 1U);
  const auto& order = std::get<AttemptOrder>(started[0].what);
  EXPECT_EQ(order.dir, "/jobs/1");
  EXPECT_EQ(tell({{1, {{1}, 1, ReportSealed{10, 5, 1}, ""}}}), 1);
  const auto sealed = orders(1);
  ASSERT_EQ(sealed.size(), 1U);
  EXPECT_EQ(std::get<SealOrder>(sealed[0].what).step, 10);
  EXPECT_EQ(tell({{2, {{1}, 1, ReportFinished{20, "d1gest", {}}, ""}},
                  {3, {{1}, 1, AttemptExited{0, std::nullopt}, ""}}}),
            3);
  EXPECT_EQ(state_of({1}), JobState::completed);
}

TEST_F(HostTest, AnswersEachCallerOfABatchForItself) {
  hello();
  JobSpec wrong;
  wrong.begin = "tomorrow";
  std::vector<Reply<Result<void>>> replies(30);
  for (int i = 0; i < 30; ++i)
    ASSERT_TRUE(host_->write(
        [&, i](Engine& engine) {
          return engine.queue({.user = "ada", .spec = SharedSpec(i % 3 == 0 ? wrong : JobSpec{})})
              .map([](Queued) {});
        },
        replies[static_cast<std::size_t>(i)].taker()));
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(replies[static_cast<std::size_t>(i)].get().has_value(), i % 3 != 0) << i;
  EXPECT_EQ(look([](const Engine& engine) { return engine.state().jobs.size(); }), 20U);
}

TEST_F(HostTest, TellsTheCallerThatTheDiskIsFullAndLivesOn) {
  hello();
  log_.fault = FaultyLog::Fault::refuse;
  log_.fault_at = 1;
  EXPECT_EQ(queue({}).error().code, Code::storage_io);
  EXPECT_TRUE(queue({}));
  EXPECT_EQ(look([](const Engine& engine) { return engine.state().jobs.size(); }), 1U);
}

TEST_F(HostTest, RefusesMoreThanItsQueueHolds) {
  start(3);
  std::promise<void> gate;
  std::promise<void> entered;
  ASSERT_TRUE(host_->read([&](const Engine&) {
    entered.set_value();
    gate.get_future().wait();
  }));
  entered.get_future().wait();  // the thread is busy: what comes now stays in the queue
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(host_->read([](const Engine&) {}));
  const auto refused = host_->read([](const Engine&) {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unreachable);
  gate.set_value();
}

TEST_F(HostTest, DoesWhatIsQueuedBeforeItStops) {
  hello();
  std::vector<Reply<Result<void>>> replies(10);
  for (auto& reply : replies)
    ASSERT_TRUE(host_->write(
        [](Engine& engine) {
          return engine.queue({.user = "ada", .spec = SharedSpec(JobSpec{})}).map([](Queued) {});
        },
        reply.taker()));
  Reply<Result<std::vector<Order>>> waiting;
  ASSERT_TRUE(host_->take_orders("n1", "i1", 100, waiting.taker()));
  host_->stop();
  for (auto& reply : replies) EXPECT_TRUE(reply.get());
  EXPECT_TRUE(waiting.get()) << "nobody is left waiting";
  EXPECT_EQ(host_->read([](const Engine&) {}).error().code, Code::unreachable);
}

TEST_F(HostTest, ReadoptsWhatRunsAfterARestart) {
  hello();
  (void)queue({});
  ASSERT_EQ(orders(0).size(), 1U);
  start();
  Reply<Result<std::vector<Order>>> early;
  ASSERT_TRUE(host_->take_orders("n1", "i1", 1, early.taker()));
  EXPECT_EQ(early.get().error().code, Code::not_found) << "say hello first";
  EXPECT_EQ(hello({{{1}, 1, true}}).orders_after, 0);
  EXPECT_EQ(state_of({1}), JobState::running);
  EXPECT_EQ(tell({{1, {{1}, 1, ReportFinished{20, "d1gest", {}}, ""}},
                  {2, {{1}, 1, AttemptExited{0, std::nullopt}, ""}}}),
            2);
  EXPECT_EQ(look([](const Engine& engine) { return engine.state().jobs.at({1}).attempts; }), 1);
  EXPECT_EQ(state_of({1}), JobState::completed);
}

TEST_F(HostTest, StopsAWaitAtTheCallersWish) {
  hello();
  Reply<Result<std::vector<Order>>> reply;
  const auto ticket = host_->take_orders("n1", "i1", 0, reply.taker());
  ASSERT_TRUE(ticket);
  host_->stop_waiting(*ticket);
  EXPECT_TRUE(reply.get().value().empty());
}

TEST_F(HostTest, RequeuesWhatRanOnANodeThatLeaves) {
  hello();
  (void)queue({});
  ASSERT_EQ(orders(0).size(), 1U);
  Reply<Result<void>> other;
  ASSERT_TRUE(host_->leave("n1", "i2", other.taker()));
  EXPECT_EQ(other.get().error().code, Code::not_found);
  Reply<Result<void>> left;
  ASSERT_TRUE(host_->leave("n1", "i1", left.taker()));
  EXPECT_TRUE(left.get());
  EXPECT_EQ(state_of({1}), JobState::pending);
}

}  // namespace
}  // namespace sovren::engine
