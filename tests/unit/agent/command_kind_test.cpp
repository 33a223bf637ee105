// SPDX-License-Identifier: Apache-2.0
// Attempts of users' own programs.
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/unit/agent/agent_fixture.h"
#include "workers/agent/command_output.h"

namespace sovren::workers {
namespace {

class CommandKind : public AgentFixture {
 protected:
  AgentConfig config() override {
    AgentConfig made = AgentFixture::config();
    made.log_bytes_max = 4096;
    return made;
  }
  AttemptOrder order(CommandSpec spec, int ranks = 1) {
    AttemptOrder made;
    made.job = JobId{1};
    made.attempt = 1;
    made.ranks = ranks;
    made.dir = dir_ + "/job";
    made.spec.name = "command";
    made.spec.kind = std::move(spec);
    return made;
  }
  AttemptOrder script(const std::string& text, const std::string& checkpoint_signal = "") {
    return order({.script = text, .checkpoint_signal = checkpoint_signal});
  }
  AttemptExited run(const AttemptOrder& order) {
    const auto started = agent().start(order);
    EXPECT_TRUE(started.has_value()) << to_text(started.error());
    return wait_for<AttemptExited>().value_or(AttemptExited{.exit_code = -1});
  }
  std::string log() const { return text_of("job/logs/rank-0000.log"); }
};

TEST_F(CommandKind, ExitCodeZeroIsAFinishedJob) {
  ASSERT_TRUE(agent().start(order({.argv = {"true"}})).has_value());
  const auto finished = wait_for<ReportFinished>();
  ASSERT_TRUE(finished.has_value());
  EXPECT_EQ(finished->digest, "");
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 0);
  EXPECT_FALSE(exited->error.has_value());
  EXPECT_TRUE(std::filesystem::is_directory(dir_ + "/job/checkpoints"));
  EXPECT_NE(text_of("job/job.toml").find("command"), std::string::npos);
}

TEST_F(CommandKind, ItsEnvironmentIsReadByItsUserAlone) {
  using std::filesystem::perms;
  const auto others = [&](const CommandSpec& spec, int attempt) {
    AttemptOrder made = order(spec);
    made.attempt = attempt;
    EXPECT_EQ(run(made).exit_code, 0);
    return std::filesystem::status(dir_ + "/job/job.toml").permissions() & perms::others_all;
  };
  const mode_t mask = ::umask(022);
  EXPECT_EQ(others({.argv = {"true"}}, 1), perms::others_read);
  EXPECT_EQ(others({.argv = {"true"}, .environment = {{"TOKEN", "x"}}}, 2), perms::none);
  ::umask(mask);
}

TEST_F(CommandKind, FailureQuotesTheOutput) {
  const AttemptExited exited = run(script("echo going >&2; echo wrong; exit 3"));
  EXPECT_EQ(exited.exit_code, 3);
  ASSERT_TRUE(exited.error.has_value());
  EXPECT_EQ(exited.error->code, Code::command_failed);
  EXPECT_NE(exited.error->what.find("going wrong"), std::string::npos) << exited.error->what;
  EXPECT_EQ(log(), "going\nwrong\n");
}

TEST_F(CommandKind, MissingProgramIsAnErrorOfStart) {
  const auto started = agent().start(order({.argv = {"no-such-program"}}));
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, Code::input_missing);
  const auto by_path = agent().start(order({.argv = {"/nowhere/program"}}));
  ASSERT_FALSE(by_path.has_value());
  EXPECT_EQ(by_path.error().code, Code::input_missing);
  const auto folder = agent().start(order({.argv = {"true"}, .folder = "/nowhere"}));
  ASSERT_FALSE(folder.has_value());
  EXPECT_NE(folder.error().what.find("working folder"), std::string::npos) << folder.error().what;
  const auto input = agent().start(order({.argv = {"cat"}, .input = "/nowhere/input"}));
  ASSERT_FALSE(input.has_value());
  EXPECT_EQ(input.error().where, "/nowhere/input");
  EXPECT_TRUE(agent().poll(0).empty());
}

TEST_F(CommandKind, ReadsItsInputInItsFolder) {
  std::ofstream(dir_ + "/input") << "hello\n";
  AttemptOrder made = order({.argv = {"sh", "-c", "cat; pwd"}, .input = dir_ + "/input"});
  EXPECT_EQ(run(made).exit_code, 0);
  EXPECT_EQ(log(), "hello\n" + std::filesystem::canonical(dir_ + "/job").string() + "\n");
}

TEST_F(CommandKind, LogIsKeptAcrossAttempts) {
  AttemptOrder made = script("echo attempt $SOVREN_ATTEMPT restart ${SLURM_RESTART_COUNT:-none}");
  EXPECT_EQ(run(made).exit_code, 0);
  made.attempt = 2;
  EXPECT_EQ(run(made).exit_code, 0);
  EXPECT_EQ(log(), "attempt 1 restart none\nattempt 2 restart 1\n");
}

TEST_F(CommandKind, LogStopsAtItsLimitAndTheCommandGoesOn) {
  AttemptOrder made = script("head -c 1000000 /dev/zero | tr '\\0' x; exit 7");
  EXPECT_EQ(run(made).exit_code, 7);
  EXPECT_EQ(log().substr(0, 4097), std::string(4096, 'x') + "\n");
  EXPECT_NE(log().find("limit of 4KiB"), std::string::npos);
  EXPECT_LT(log().size(), 4096U + 200U);
}

TEST_F(CommandKind, LinesOfTheOutputAreReports) {
  AttemptOrder made = script(
      "echo 'sovren: {\"progress\": 0.25, \"step\": 5, \"phase\": \"melt\","
      " \"metrics\": {\"loss\": 0.5}}'; read wait < \"$SOVREN_JOB_DIR/fifo\";"
      "echo 'sovren: {\"checkpoint\": 6}'; echo 'sovren: nonsense'");
  std::filesystem::create_directories(made.dir);
  ASSERT_EQ(::mkfifo((made.dir + "/fifo").c_str(), 0600), 0);
  ASSERT_TRUE(agent().start(made).has_value());
  const auto progress = wait_for<ReportProgress>();
  ASSERT_TRUE(progress.has_value());
  EXPECT_EQ(progress->progress.fraction, 0.25);
  EXPECT_EQ(progress->progress.step, 5);
  EXPECT_EQ(progress->progress.phase, "melt");
  EXPECT_EQ(progress->progress.metrics.at("loss"), 0.5);
  std::ofstream(made.dir + "/fifo") << "go\n";
  const auto sealed = wait_for<ReportSealed>();
  ASSERT_TRUE(sealed.has_value());
  EXPECT_EQ(sealed->step, 6);
  EXPECT_TRUE(wait_for<ReportWarning>().has_value());
  const auto finished = wait_for<ReportFinished>();
  ASSERT_TRUE(finished.has_value());
  EXPECT_EQ(finished->steps, 5);
  EXPECT_EQ(finished->metrics.at("loss"), 0.5);
}

constexpr const char* waits_for_usr1 =
    "trap 'exit 85' USR1; echo 'sovren: {\"step\": 0}'; while :; do sleep 0.01; done";

TEST_F(CommandKind, StopSendsTheCheckpointSignalAndExit85IsASeal) {
  for (const Request request : {Request::checkpoint, Request::stop, Request::preempt}) {
    AttemptOrder made = script(waits_for_usr1, "USR1");
    made.attempt = 1 + static_cast<int>(request);
    ASSERT_TRUE(agent().start(made).has_value());
    ASSERT_TRUE(wait_for<ReportProgress>().has_value());
    ASSERT_TRUE(agent().request(JobId{1}, made.attempt, request).has_value());
    const auto sealed = wait_for<ReportSealed>();
    ASSERT_TRUE(sealed.has_value());
    EXPECT_EQ(sealed->step, made.attempt) << "grows from attempt to attempt";
    const auto exited = wait_for<AttemptExited>();
    ASSERT_TRUE(exited.has_value());
    EXPECT_EQ(exited->exit_code, 85);
    EXPECT_FALSE(exited->error.has_value());
  }
}

TEST_F(CommandKind, WithoutACheckpointSignalAStopTerminates) {
  ASSERT_TRUE(agent().start(script(waits_for_usr1)).has_value());
  ASSERT_TRUE(wait_for<ReportProgress>().has_value());
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::checkpoint).has_value());
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::stop).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 128 + SIGTERM);
  ASSERT_TRUE(exited->error.has_value());
  EXPECT_EQ(exited->error->code, Code::interrupted);
}

TEST_F(CommandKind, NothingOfAKilledCommandIsLeft) {
  ASSERT_TRUE(agent()
                  .start(script("setsid sh -c 'sleep 1000; : '\"$SOVREN_JOB_DIR\" & "
                                "echo 'sovren: {\"step\": 1}'; sleep 1000"))
                  .has_value());
  ASSERT_TRUE(wait_for<ReportProgress>().has_value());
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::kill).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 128 + SIGKILL);
  EXPECT_TRUE(processes_of(dir_).empty());
}

TEST_F(CommandKind, OrphanThatHoldsTheOutputDoesNotHoldUpTheEnd) {
  EXPECT_EQ(run(script("setsid sleep 1000 & exit 0")).exit_code, 0);
}

TEST_F(CommandKind, SeveralRanksKnowTheirNumbers) {
  AttemptOrder made =
      order({.argv = {"sh", "-c", "echo rank $SOVREN_RANK of $SOVREN_RANKS, $SLURM_PROCID"}}, 3);
  EXPECT_EQ(run(made).exit_code, 0);
  for (const char* line : {"rank 0 of 3, 0\n", "rank 1 of 3, 1\n", "rank 2 of 3, 2\n"})
    EXPECT_NE(log().find(line), std::string::npos) << log();
}

TEST_F(CommandKind, SeveralRanksCheckpointOnTheSignal) {
  AttemptOrder made = order({.script = waits_for_usr1, .checkpoint_signal = "USR1"}, 2);
  ASSERT_TRUE(agent().start(made).has_value());
  ASSERT_TRUE(wait_for<ReportProgress>().has_value());
  while (log().find('\n') == log().rfind('\n'))  // both ranks have set their trap
    for (AttemptNews& news : agent().poll(0.05)) unread_.push_back(std::move(news));
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::stop).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 85);
}

TEST_F(CommandKind, StartedOnTheHeadItRunsOnceWithItsArguments) {
  AttemptOrder made =
      order({.script = "echo run \"$@\" of $SLURM_NTASKS; cat \"$OMPI_MCA_orte_default_hostfile\"",
             .arguments = {"a b", "c"},
             .start = CommandSpec::Start::head},
            3);
  EXPECT_EQ(run(made).exit_code, 0);
  EXPECT_EQ(log(), "run a b c of 3\nlocalhost slots=3\n");
}

// The script says that it is ready, and goes on for ever.
constexpr const char* traps_usr1_with_a_child =
    "sleep 1000 & child=$!; trap 'kill -0 $child && echo the child lives; exit 85' USR1;"
    "echo 'sovren: {\"step\": 1}'; while :; do wait; done";

TEST_F(CommandKind, ASignalForTheScriptLeavesItsChildrenAlone) {
  AttemptOrder made = order({.script = traps_usr1_with_a_child,
                             .start = CommandSpec::Start::head,
                             .checkpoint_signal = "USR1",
                             .signal_to = CommandSpec::SignalTo::script});
  ASSERT_TRUE(agent().start(made).has_value());
  ASSERT_TRUE(wait_for<ReportProgress>().has_value());
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::stop).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 85);
  EXPECT_NE(log().find("the child lives"), std::string::npos) << log();
}

// A program of that name stands for srun; the script itself has no trap and would be ended.
TEST_F(CommandKind, ASignalForTheStepsLeavesTheScriptAlone) {
  std::ofstream(dir_ + "/srun") << "#!/bin/sh\ntrap 'echo the step has it; exit 0' USR1\n"
                                   "echo 'sovren: {\"step\": 1}'; while :; do sleep 0.01; done\n";
  std::filesystem::permissions(dir_ + "/srun", std::filesystem::perms::owner_all);
  AttemptOrder made = order({.script = dir_ + "/srun; exit 85",
                             .start = CommandSpec::Start::head,
                             .checkpoint_signal = "USR1",
                             .signal_to = CommandSpec::SignalTo::steps});
  ASSERT_TRUE(agent().start(made).has_value());
  ASSERT_TRUE(wait_for<ReportProgress>().has_value());
  ASSERT_TRUE(agent().request(JobId{1}, 1, Request::stop).has_value());
  const auto exited = wait_for<AttemptExited>();
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->exit_code, 85);
  EXPECT_NE(log().find("the step has it"), std::string::npos) << log();
}

TEST_F(CommandKind, MpirunInAScriptOnTheHeadTakesTheSlots) {
  AttemptOrder made = order({.script = "mpirun sh -c 'echo rank $OMPI_COMM_WORLD_RANK'",
                             .start = CommandSpec::Start::head},
                            3);
  EXPECT_EQ(run(made).exit_code, 0);
  std::string printed = log();
  for (const char* line : {"rank 0\n", "rank 1\n", "rank 2\n"})
    EXPECT_NE(printed.find(line), std::string::npos) << printed;
  EXPECT_EQ(printed.size(), 3 * std::string("rank 0\n").size()) << printed;
}

TEST_F(CommandKind, OutputGoesToItsFileToo) {
  AttemptOrder made = order({.script = "echo out; echo err >&2; echo 'sovren: {\"step\": 3}'",
                             .output = dir_ + "/%x-%j.%t.txt",
                             .open_mode = CommandSpec::OpenMode::truncate});
  std::ofstream(dir_ + "/command-1.0.txt") << "of an earlier job\n";
  ASSERT_TRUE(agent().start(made).has_value());
  const auto finished = wait_for<ReportFinished>();
  ASSERT_TRUE(finished.has_value());
  EXPECT_EQ(finished->steps, 3);
  const std::string printed = "out\nerr\nsovren: {\"step\": 3}\n";
  EXPECT_EQ(log(), printed);
  EXPECT_EQ(text_of("command-1.0.txt"), printed);
  ASSERT_TRUE(wait_for<AttemptExited>().has_value());
  made.attempt = 2;
  EXPECT_EQ(run(made).exit_code, 0);
  EXPECT_EQ(text_of("command-1.0.txt"), printed + printed) << "a later attempt appends";
}

TEST_F(CommandKind, ErrorsGoToTheirOwnFile) {
  AttemptOrder made = order({.script = "echo out; echo err >&2; echo 'sovren: {\"step\": 3}' >&2",
                             .folder = dir_,
                             .output = "out.txt",
                             .error = "err-%a.txt"});
  made.array_job = JobId{1};
  made.element = 4;
  ASSERT_TRUE(agent().start(made).has_value());
  const auto finished = wait_for<ReportFinished>();
  ASSERT_TRUE(finished.has_value());
  EXPECT_EQ(finished->steps, 3);
  EXPECT_EQ(text_of("out.txt"), "out\n");
  EXPECT_EQ(text_of("err-4.txt"), "err\nsovren: {\"step\": 3}\n");
  for (const char* line : {"out\n", "err\n"}) EXPECT_NE(log().find(line), std::string::npos);
}

TEST_F(CommandKind, AFileOfBothIsOneStream) {
  AttemptOrder made = order({.script = "for n in 1 2 3; do echo $n; echo $n >&2; done",
                             .output = dir_ + "/both.txt",
                             .error = dir_ + "/both.txt"});
  EXPECT_EQ(run(made).exit_code, 0);
  EXPECT_EQ(text_of("both.txt"), "1\n1\n2\n2\n3\n3\n");
}

TEST_F(CommandKind, OutputThatCannotBeOpenedIsNamed) {
  const auto missing = agent().start(order({.argv = {"true"}, .output = dir_ + "/none/out-%j"}));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::input_missing);
  EXPECT_EQ(missing.error().where, dir_ + "/none/out-1");
  ASSERT_EQ(::mkfifo((dir_ + "/pipe").c_str(), 0600), 0);
  const Handle reader(::open((dir_ + "/pipe").c_str(), O_RDONLY | O_NONBLOCK));
  const auto pipe = agent().start(order({.argv = {"true"}, .error = dir_ + "/pipe"}));
  ASSERT_FALSE(pipe.has_value());
  EXPECT_EQ(pipe.error().code, Code::refused);
  EXPECT_TRUE(agent().poll(0).empty());
}

TEST_F(CommandKind, OutputIsMadeByTheJobsUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  if (::getpwnam("nobody") == nullptr) GTEST_SKIP() << "there is no user nobody";
  AttemptOrder made = order({.argv = {"true"}, .output = "out.txt"});
  made.user = "nobody";
  EXPECT_EQ(run(made).exit_code, 0);
  struct stat about {};
  ASSERT_EQ(::stat((made.dir + "/out.txt").c_str(), &about), 0);
  EXPECT_EQ(about.st_uid, ::getpwnam("nobody")->pw_uid);
  made.attempt = 2;
  std::get<CommandSpec>(made.spec.kind).output = dir_ + "/root-only.txt";
  ASSERT_EQ(::chmod(dir_.c_str(), 0755), 0);
  const auto refused = agent().start(made);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::input_missing);
}

TEST_F(CommandKind, RunsAsTheJobsUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  const passwd* nobody = ::getpwnam("nobody");
  if (nobody == nullptr) GTEST_SKIP() << "there is no user nobody";
  const uid_t uid = nobody->pw_uid;
  AttemptOrder made = script("id -un; id -u; echo $USER; touch \"$SOVREN_JOB_DIR/file\"");
  made.user = "nobody";
  EXPECT_EQ(run(made).exit_code, 0);
  EXPECT_EQ(log(), "nobody\n" + std::to_string(uid) + "\nnobody\n");
  for (const char* file : {"", "/file", "/job.toml", "/logs/rank-0000.log", "/script"}) {
    struct stat about {};
    ASSERT_EQ(::stat((made.dir + file).c_str(), &about), 0) << file;
    EXPECT_EQ(about.st_uid, uid) << file;
  }
}

TEST_F(CommandKind, FolderOfAnotherUserIsNotWrittenByRootsHand) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  if (::getpwnam("nobody") == nullptr) GTEST_SKIP() << "there is no user nobody";
  AttemptOrder made = order({.argv = {"true"}});
  made.user = "nobody";
  std::filesystem::create_directories(made.dir);  // root's: nobody may not write into it
  const auto started = agent().start(made);
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, Code::refused);
  EXPECT_TRUE(std::filesystem::is_empty(made.dir));
}

class ApartFromOthers : public CommandKind {
 protected:
  AgentConfig config() override {
    AgentConfig made = AgentFixture::config();
    made.attempts = AgentConfig::Attempts::apart;
    return made;
  }
};

TEST_F(ApartFromOthers, OutOfMemoryIsNamed) {
  if (!CgroupParent::find()) GTEST_SKIP() << "no control group may be made here";
  AttemptOrder made = script("head -c 200000000 /dev/zero | tail > /dev/null; exit 3");
  made.spec.resources.memory_per_rank_bytes = std::int64_t{32} << 20;
  const AttemptExited exited = run(made);
  EXPECT_EQ(exited.exit_code, 3);
  ASSERT_TRUE(exited.error.has_value());
  EXPECT_EQ(exited.error->code, Code::out_of_memory);
  EXPECT_NE(exited.error->what.find("32MiB"), std::string::npos) << exited.error->what;
}

TEST_F(ApartFromOthers, AttemptsHaveCoresOfTheirOwn) {
  if (discover_cores().size() < 2) GTEST_SKIP() << "there is one core";
  const std::string text =
      "grep Cpus_allowed_list /proc/self/status; echo 'sovren: {\"step\": 1}'; read x < " + dir_ +
      "/go";
  ASSERT_EQ(::mkfifo((dir_ + "/go").c_str(), 0600), 0);
  std::set<std::string> cores;
  for (int job = 1; job <= 2; ++job) {
    AttemptOrder made = script(text);
    made.job = JobId{job};
    made.dir = dir_ + "/job" + std::to_string(job);
    ASSERT_TRUE(agent().start(made).has_value());
    ASSERT_TRUE(wait_for<ReportProgress>().has_value());
    cores.insert(text_of("job" + std::to_string(job) + "/logs/rank-0000.log"));
  }
  EXPECT_EQ(cores.size(), 2U) << *cores.begin();
}

TEST_F(CommandKind, UnknownUserIsRefused) {
  AttemptOrder made = order({.argv = {"true"}});
  made.user = "no-such-user";
  const auto started = agent().start(made);
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, Code::refused);
  EXPECT_NE(started.error().what.find("no-such-user"), std::string::npos);
}

}  // namespace
}  // namespace sovren::workers
