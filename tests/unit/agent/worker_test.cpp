// SPDX-License-Identifier: Apache-2.0
// The agent as a program, against a scheduler that does what the test says.
#include "workers/agent/worker.h"

#include <sys/eventfd.h>

#include <atomic>
#include <thread>

#include "tests/unit/agent/agent_fixture.h"
#include "tests/unit/agent/fake_scheduler.h"

namespace sovren::workers {
namespace {

/// A worker on a thread of its own, which makes its agent too.
class WorkerTest : public AgentFixture {
 protected:
  void TearDown() override {
    if (thread_.joinable()) {
      stop();
      stop();
      thread_.join();
    }
    ::close(stop_fd_);
    AgentFixture::TearDown();
  }

  void work() {
    thread_ = std::thread([this] {
      auto agent = Agent::start({.rank_program = bin() + "/agent_fake_rank"});
      if (!agent) return;
      Worker worker(**agent, {.node = "n1",
                              .version = "1",
                              .resources = {.cpus = 2},
                              .for_orders = scheduler_.transport(),
                              .for_news = scheduler_.transport(),
                              .say = [](const std::string&) {},
                              .stop_fd = stop_fd_,
                              .stops = [this] { return stops_.exchange(0); },
                              .drain_s_max = 60,
                              .farewell_s_max = 0.2});
      result_ = worker.run();
    });
  }
  void stop() {
    ++stops_;
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(stop_fd_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  /// Waits for its end, and gives what run() returned.
  Result<void> end() {
    thread_.join();
    return result_;
  }

  AttemptOrder command(const std::string& script, int attempt = 1, std::int64_t job = 1) {
    AttemptOrder made;
    made.job = JobId{job};
    made.attempt = attempt;
    made.node = "n1";
    made.dir = dir_ + "/job";
    made.spec.name = "test";
    made.spec.kind = CommandSpec{.script = script, .checkpoint_signal = "USR1"};
    return made;
  }
  AttemptOrder endless(int attempt = 1) {
    return command(
        "trap 'exit 85' USR1; echo 'sovren: {\"step\": 1}'; while :; do sleep 0.01; done", attempt);
  }

  /// The end of job 1's attempt, once it is told.
  std::optional<AttemptExited> exit_of(int attempt) {
    for (std::size_t count = 1; count < 100; ++count) {
      const auto news = scheduler_.news(count);
      for (const NumberedNews& each : news)
        if (const auto* exited = std::get_if<AttemptExited>(&each.news.what);
            exited != nullptr && each.news.attempt == attempt)
          return *exited;
      if (news.size() < count) break;
      count = news.size();
    }
    return std::nullopt;
  }

  FakeScheduler scheduler_;
  std::atomic<int> stops_ = 0;
  int stop_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::thread thread_;
  Result<void> result_;
};

TEST_F(WorkerTest, SaysHelloStartsAndTellsTheEnd) {
  work();
  const auto hellos = scheduler_.hellos(1);
  ASSERT_EQ(hellos.size(), 1U);
  EXPECT_EQ(hellos[0].node, "n1");
  EXPECT_EQ(hellos[0].resources.cpus, 2);
  EXPECT_EQ(hellos[0].instance.size(), 32U);
  EXPECT_TRUE(hellos[0].attempts.empty());
  scheduler_.order(command("exit 3"));
  const auto exited = exit_of(1);
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 3);
}

TEST_F(WorkerTest, StartThatFailsIsAnEnd) {
  work();
  AttemptOrder order = command("true");
  order.spec.kind = CommandSpec{.argv = {"no-such-program"}};
  scheduler_.order(order);
  const auto exited = exit_of(1);
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 66);
  ASSERT_TRUE(exited->error.has_value());
  EXPECT_EQ(exited->error->code, Code::input_missing);
}

TEST_F(WorkerTest, OutlivesTheSchedulerAndListsWhatRuns) {
  work();
  scheduler_.order(endless());
  ASSERT_GE(scheduler_.news(1).size(), 1U);
  scheduler_.go_away();
  scheduler_.restart();
  scheduler_.come_back();
  const auto hellos = scheduler_.hellos(2);
  ASSERT_EQ(hellos.size(), 2U);
  EXPECT_EQ(hellos[1].instance, hellos[0].instance);
  EXPECT_EQ(hellos[1].attempts, (std::vector<HeldAttempt>{{JobId{1}, 1, true}}));
  scheduler_.order(endless());  // told again: it runs once
  scheduler_.order(RequestOrder{JobId{1}, 1, Request::stop});
  const auto exited = exit_of(1);
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 85);
  const std::string log = text_of("job/logs/rank-0000.log");
  EXPECT_EQ(log.find("sovren:"), log.rfind("sovren:")) << "it began once";
}

TEST_F(WorkerTest, EndDuringAnAbsenceIsToldAfterwardsAndListed) {
  work();
  scheduler_.order(command("echo 'sovren: {\"step\": 1}'; read x < \"$SOVREN_JOB_DIR/../go\""));
  ASSERT_EQ(::mkfifo((dir_ + "/go").c_str(), 0600), 0);
  ASSERT_GE(scheduler_.news(1).size(), 1U);
  scheduler_.hold_back_after(0);
  std::ofstream(dir_ + "/go") << "on\n";
  ASSERT_TRUE(exit_of(1).has_value()) << "told, but not acknowledged";
  const std::size_t told = scheduler_.news(1).size();
  scheduler_.restart();
  const auto hellos = scheduler_.hellos(2);
  ASSERT_EQ(hellos.size(), 2U);
  EXPECT_EQ(hellos[1].attempts, (std::vector<HeldAttempt>{{JobId{1}, 1, false}}));
  const auto news = scheduler_.news(told + 1);
  ASSERT_GT(news.size(), told) << "told again after the hello";
  EXPECT_EQ(news[told].number, hellos[1].acknowledged + 1);
}

TEST_F(WorkerTest, KillOfWhatItNeverHadIsAnsweredAndForbidsIt) {
  work();
  scheduler_.order(RequestOrder{JobId{1}, 2, Request::kill});
  const auto news = scheduler_.news(1);
  ASSERT_EQ(news.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<AttemptGone>(news[0].news.what));
  EXPECT_EQ(news[0].news.attempt, 2);
  scheduler_.order(command("exit 3", 2));  // a delayed start: not carried out, and answered
  scheduler_.order(command("exit 4", 3));
  const auto exited = exit_of(3);
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 4);
  EXPECT_EQ(scheduler_.news(0).size(), 3U);
}

TEST_F(WorkerTest, HelpsAnotherNodesAttemptAndSaysWhenItIsGone) {
  work();
  AssistOrder order{.job = JobId{1}, .attempt = 1, .launch = "1", .command = "sleep 1000"};
  order.head = "n2";
  order.dir = dir_ + "/job";
  scheduler_.order(order);
  scheduler_.order(order);  // told again: it runs once
  AssistOrder second = order;
  second.launch = "2";
  second.command = "exit 5";
  scheduler_.order(second);
  const auto told = scheduler_.news(1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(std::get<AssistEnded>(told[0].news.what), (AssistEnded{"2", 5, ""}));
  scheduler_.restart();
  const auto hellos = scheduler_.hellos(2);
  ASSERT_EQ(hellos.size(), 2U);
  EXPECT_EQ(hellos[1].attempts, (std::vector<HeldAttempt>{{JobId{1}, 1, true}}));
  scheduler_.order(RequestOrder{JobId{1}, 1, Request::kill});
  const auto news = scheduler_.news(3);
  ASSERT_EQ(news.size(), 3U);
  EXPECT_EQ(std::get<AssistEnded>(news[1].news.what), (AssistEnded{"1", 137, ""}));
  EXPECT_TRUE(std::holds_alternative<AttemptGone>(news[2].news.what));
}

TEST_F(WorkerTest, StopSealsTellsAndLeaves) {
  work();
  scheduler_.order(endless());
  ASSERT_GE(scheduler_.news(1).size(), 1U);
  stop();
  EXPECT_TRUE(end().has_value());
  EXPECT_TRUE(scheduler_.has_left());
  const auto exited = exit_of(1);
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 85);
}

TEST_F(WorkerTest, SecondStopKills) {
  work();
  scheduler_.order(
      command("trap '' USR1; echo 'sovren: {\"step\": 1}'; while :; do sleep 1; done"));
  ASSERT_GE(scheduler_.news(1).size(), 1U);
  stop();
  stop();
  EXPECT_TRUE(end().has_value());
  EXPECT_EQ(exit_of(1).value_or(AttemptExited{}).exit_code, 137);
}

TEST_F(WorkerTest, FencedItKillsAllAndEnds) {
  work();
  scheduler_.order(command("echo 'sovren: {\"step\": 1}'; sleep 1000; : $0 " + dir_));
  ASSERT_GE(scheduler_.news(1).size(), 1U);
  EXPECT_FALSE(processes_of(dir_).empty());
  scheduler_.fence();
  const auto ended = end();
  ASSERT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error().code, Code::fenced);
  EXPECT_TRUE(processes_of(dir_).empty());
}

TEST_F(WorkerTest, RefusedAtItsFirstHelloItEnds) {
  scheduler_.refuse();
  work();
  const auto ended = end();
  ASSERT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error().code, Code::refused);
  EXPECT_EQ(ended.error().what, "told by the test");
}

TEST_F(WorkerTest, WaitsForASchedulerThatIsNotThereYet) {
  scheduler_.go_away();
  work();
  scheduler_.come_back();
  EXPECT_EQ(scheduler_.hellos(1).size(), 1U);
}

TEST(LaunchChannel, WhoAsksHearsHowItEnded) {
  const std::string path = testing::TempDir() + "/launch-" + std::to_string(::getpid());
  auto channel = LaunchChannel::listen(path, std::nullopt);
  ASSERT_TRUE(channel.has_value()) << to_text(channel.error());
  std::vector<Result<int>> answers(2, Result<int>(-1));
  std::thread first([&] { answers[0] = ask_for_launch(path, "n2", "orted -x 1"); });
  std::thread second([&] { answers[1] = ask_for_launch(path, "n3", "orted -x 2"); });
  std::vector<AssistAsked> asked;
  while (asked.size() < 2) {
    std::vector<pollfd> wanted;
    channel->add_to(wanted);
    ASSERT_GT(::poll(wanted.data(), wanted.size(), 20'000), 0);
    for (AssistAsked& each : channel->serve()) asked.push_back(std::move(each));
  }
  EXPECT_NE(asked[0].launch, asked[1].launch);
  for (const AssistAsked& each : asked)
    if (each.node == "n2")
      channel->answer({.launch = each.launch, .exit_code = 7, .why = ""});
    else
      channel->answer({.launch = each.launch, .exit_code = 78, .why = "there is no user x"});
  first.join();
  second.join();
  EXPECT_EQ(answers[0].value_or(-1), 7);
  ASSERT_FALSE(answers[1].has_value());
  EXPECT_EQ(answers[1].error().code, Code::refused);
  EXPECT_NE(answers[1].error().what.find("there is no user x"), std::string::npos);
  std::filesystem::remove(path);
}

AttemptNews progress(std::int64_t job, std::int64_t step) {
  return {JobId{job}, 1, ReportProgress{Progress{.step = step}}, {}};
}

TEST(Outbox, NewerProgressTakesThePlaceOfWaitingProgress) {
  Outbox outbox;
  for (int step = 0; step < 1000; ++step) outbox.add(progress(1 + step % 2, step));
  const auto news = outbox.take_unsent(10);
  ASSERT_EQ(news.size(), 2U);
  EXPECT_EQ(news[0].number, 1);
  outbox.add(progress(1, 2000));
  EXPECT_EQ(outbox.take_unsent(10).size(), 1U) << "what was sent is not changed";
}

TEST(Outbox, ProgressDoesNotOvertakeASeal) {
  Outbox outbox;
  outbox.add(progress(1, 1));
  outbox.add({JobId{1}, 1, ReportSealed{.step = 1}, {}});
  outbox.add(progress(1, 2));
  EXPECT_EQ(outbox.take_unsent(10).size(), 3U);
}

TEST(Outbox, IsToldAgainUntilAcknowledged) {
  Outbox outbox;
  for (int job = 1; job <= 3; ++job) outbox.add({JobId{job}, 1, AttemptExited{}, {}});
  EXPECT_EQ(outbox.take_unsent(2).size(), 2U);
  EXPECT_TRUE(outbox.has_unsent());
  EXPECT_EQ(outbox.take_unsent(2).front().number, 3);
  EXPECT_FALSE(outbox.has_unsent());
  outbox.acknowledge(1);
  EXPECT_EQ(outbox.ended().size(), 2U);
  outbox.rewind();
  EXPECT_EQ(outbox.take_unsent(9).front().number, 2);
  outbox.acknowledge(3);
  EXPECT_TRUE(outbox.is_empty());
  EXPECT_EQ(outbox.acknowledged(), 3);
}

}  // namespace
}  // namespace sovren::workers
