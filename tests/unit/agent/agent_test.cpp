// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "tests/unit/agent/agent_fixture.h"
#include "workers/agent/unix_socket.h"

namespace sovren::workers {
namespace {

/// A job directory whose fake rank behaves as `mode` says, and an agent that can start it.
class AgentTest : public AgentFixture {
 protected:
  AttemptOrder order(const std::string& mode, int ranks = 1) {
    std::ofstream(dir_ + "/mode") << mode;
    AttemptOrder made;
    made.job = JobId{1};
    made.attempt = 1;
    made.ranks = ranks;
    made.dir = dir_;
    made.mtbf_s = 86400;
    return made;
  }
};

/// True once the folder has so many processes.
bool are_there(const std::string& dir, std::size_t count) {
  for (int turn = 0; turn < 4000; ++turn) {
    if (processes_of(dir).size() == count) return true;
    ::usleep(5000);
  }
  return false;
}

/// True when all processes of the folder are gone within the time.
bool are_gone_within(const std::string& dir, int ms) {
  for (int turn = 0; turn < ms / 5; ++turn) {
    if (processes_of(dir).empty()) return true;
    ::usleep(5000);
  }
  return false;
}

TEST_F(AgentTest, FinishedAttemptReportsAndExitsWithZero) {
  ASSERT_TRUE(agent().start(order("finish")).has_value());
  const auto started = wait_for<ReportStarted>();
  ASSERT_TRUE(started.has_value());
  EXPECT_EQ(started->backend, "cpu");
  const auto finished = wait_for<ReportFinished>();
  ASSERT_TRUE(finished.has_value());
  EXPECT_EQ(finished->digest, "abc");
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 0);
  EXPECT_FALSE(exited->error.has_value());
}

TEST_F(AgentTest, SameAttemptIsStartedOnce) {
  ASSERT_TRUE(agent().start(order("finish")).has_value());
  ASSERT_TRUE(agent().start(order("finish")).has_value());
  ASSERT_TRUE(wait_for<AttemptExited>().has_value());
  ASSERT_TRUE(agent().start(order("finish")).has_value()) << "also after its end";
  EXPECT_TRUE(agent().poll(0.2).empty());
  AttemptOrder next = order("finish");
  next.attempt = 2;
  ASSERT_TRUE(agent().start(next).has_value());
  ASSERT_TRUE(wait_for<AttemptExited>().has_value());
  EXPECT_EQ(exits_, 2);
}

TEST_F(AgentTest, RequestsReachRankZeroAlsoBeforeItIsThere) {
  ASSERT_TRUE(agent().start(order("obey")).has_value());
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::checkpoint).has_value());
  const auto sealed = wait_for<ReportSealed>();
  ASSERT_TRUE(sealed.has_value());
  EXPECT_EQ(sealed->step, 7);
  ASSERT_TRUE(agent().acknowledge_seal(JobId{1}, 1, 7).has_value());
  const auto echoed = wait_for<ReportWarning>();
  ASSERT_TRUE(echoed.has_value());
  EXPECT_EQ(echoed->text, R"({"sealed_recorded":7})");
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::stop).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 85);
  EXPECT_FALSE(exited->error.has_value());
  EXPECT_TRUE(agent().request(JobId{1}, 1, Request::stop).has_value()) << "already gone";
}

TEST_F(AgentTest, KillEndsARankThatDoesNotListen) {
  ASSERT_TRUE(agent().start(order("hang")).has_value());
  ASSERT_TRUE(wait_for<ReportStarted>().has_value());
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::kill).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 137);
  ASSERT_TRUE(exited->error.has_value());
  EXPECT_EQ(exited->error->code, Code::interrupted);
  EXPECT_TRUE(processes_of(dir_).empty());
}

TEST_F(AgentTest, ReportedFailureIsTheErrorOfTheEnd) {
  ASSERT_TRUE(agent().start(order("fail")).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 65);
  ASSERT_TRUE(exited->error.has_value());
  EXPECT_EQ(exited->error->what, "row 3 is short");
}

TEST_F(AgentTest, EndWithoutAWordQuotesTheLaunchLog) {
  ASSERT_TRUE(agent().start(order("silent")).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 70);
  ASSERT_TRUE(exited->error.has_value());
  EXPECT_NE(exited->error->what.find("cannot open libexample.so"), std::string::npos)
      << exited->error->what;
}

TEST_F(AgentTest, TroubleAfterTheResultIsAWarning) {
  ASSERT_TRUE(agent().start(order("finish_badly")).has_value());
  const auto warning = wait_for<ReportWarning>();
  ASSERT_TRUE(warning.has_value());
  EXPECT_NE(warning->text.find("exit code 1"), std::string::npos) << warning->text;
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 0);
  EXPECT_FALSE(exited->error.has_value());
}

TEST_F(AgentTest, GarbageIsAWarningAndTheNextReportCounts) {
  ASSERT_TRUE(agent().start(order("garbage")).has_value());
  int warnings = 0;
  bool is_finished = false, is_over = false;
  for (int turn = 0; turn < 1000 && !is_over; ++turn)
    for (const AttemptNews& news : agent().poll(patience_s / 1000)) {
      is_over = std::holds_alternative<AttemptExited>(news.what);
      if (is_over) continue;
      warnings += std::holds_alternative<ReportWarning>(std::get<RankReport>(news.what)) ? 1 : 0;
      is_finished |= std::holds_alternative<ReportFinished>(std::get<RankReport>(news.what));
    }
  EXPECT_EQ(warnings, 3) << "no JSON, too long, no report";
  EXPECT_TRUE(is_finished);
  EXPECT_TRUE(is_over);
}

TEST_F(AgentTest, OrphansOfAFinishedAttemptAreGoneBeforeItsEndIsNews) {
  ASSERT_TRUE(agent().start(order("orphan")).has_value());
  ASSERT_TRUE(wait_for<AttemptExited>().has_value());
  EXPECT_TRUE(processes_of(dir_).empty());
}

TEST_F(AgentTest, DestructorLeavesNoProcess) {
  ASSERT_TRUE(agent().start(order("orphan_and_hang")).has_value());
  ASSERT_TRUE(wait_for<ReportStarted>().has_value());
  EXPECT_FALSE(processes_of(dir_).empty());
  agent_.reset();
  EXPECT_TRUE(processes_of(dir_).empty());
}

TEST_F(AgentTest, WakeDescriptorEndsTheWait) {
  const int event = ::eventfd(1, EFD_CLOEXEC);
  agent().wake_on(event);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(agent().poll(patience_s).empty());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  ::close(event);
}

TEST_F(AgentTest, RankProgramThatIsNotThereIsAnErrorOfStart) {
  auto lost = Agent::start({.rank_program = "/nowhere/sovren-rank", .mpirun = "/bin/true"});
  ASSERT_TRUE(lost.has_value());
  const auto started = (*lost)->start(order("finish"));
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, Code::input_missing);
  EXPECT_TRUE((*lost)->poll(0).empty());
}

// Through mpirun.

TEST_F(AgentTest, MpirunPassesTheCodeOfCheckpointedRanksOn) {
  ASSERT_TRUE(agent().start(order("obey_all", 3)).has_value());
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::stop).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 85);
}

TEST_F(AgentTest, KilledRankEndsTheOthersWith137) {
  ASSERT_TRUE(agent().start(order("rank1_is_killed", 3)).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 137);
  ASSERT_TRUE(exited->error.has_value());
  EXPECT_EQ(exited->error->code, Code::peer_lost);
  EXPECT_TRUE(processes_of(dir_).empty());
}

TEST_F(AgentTest, AnyRankMaySayWhyItFailed) {
  ASSERT_TRUE(agent().start(order("rank1_fails", 2)).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 74);
  ASSERT_TRUE(exited->error.has_value());
  EXPECT_EQ(exited->error->what, "disk full");
}

TEST_F(AgentTest, KillReachesRanksBehindMpirun) {
  ASSERT_TRUE(agent().start(order("orphan_and_hang", 3)).has_value());
  ASSERT_TRUE(wait_for<ReportStarted>().has_value());
  EXPECT_TRUE(are_there(dir_, 5)) << "mpirun, three ranks and an orphan";
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::kill).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 137);
  EXPECT_TRUE(processes_of(dir_).empty());
}

/// Starts an attempt in a process of its own, kills that process with signal 9 and sees what is
/// left.
void kill_the_agent(const AttemptOrder& order) {
  std::array<int, 2> pipe;
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t host = ::fork();
  ASSERT_GE(host, 0);
  if (host == 0) {
    auto agent =
        Agent::start({.rank_program = std::string(std::getenv("SOVREN_BIN")) + "/agent_fake_rank"});
    if (!agent || !(*agent)->start(order)) ::_exit(1);
    for (;;)
      for (const AttemptNews& news : (*agent)->poll(patience_s))
        if (const auto* report = std::get_if<RankReport>(&news.what))
          if (std::holds_alternative<ReportStarted>(*report) && ::write(pipe[1], "x", 1) != 1)
            ::_exit(2);
  }
  ::close(pipe[1]);
  char started = 0;
  ASSERT_EQ(::read(pipe[0], &started, 1), 1) << "the attempt did not start";
  ::close(pipe[0]);
  EXPECT_TRUE(are_there(order.dir, order.ranks == 1 ? 1 : order.ranks + 1U));
  ASSERT_EQ(::kill(host, SIGKILL), 0);
  ASSERT_EQ(::waitpid(host, nullptr, 0), host);
  EXPECT_TRUE(are_gone_within(order.dir, 2000));
  for (const pid_t pid : processes_of(order.dir)) ::kill(pid, SIGKILL);
}

TEST_F(AgentTest, KilledAgentLeavesNoRank) {
  kill_the_agent(order("hang"));
}

TEST_F(AgentTest, KilledAgentLeavesNeitherMpirunNorRanks) {
  kill_the_agent(order("hang", 3));
}

TEST(PrivateFolder, FallsBackWhenThePathIsTooLongForASocket) {
  const std::string too_long = testing::TempDir() + "/" + std::string(100, 'x');
  std::filesystem::create_directories(too_long);
  std::string path;
  {
    const auto folder = PrivateFolder::make(too_long);
    ASSERT_TRUE(folder.has_value());
    path = folder->path();
    EXPECT_LE(path.size() + 32, socket_path_bytes_max);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, ::geteuid() == 0 ? 0711U : 0700U);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  std::filesystem::remove_all(too_long);
}

TEST(PrivateFolder, SweepsWhatKilledProcessesLeftAndNothingElse) {
  const std::string place = testing::TempDir() + "/sweep-" + std::to_string(::getpid());
  std::filesystem::create_directories(place);
  const auto add = [&](const std::string& name, int age_s) {
    const std::string path = place + "/" + name;
    EXPECT_EQ(::mkdir(path.c_str(), 0700), 0);
    std::ofstream(path + "/1-1.sock") << "left";
    const timespec then{.tv_sec = std::time(nullptr) - age_s, .tv_nsec = 0};
    const std::array times{then, then};
    EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
    return path;
  };
  const std::string abandoned = add("sovren-abc123", 3600), young = add("sovren-def456", 0),
                    held = add("sovren-ghi789", 3600), foreign = add("other-abc123", 3600);
  const int holder = ::open(held.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(holder, LOCK_EX), 0);
  ASSERT_TRUE(PrivateFolder::make(place));
  EXPECT_FALSE(std::filesystem::exists(abandoned));
  for (const std::string& path : {young, held, foreign})
    EXPECT_TRUE(std::filesystem::exists(path + "/1-1.sock")) << path;
  ::close(holder);
  std::filesystem::remove_all(place);
}

TEST(PrivateFolder, IsMadeWhereItWasAskedFor) {
  const std::string parent = testing::TempDir() + "/sovren_p" + std::to_string(::getpid());
  std::filesystem::create_directories(parent);
  const auto folder = PrivateFolder::make(parent);
  ASSERT_TRUE(folder.has_value());
  EXPECT_EQ(folder->path().rfind(parent, 0), 0U);
  std::filesystem::remove_all(parent);
}

TEST(LineReader, CutsLinesWhereverTheBytesAreCut) {
  const std::string text = "one\n\ntwo\nthree and more\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    LineReader reader(100);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += size)
      reader.feed(text.substr(at, size), lines);
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "three and more"}));
  }
}

TEST(LineReader, DropsALineOverTheLimitWhole) {
  for (std::size_t size : {1, 3, 100}) {
    LineReader reader(5);
    std::vector<std::string> lines;
    const std::string text = "12345\n123456\n1234567890123\nok\n";
    for (std::size_t at = 0; at < text.size(); at += size)
      reader.feed(text.substr(at, size), lines);
    EXPECT_EQ(lines, (std::vector<std::string>{"12345", "ok"}));
    EXPECT_EQ(reader.dropped(), 2);
  }
}

}  // namespace
}  // namespace sovren::workers
