// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "workers/launch/process_tree.h"
#include "workers/launch/programs.h"

namespace sovren::workers {
namespace {

std::string temporary(const std::string& name) {
  return testing::TempDir() + "/sovren_" + name + "_" + std::to_string(::getpid());
}

Command shell(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script}, .environment = {"PATH=/usr/bin:/bin"}};
}

/// Its output is appended to the log.
Result<Process> start(const Command& command, const std::string& log) {
  const Handle output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  return Process::start(command, output.get());
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Waits until the process is over; its exit code, -1 when it takes more than 20 s.
int ended(Process& process) {
  pollfd end{process.end_fd(), POLLIN, 0};
  if (::poll(&end, 1, 20'000) != 1) return -1;
  return process.exit_code().value_or(-2);
}

/// True once the process is gone or a zombie; gives it 20 s.
bool is_gone(pid_t pid) {
  for (int turn = 0; turn < 20'000; ++turn) {
    std::string name, state;
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    if (!(stat >> name >> name >> state) || state == "Z") return true;
    ::usleep(1000);
  }
  return false;
}

TEST(Process, GivesItsExitCode) {
  const std::string log = temporary("exit_code");
  auto process = start(shell("exit 85"), log);
  ASSERT_TRUE(process.has_value()) << to_text(process.error());
  EXPECT_EQ(ended(*process), 85);
  EXPECT_EQ(process->exit_code(), 85) << "asked again";
  std::filesystem::remove(log);
}

TEST(Process, KilledIs128AndTheSignal) {
  const std::string log = temporary("killed");
  auto process = start(shell("kill -SEGV $$"), log);
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(ended(*process), 128 + SIGSEGV);
  auto another = start(shell("sleep 1000"), log);
  ASSERT_TRUE(another.has_value());
  EXPECT_EQ(another->exit_code(), std::nullopt);
  another->kill();
  EXPECT_EQ(ended(*another), 128 + SIGKILL);
  std::filesystem::remove(log);
}

TEST(Process, AppendsBothOutputsToTheLog) {
  const std::string log = temporary("log");
  std::ofstream(log) << "before\n";
  auto process = start(shell("echo out; echo err >&2"), log);
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(ended(*process), 0);
  EXPECT_EQ(text_of(log), "before\nout\nerr\n");
  std::filesystem::remove(log);
}

TEST(Process, ProgramThatIsNotThereIsNamed) {
  const std::string log = temporary("missing");
  const auto process = start({.argv = {"/nowhere/sovren-rank"}}, log);
  ASSERT_FALSE(process.has_value());
  EXPECT_EQ(process.error().code, Code::input_missing);
  EXPECT_EQ(process.error().where, "/nowhere/sovren-rank");
  EXPECT_TRUE(own_children().empty()) << "nothing is left to reap";
  std::filesystem::remove(log);
}

TEST(Process, HasAGroupOfItsOwnAndNoInheritedSignals) {
  ::signal(SIGUSR1, SIG_IGN);
  const std::string log = temporary("group");
  auto process = start(
      shell("read -r a b c d group rest < /proc/$$/stat; echo $group = $$; kill -USR1 $$"), log);
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(ended(*process), 128 + SIGUSR1) << "an ignored signal would have been inherited";
  const std::string pid = std::to_string(process->pid());
  EXPECT_EQ(text_of(log), pid + " = " + pid + "\n");
  ::signal(SIGUSR1, SIG_DFL);
  std::filesystem::remove(log);
}

TEST(Process, DiesWithItsParent) {
  std::array<int, 2> pipe;
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const std::string log = temporary("parent");
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    auto process = start(shell("sleep 1000 & wait"), log);
    const pid_t pid = process ? process->pid() : 0;
    if (::write(pipe[1], &pid, sizeof(pid)) != sizeof(pid)) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  pid_t child = 0;
  ASSERT_EQ(::read(pipe[0], &child, sizeof(child)), static_cast<ssize_t>(sizeof(child)));
  ASSERT_GT(child, 0);
  EXPECT_EQ(::waitpid(parent, nullptr, 0), parent);
  EXPECT_TRUE(is_gone(child));
  ::kill(-child, SIGKILL);  // the sleep, which is not ours to find here: see the agent's tests
  std::filesystem::remove(log);
}

TEST(ProcessTree, OrphansBecomeChildrenAndKeepTheirCookie) {
  ASSERT_TRUE(adopt_orphans().has_value());
  const std::string log = temporary("orphan");
  Command command = shell("setsid sleep 1000 & echo $!");
  command.environment.push_back(std::string(cookie_variable) + "=7-1");
  auto process = start(command, log);
  ASSERT_TRUE(process.has_value());
  ASSERT_EQ(ended(*process), 0);
  const auto children = own_children();
  ASSERT_EQ(children.size(), 1U);
  EXPECT_FALSE(children[0].is_zombie);
  const pid_t orphan = children[0].pid;
  const std::string program = "/proc/" + std::to_string(orphan) + "/comm";
  for (int turn = 0; turn < 1000; ++turn) {  // setsid and sleep are executed one after the other
    std::string name;
    if (std::getline(std::ifstream(program), name) && name == "sleep") break;
    ::usleep(1000);
  }
  for (int turn = 0; turn < 1000; ++turn) {
    if (cookie_ownership(orphan, "7-1") != Ownership::unknown) break;
    ::usleep(1000);
  }
  EXPECT_EQ(cookie_ownership(orphan, "7-1"), Ownership::own);
  EXPECT_NE(cookie_ownership(orphan, "7-11"), Ownership::own);
  EXPECT_NE(cookie_ownership(orphan, "7-"), Ownership::own);
  ::kill(orphan, SIGKILL);
  EXPECT_EQ(::waitpid(orphan, nullptr, 0), orphan);
  EXPECT_EQ(cookie_ownership(orphan, "7-1"), Ownership::unknown);
  std::filesystem::remove(log);
}

TEST(Programs, VariableThatNamesNoProgramIsAnError) {
  ::setenv("SOVREN_RANK_PROGRAM", "/etc/passwd", 1);
  const auto programs = find_programs();
  ASSERT_FALSE(programs.has_value());
  EXPECT_EQ(programs.error().code, Code::input_missing);
  ::setenv("SOVREN_RANK_PROGRAM", "/bin/true", 1);
  ::setenv("SOVREN_MPIRUN", "/bin/echo", 1);
  const auto found = find_programs();
  ASSERT_TRUE(found.has_value()) << to_text(found.error());
  EXPECT_EQ(found->rank, "/bin/true");
  EXPECT_EQ(found->mpirun, "/bin/echo");
  ::unsetenv("SOVREN_RANK_PROGRAM");
  ::unsetenv("SOVREN_MPIRUN");
}

}  // namespace
}  // namespace sovren::workers
