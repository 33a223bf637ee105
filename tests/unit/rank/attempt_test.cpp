// SPDX-License-Identifier: Apache-2.0
// Whole attempts: an agent starts ranks (alone or by mpirun), and things happen to them.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "core/text/job_file.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "workers/agent/agent.h"

namespace sovren::workers {
namespace {

constexpr double patience_s = 60;

std::string bin(const std::string& program) {
  const char* folder = std::getenv("SOVREN_BIN");
  return std::string(folder == nullptr ? "bin" : folder) + "/" + program;
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// The ranks of a job directory, in the order of their processes.
std::vector<pid_t> ranks_of(const std::string& dir) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    const std::string command = pid == 0 ? "" : text_of(entry.path() / "cmdline");
    if (command.find(dir) != std::string::npos && command.find("mpirun") == std::string::npos)
      found.push_back(pid);
  }
  return found;
}

class AttemptTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "/sovren_attempt_" +
           testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
           std::to_string(::getpid());
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override {
    agent_.reset();
    if (is_mounted_) ::umount(dir_.c_str());
    std::filesystem::remove_all(dir_);
  }

  /// An attempt of a job whose kind follows the plan; `checkpoint` is its interval.
  AttemptOrder order(const std::string& plan, int ranks, const std::string& checkpoint = "auto") {
    std::ofstream(dir_ + "/plan") << plan;
    std::ofstream(dir_ + "/data.csv") << "a,b\n1,2\n";
    const std::string text =
        "schema = 1\nname = \"test\"\nkind = \"causal-analysis\"\n[resources]\nranks = " +
        std::to_string(ranks) + "\nbackend = \"cpu\"\n[checkpoint]\ninterval = \"" + checkpoint +
        "\"\n[causal_analysis]\ndata = \"data.csv\"\n";
    AttemptOrder made;
    made.spec = text::parse_job_file({dir_ + "/job.toml", text, dir_}).value();
    made.job = JobId{1};
    made.attempt = ++attempts_;
    made.ranks = ranks;
    made.dir = dir_;
    made.mtbf_s = 86400;
    return made;
  }

  void start(const AttemptOrder& order, const std::string& program = "rank_test_rank") {
    if (agent_ == nullptr) {
      auto started = Agent::start({.rank_program = bin(program)});
      if (!started) throw std::runtime_error(to_text(started.error()));
      agent_ = std::move(*started);
    }
    const auto started = agent_->start(order);
    ASSERT_TRUE(started.has_value()) << to_text(started.error());
  }

  void ask(int attempt, Request request) {
    EXPECT_TRUE(agent_->request(JobId{1}, attempt, request).has_value());
  }

  /// Takes news until a report of this kind comes that `fits`.
  template <class T, class Fits>
  std::optional<T> wait_for(Fits fits) {
    for (int turn = 0; turn < 1000; ++turn) {
      while (!unread_.empty()) {
        const AttemptNews news = std::move(unread_.front());
        unread_.pop_front();
        if constexpr (std::is_same_v<T, AttemptExited>) {
          if (const auto* found = std::get_if<AttemptExited>(&news.what)) return *found;
        } else {
          if (std::holds_alternative<AttemptExited>(news.what)) return std::nullopt;
          const auto* found = std::get_if<T>(&std::get<RankReport>(news.what));
          if (found != nullptr && fits(*found)) return *found;
        }
      }
      for (AttemptNews& news : agent_->poll(patience_s / 1000)) unread_.push_back(std::move(news));
    }
    return std::nullopt;
  }
  template <class T>
  std::optional<T> wait_for() {
    return wait_for<T>([](const T&) { return true; });
  }
  /// The exit code, with what is known of it.
  int exit_code() {
    const auto exited = wait_for<AttemptExited>();
    if (!exited) return -1;
    error_ = exited->error;
    EXPECT_TRUE(ranks_of(dir_).empty()) << "a rank is left";
    return exited->exit_code;
  }
  /// Has taken steps, so that it listens to signals and has a state.
  void wait_for_steps(std::int64_t steps) {
    const auto there = wait_for<ReportProgress>(
        [&](const ReportProgress& report) { return report.progress.step >= steps; });
    ASSERT_TRUE(there.has_value()) << "the attempt did not get to step " << steps;
  }
  std::string log() const { return text_of(dir_ + "/logs/rank-0000.log"); }
  /// What is known of an end that was not expected.
  std::string why() const {
    return (error_ ? to_text(*error_) : "no error") + "\nrank 0: " + log() +
           "\nlaunch: " + text_of(dir_ + "/logs/launch.log");
  }

  std::string dir_;
  std::unique_ptr<Agent> agent_;
  std::deque<AttemptNews> unread_;
  std::optional<Error> error_;
  int attempts_ = 0;
  bool is_mounted_ = false;
};

class AttemptOnRanks : public AttemptTest, public testing::WithParamInterface<int> {};

TEST_P(AttemptOnRanks, RunsToItsResult) {
  start(order("steps 5 rows 1000", GetParam()));
  const auto started = wait_for<ReportStarted>();
  ASSERT_TRUE(started.has_value()) << log();
  EXPECT_EQ(started->ranks, GetParam());
  EXPECT_EQ(started->backend, "cpu");
  const auto finished = wait_for<ReportFinished>();
  ASSERT_TRUE(finished.has_value()) << log();
  EXPECT_EQ(finished->steps, 5);
  EXPECT_EQ(finished->digest, text_of(dir_ + "/result/digest.txt"));
  EXPECT_EQ(exit_code(), 0) << why();
}

TEST_P(AttemptOnRanks, StopSealsAndTheNextAttemptResumesOnOtherRanks) {
  const std::string plan = "steps 100000000 step_ms 1 rows 1000";
  start(order(plan, GetParam()));
  wait_for_steps(1);
  ask(1, Request::stop);
  const auto sealed = wait_for<ReportSealed>();
  ASSERT_TRUE(sealed.has_value()) << log();
  EXPECT_GT(sealed->seal_s, 0) << "the scheduler plans stops with it";
  EXPECT_GT(sealed->blocked_s, 0);
  EXPECT_LE(sealed->blocked_s, sealed->seal_s);
  EXPECT_EQ(exit_code(), 85) << why();
  EXPECT_FALSE(error_.has_value());
  start(order(plan, 3 - GetParam()));
  const auto restored = wait_for<ReportRestored>();
  ASSERT_TRUE(restored.has_value()) << log();
  EXPECT_EQ(restored->step, sealed->step);
  wait_for_steps(sealed->step + 1);
  ask(2, Request::stop);
  EXPECT_EQ(exit_code(), 85) << why();
}

TEST_P(AttemptOnRanks, Usr1SealsAndGoesOnAndTermSealsAndStops) {
  start(order("steps 100000000 step_ms 1 rows 1000", GetParam(), "1h"));
  wait_for_steps(1);
  const std::vector<pid_t> ranks = ranks_of(dir_);
  ASSERT_EQ(ranks.size(), static_cast<std::size_t>(GetParam()));
  ASSERT_EQ(::kill(ranks.back(), SIGUSR1), 0);
  const auto sealed = wait_for<ReportSealed>();
  ASSERT_TRUE(sealed.has_value()) << log();
  wait_for_steps(sealed->step + 1);
  ASSERT_EQ(::kill(ranks.back(), SIGTERM), 0);
  const auto last = wait_for<ReportSealed>();
  ASSERT_TRUE(last.has_value()) << log();
  EXPECT_GT(last->step, sealed->step);
  EXPECT_EQ(exit_code(), 85) << why();
}

TEST_P(AttemptOnRanks, KilledAgentTakesARunningRankAlong) {
  const AttemptOrder made = order("steps 100000000 step_ms 100000", GetParam());
  const pid_t host = ::fork();
  ASSERT_GE(host, 0);
  if (host == 0) {
    auto agent = Agent::start({.rank_program = bin("rank_test_rank")});
    if (!agent || !(*agent)->start(made)) ::_exit(1);
    for (;;) (*agent)->poll(patience_s);
  }
  // In its first step, which takes 100 s: no boundary is near.
  for (int turn = 0; turn < 4000 && log().find("started") == std::string::npos; ++turn)
    ::usleep(5000);
  EXPECT_FALSE(ranks_of(dir_).empty());
  ASSERT_EQ(::kill(host, SIGKILL), 0);
  bool is_gone = false;
  for (int turn = 0; turn < 400 && !is_gone; ++turn) {
    is_gone = ranks_of(dir_).empty();
    if (!is_gone) ::usleep(5000);
  }
  EXPECT_TRUE(is_gone) << "after 2 s";
}

INSTANTIATE_TEST_SUITE_P(Ranks, AttemptOnRanks, testing::Values(1, 2),
                         [](const auto& one) { return std::to_string(one.param); });

TEST_F(AttemptTest, ResultIsTheSameOnAnyNumberOfRanks) {
  std::vector<std::string> digests;
  for (const int ranks : {1, 2, 3}) {
    start(order("steps 7 rows 1001", ranks));
    const auto finished = wait_for<ReportFinished>();
    ASSERT_TRUE(finished.has_value()) << log();
    digests.push_back(finished->digest);
    EXPECT_EQ(exit_code(), 0) << why();
  }
  EXPECT_EQ(digests[1], digests[0]);
  EXPECT_EQ(digests[2], digests[0]);
}

TEST_F(AttemptTest, PreviewIsThereUntilTheResultIs) {
  start(order("steps 100000000 step_ms 1", 2));
  const auto preview = wait_for<ReportPreview>();
  ASSERT_TRUE(preview.has_value()) << log();
  const std::string path = dir_ + "/" + preview->path;
  EXPECT_FALSE(text_of(path).empty()) << path;
  ask(1, Request::stop);
  EXPECT_EQ(exit_code(), 85) << why();
  EXPECT_FALSE(text_of(path).empty()) << "a stopped job goes on later";
  start(order("steps 1", 2));
  EXPECT_EQ(exit_code(), 0) << why();
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/preview"));
}

TEST_F(AttemptTest, StopWithCheckpointsOffEndsWith75) {
  start(order("steps 100000000 step_ms 1", 1, "off"));
  wait_for_steps(1);
  ask(1, Request::stop);
  EXPECT_EQ(exit_code(), 75) << why();
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->code, Code::interrupted);
}

TEST_F(AttemptTest, StoppedRankIsLostAtTheDeadline) {
  ::setenv("SOVREN_PEER_DEADLINE_S", "1", 1);
  start(order("steps 100 hang_at 3", 2));
  ::unsetenv("SOVREN_PEER_DEADLINE_S");
  EXPECT_EQ(exit_code(), 75) << why();
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->code, Code::peer_lost);
}

TEST_F(AttemptTest, KilledRankEndsTheAttemptWith137) {
  start(order("steps 100 step_ms 10 die_at 3", 3));
  EXPECT_EQ(exit_code(), 137) << why();
}

TEST_F(AttemptTest, FullDiskEndsWith74AndTheOldSetStands) {
  if (::mount("none", dir_.c_str(), "tmpfs", 0, "size=8m") != 0)
    GTEST_SKIP() << "a small disk cannot be mounted here (needs root)";
  is_mounted_ = true;
  start(order("steps 100000000 step_ms 1 rows 100000", 1, "1h"));
  wait_for_steps(1);
  ask(1, Request::checkpoint);
  const auto sealed = wait_for<ReportSealed>();
  ASSERT_TRUE(sealed.has_value()) << log();
  // A second set finds no room.
  std::ofstream(dir_ + "/filler") << std::string(6'000'000, 'x');
  ask(1, Request::checkpoint);
  EXPECT_EQ(exit_code(), 74) << why();
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->code, Code::storage_io);
  std::filesystem::remove(dir_ + "/filler");
  std::vector<storage::RejectedSet> rejected;
  const auto sets = storage::list_sets(dir_ + "/checkpoints", rejected);
  ASSERT_TRUE(sets.has_value());
  ASSERT_EQ(sets->size(), 1U);
  EXPECT_EQ(sets->front().header.step, sealed->step);
  EXPECT_TRUE(storage::verify_set(sets->front().path).has_value());
}

TEST_F(AttemptTest, WrongNumberOfRanksIsAMismatch) {
  // One process that is told it is one of two, without MPI's launcher: a singleton.
  const AttemptOrder made = order("steps 5", 1);
  const std::string said = dir_ + ".said";
  const std::string command = bin("rank_test_rank") + " --dir " + dir_ + " --ranks 2 2>" + said;
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 78);
  std::ifstream file(said);
  const std::string words(std::istreambuf_iterator<char>(file), {});
  EXPECT_NE(words.find("srun --mpi=list"), std::string::npos) << words;
  std::filesystem::remove(said);
  // Each of many such would take itself for rank 0.
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/logs"));
}

TEST_F(AttemptTest, SecondAttemptWaitsForTheFirstToDie) {
  start(order("steps 100000000 step_ms 1", 1));
  wait_for_steps(1);
  start(order("steps 100000000 step_ms 1", 1));
  ask(1, Request::kill);
  EXPECT_EQ(wait_for<AttemptExited>()->exit_code, 137);
  wait_for_steps(1);
  ask(2, Request::stop);
  EXPECT_EQ(exit_code(), 85) << why();
}

// The real program.

TEST_F(AttemptTest, CausalAnalysisGivesTheSameGraphOnAnyNumberOfRanks) {
  const char* source = std::getenv("SOVREN_SOURCE");
  const std::string data = std::string(source == nullptr ? "." : source) +
                           "/../shared/data/causal/enso_monthly_1950_2021.csv";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << "the shared data are not there: " << data;
  std::vector<std::string> digests;
  for (const int ranks : {1, 2, 4}) {
    const AttemptOrder made = order("", ranks);
    std::filesystem::copy_file(data, dir_ + "/data.csv",
                               std::filesystem::copy_options::overwrite_existing);
    std::ofstream(dir_ + "/job.toml", std::ios::app) << "max_lag = 4\n";
    start(made, "sovren-rank");
    const auto finished = wait_for<ReportFinished>();
    ASSERT_TRUE(finished.has_value()) << log();
    digests.push_back(finished->digest);
    EXPECT_EQ(exit_code(), 0) << why();
    EXPECT_TRUE(std::filesystem::exists(dir_ + "/result/graph.json"));
  }
  EXPECT_EQ(digests[1], digests[0]);
  EXPECT_EQ(digests[2], digests[0]);
}

TEST_F(AttemptTest, BadInputEndsWithItsCode) {
  AttemptOrder made = order("", 2);
  std::ofstream(dir_ + "/data.csv") << "a,b\n1,2\n3\n";
  start(made, "sovren-rank");
  EXPECT_EQ(exit_code(), 65) << why();
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->code, Code::data_invalid);
  made = order("", 1);
  std::filesystem::remove(dir_ + "/data.csv");
  start(made, "sovren-rank");
  EXPECT_EQ(exit_code(), 66) << why();
}

TEST(SovrenRank, ChecksAJobWithoutTouchingAnything) {
  const std::string dir = testing::TempDir() + "/sovren_check_" + std::to_string(::getpid());
  std::filesystem::create_directories(dir);
  const auto check = [&](const std::string& text) {
    std::ofstream(dir + "/job.toml") << text;
    const std::string command =
        bin("sovren-rank") + " --check " + dir + "/job.toml > " + dir + "/out";
    return WEXITSTATUS(std::system(command.c_str()));
  };
  const std::string head = "kind = \"causal-analysis\"\n[causal_analysis]\ndata = ";
  EXPECT_EQ(check(head + "\"nowhere.csv\"\n"), 66);
  EXPECT_NE(text_of(dir + "/out").find(R"("code":"input_missing")"), std::string::npos);
  EXPECT_EQ(check(head + "3\nmax_lags = 2\n"), 78);
  EXPECT_NE(text_of(dir + "/out").find("max_lag'"), std::string::npos) << "two lines";
  std::string rows = "a,b\n";
  for (int t = 0; t < 50; ++t)
    rows += std::to_string(t * 7 % 11) + "," + std::to_string(t * 5 % 13) + "\n";
  std::ofstream(dir + "/good.csv") << rows;
  EXPECT_EQ(check(head + "\"good.csv\"\n"), 0) << text_of(dir + "/out");
  EXPECT_NE(text_of(dir + "/out").find(R"("ok":true)"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(dir + "/checkpoints"));
  std::filesystem::remove_all(dir);
}

TEST(SovrenRank, SaysWhatItWasBuiltWith) {
  const std::string out = testing::TempDir() + "/sovren_about_" + std::to_string(::getpid());
  ASSERT_EQ(std::system((bin("sovren-rank") + " --about > " + out).c_str()), 0);
  const std::string about = text_of(out);
  for (const char* key :
       {"\"version\"", "\"hdf5\":\"1.", "\"mpi\":\"Open MPI", "\"cuda\":{", "\"blas\":\"OpenBLAS"})
    EXPECT_NE(about.find(key), std::string::npos) << about;
  // Debian 12's OpenBLAS takes a new processor for one of 2004: the program helps it.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      std::getenv("OPENBLAS_CORETYPE") == nullptr) {
    EXPECT_EQ(about.find("Prescott"), std::string::npos) << about;
  }
  std::filesystem::remove(out);
}

}  // namespace
}  // namespace sovren::workers
