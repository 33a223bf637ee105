// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "workers/launch/head_command.h"

namespace sovren::workers {
namespace {

using testing::Contains;
using testing::Not;

AttemptOrder order_of(int ranks) {
  AttemptOrder order;
  order.job = JobId{12};
  order.attempt = 3;
  order.ranks = ranks;
  order.dir = "/jobs/a b";
  order.oldest_set_job = JobId{11};
  order.mtbf_s = 86400.5;
  return order;
}

CommandSetting setting_of(int cpus) {
  return {.programs = {.rank = "/bin/sovren-rank", .mpirun = "/bin/mpirun"},
          .report_socket = "/tmp/x/12-3.sock",
          .private_dir = "/tmp/x",
          .cookie = "12-3",
          .cpus = cpus};
}

bool has_pair(const std::vector<std::string>& argv, const std::string& key,
              const std::string& value) {
  for (std::size_t i = 0; i + 1 < argv.size(); ++i)
    if (argv[i] == key && argv[i + 1] == value) return true;
  return false;
}

TEST(Command, OneRankIsAPlainProcess) {
  const auto command = make_command(order_of(1), setting_of(4), {});
  ASSERT_TRUE(command.has_value());
  EXPECT_EQ(command->argv,
            (std::vector<std::string>{"/bin/sovren-rank", "--dir", "/jobs/a b", "--job", "12",
                                      "--attempt", "3", "--ranks", "1", "--oldest-set-job", "11",
                                      "--mtbf", "86400.5", "--report", "/tmp/x/12-3.sock"}));
}

TEST(Command, PicturesOfAnArrayComeToTheFolderOfItsFirstJob) {
  AttemptOrder order = order_of(1);
  order.dir = "/jobs/12";
  order.array_job = JobId{10};
  EXPECT_EQ(sequence_folder(order), "");
  order.sequence = "turn.0003";
  EXPECT_EQ(sequence_folder(order), "/jobs/10/sequence");
  const auto command = make_command(order, setting_of(4), {});
  ASSERT_TRUE(command.has_value());
  EXPECT_TRUE(has_pair(command->argv, "--sequence", "/jobs/10/sequence/turn.0003"));
}

TEST(Command, SeveralRanksGoThroughMpirun) {
  const auto command = make_command(order_of(4), setting_of(4), {});
  ASSERT_TRUE(command.has_value());
  EXPECT_EQ(command->argv[0], "/bin/mpirun");
  EXPECT_TRUE(has_pair(command->argv, "-n", "4"));
  EXPECT_TRUE(has_pair(command->argv, "pml", "ob1"));
  EXPECT_TRUE(has_pair(command->argv, "--ranks", "4"));
  EXPECT_THAT(command->argv, Not(Contains("--allow-run-as-root")));
  EXPECT_THAT(command->argv, Not(Contains("mpi_yield_when_idle")));
}

TEST(Command, RanksThatShareCoresYield) {
  const auto command = make_command(order_of(4), setting_of(2), {});
  ASSERT_TRUE(command.has_value());
  EXPECT_TRUE(has_pair(command->argv, "mpi_yield_when_idle", "1"));
}

TEST(Command, RootTellsMpirunSo) {
  CommandSetting setting = setting_of(4);
  setting.is_root = true;
  EXPECT_THAT(make_command(order_of(2), setting, {})->argv, Contains("--allow-run-as-root"));
}

TEST(Command, WithoutMpirunOnlyOneRankCanRun) {
  CommandSetting setting = setting_of(4);
  setting.programs.mpirun.clear();
  EXPECT_TRUE(make_command(order_of(1), setting, {}).has_value());
  const auto several = make_command(order_of(2), setting, {});
  ASSERT_FALSE(several.has_value());
  EXPECT_EQ(several.error().code, Code::input_missing);
  EXPECT_FALSE(several.error().hint.empty());
}

TEST(Command, AnotherMpiJobsVariablesAreLeftOut) {
  const std::vector<std::string> inherited{"PATH=/bin",
                                           "OMPI_COMM_WORLD_RANK=1",
                                           "PMIX_RANK=1",
                                           "SLURM_JOB_ID=9",
                                           "OMPI_MCA_ess_base=x",
                                           "OMPI_MCA_btl_tcp_x=1",
                                           "SOVREN_ATTEMPT_COOKIE=old",
                                           "SOVREN_HOME=/h",
                                           "SOVREN_JOB_ID=4"};
  const auto command = make_command(order_of(1), setting_of(4), inherited);
  ASSERT_TRUE(command.has_value());
  EXPECT_EQ(command->environment,
            (std::vector<std::string>{
                "PATH=/bin", "OMPI_MCA_btl_tcp_x=1", "SOVREN_HOME=/h", "SOVREN_JOB_ID=12",
                "SOVREN_ATTEMPT=3", "SOVREN_CHECKPOINT_DIR=/jobs/a b/checkpoints",
                "SOVREN_ATTEMPT_COOKIE=12-3", "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1"}));
}

TEST(Command, ThreadsThatTheUserChoseStay) {
  const std::vector<std::string> inherited{"OMP_NUM_THREADS=4"};
  const auto command = make_command(order_of(1), setting_of(4), inherited);
  EXPECT_THAT(command->environment, Contains("OMP_NUM_THREADS=4"));
  EXPECT_THAT(command->environment, Not(Contains("OMP_NUM_THREADS=1")));
}

TEST(Command, OtherNodesAreReachedThroughTheAgents) {
  AttemptOrder order = order_of(6);
  order.node = "n1";
  order.slots = {{"n1", 2}, {"n2", 4}};
  CommandSetting setting = setting_of(4);
  setting.rsh_agent = "/bin/sovren rsh-agent --";
  setting.launch_socket = "/tmp/x/12-3/launch";
  setting.subnet = "10.1.0.0/16";
  order.spec.checkpoint.key_env = "MY_KEY";
  const auto command = make_command(order, setting, std::vector<std::string>{"MY_KEY=00", "X=1"});
  ASSERT_TRUE(command.has_value());
  EXPECT_TRUE(has_pair(command->argv, "-x", "MY_KEY"));
  EXPECT_FALSE(has_pair(command->argv, "-x", "X"));
  EXPECT_THAT(command->argv, Not(Contains(testing::HasSubstr("MY_KEY="))))
      << "all can see it there";
  EXPECT_TRUE(has_pair(command->argv, "--host", "n1:2,n2:4"));
  EXPECT_TRUE(has_pair(command->argv, "plm_rsh_agent", "/bin/sovren rsh-agent --"));
  EXPECT_TRUE(has_pair(command->argv, "btl_tcp_if_include", "10.1.0.0/16"));
  EXPECT_TRUE(has_pair(command->argv, "-x", "SOVREN_JOB_ID"));
  EXPECT_THAT(command->argv, Contains("--leave-session-attached"));
  EXPECT_THAT(command->argv, Not(Contains("SOVREN_ATTEMPT_COOKIE"))) << "each agent has its own";
  EXPECT_THAT(command->environment, Contains("SOVREN_LAUNCH_SOCKET=/tmp/x/12-3/launch"));
  EXPECT_THAT(command->environment, Contains("SOVREN_HEAD=n1"));
}

TEST(Command, RanksWithGpusEachGetTheirPart) {
  AttemptOrder order = order_of(2);
  order.spec.resources.gpus_per_rank = 2;
  CommandSetting setting = setting_of(4);
  setting.gpus = std::vector<std::string>{"GPU-a", "GPU-b", "GPU-c", "GPU-d"};
  const auto command = make_command(order, setting, {});
  ASSERT_TRUE(command.has_value());
  EXPECT_THAT(command->environment, Contains("CUDA_VISIBLE_DEVICES=GPU-a,GPU-b,GPU-c,GPU-d"));
  EXPECT_THAT(command->environment, Contains("SOVREN_GPUS_PER_RANK=2"));
  EXPECT_THAT(command->argv, Contains(testing::HasSubstr("CUDA_VISIBLE_DEVICES=$(")));
}

// A user's command.

AttemptOrder order_of(CommandSpec spec, int ranks = 1) {
  AttemptOrder order = order_of(ranks);
  order.spec.name = "greet";
  order.spec.kind = std::move(spec);
  order.node = "n1";
  order.user = "ada";
  return order;
}

Result<Command> make(const AttemptOrder& order) {
  CommandSetting setting = setting_of(4);
  setting.script = "/jobs/a b/script";
  const std::vector<std::string> inherited{"PATH=/usr/bin:/bin", "SLURM_JOB_ID=9"};
  return make_command(order, setting, inherited);
}

TEST(UserCommand, ProgramIsLookedUpOnThePathThatItWillHave) {
  const auto command = make(order_of(CommandSpec{.argv = {"true", "x y"}}));
  ASSERT_TRUE(command.has_value()) << to_text(command.error());
  EXPECT_EQ(command->argv, (std::vector<std::string>{"/usr/bin/true", "x y"}));
  const auto missing =
      make(order_of(CommandSpec{.argv = {"true"}, .environment = {{"PATH", "/nowhere"}}}));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::input_missing);
  EXPECT_EQ(make(order_of(CommandSpec{.argv = {"./tool"}}))->argv[0], "./tool");
}

TEST(UserCommand, ScriptIsRunByItsFirstLineOrTheShell) {
  EXPECT_EQ(make(order_of(CommandSpec{.script = "#!/bin/bash\necho"}))->argv,
            (std::vector<std::string>{"/jobs/a b/script"}));
  EXPECT_EQ(make(order_of(CommandSpec{.script = "echo"}))->argv,
            (std::vector<std::string>{"/bin/sh", "/jobs/a b/script"}));
}

TEST(UserCommand, FindsWhoItIsInItsEnvironment) {
  AttemptOrder order = order_of(CommandSpec{.argv = {"true"}, .environment = {{"X", "1"}}});
  order.spec.resources.cpus_per_rank = 3;
  order.array_job = JobId{10};
  order.element = 2;
  const auto command = make(order);
  ASSERT_TRUE(command.has_value());
  EXPECT_THAT(command->environment,
              testing::IsSupersetOf(
                  {"SOVREN_JOB_ID=12", "SOVREN_ATTEMPT=3", "SOVREN_RANK=0", "SOVREN_RANKS=1",
                   "SOVREN_NODES=1", "SOVREN_ARRAY_TASK_ID=2",
                   "SOVREN_CHECKPOINT_DIR=/jobs/a b/checkpoints", "SLURM_JOB_ID=12",
                   "SLURM_JOB_NAME=greet", "SLURM_NTASKS=1", "SLURM_CPUS_PER_TASK=3",
                   "SLURM_JOB_NODELIST=n1", "SLURM_RESTART_COUNT=2", "SLURM_ARRAY_JOB_ID=10",
                   "SLURM_ARRAY_TASK_ID=2", "SLURM_SUBMIT_DIR=/jobs/a b", "X=1"}));
  EXPECT_THAT(command->environment, Not(Contains("SLURM_JOB_ID=9")));
  EXPECT_THAT(command->environment, Not(Contains(testing::StartsWith("OMP_NUM_THREADS"))));
  EXPECT_EQ(command->folder, "/jobs/a b");
}

TEST(UserCommand, SeveralRanksLearnTheirNumberFromMpirun) {
  const auto command = make(order_of(CommandSpec{.argv = {"true"}}, 2));
  ASSERT_TRUE(command.has_value());
  EXPECT_EQ(command->argv[0], "/bin/mpirun");
  EXPECT_EQ(command->argv.back(), "/usr/bin/true");
  EXPECT_THAT(command->argv, Contains(testing::HasSubstr("SOVREN_RANK=$OMPI_COMM_WORLD_RANK")));
}

TEST(UserCommand, ScriptOnTheHeadIsNotStartedByMpirun) {
  AttemptOrder order = order_of(CommandSpec{.script = "#!/bin/sh\n",
                                            .arguments = {"x", "y z"},
                                            .start = CommandSpec::Start::head,
                                            .environment = {{"PATH", "/usr/bin"}},
                                            .checkpoint_signal = "TERM"},
                                7);
  order.slots = {{"n1", 2}, {"n2", 2}, {"n3", 2}, {"m", 1}};
  order.attempt = 1;
  order.spec.resources.cpus_per_rank = 2;
  order.spec.resources.memory_per_rank_bytes = std::int64_t{3} << 30;
  order.spec.resources.time_limit_s = 60;
  CommandSetting setting = setting_of(4);
  setting.programs.mpirun.clear();
  setting.script = "/script";
  setting.shims = "/shims";
  setting.rsh_agent = "/bin/sovren rsh-agent --";
  setting.launch_socket = "/tmp/x/12-3/launch";
  setting.now_s = 1000;
  const auto command = make_command(order, setting, {});
  ASSERT_TRUE(command.has_value()) << to_text(command.error());
  EXPECT_EQ(command->argv, (std::vector<std::string>{"/script", "x", "y z"}));
  EXPECT_THAT(command->environment,
              testing::IsSupersetOf({"PATH=/shims:/usr/bin",
                                     "SLURM_NTASKS=7",
                                     "SLURM_TASKS_PER_NODE=2(x3),1",
                                     "SLURM_JOB_CPUS_PER_NODE=4(x3),2",
                                     "SLURM_CPUS_ON_NODE=4",
                                     "SLURM_NNODES=4",
                                     "SLURM_JOB_NODELIST=n[1-3],m",
                                     "SLURM_NODELIST=n[1-3],m",
                                     "SLURM_CPUS_PER_TASK=2",
                                     "SLURM_MEM_PER_NODE=6144",
                                     "SLURM_PROCID=0",
                                     "SLURM_LOCALID=0",
                                     "SLURM_NODEID=0",
                                     "SLURM_JOB_START_TIME=1000",
                                     "SLURM_JOB_END_TIME=1060",
                                     "ENVIRONMENT=BATCH",
                                     "OMPI_MCA_plm=rsh",
                                     "OMPI_MCA_plm_rsh_agent=/bin/sovren rsh-agent --",
                                     "OMPI_MCA_orte_default_hostfile=/tmp/x/hosts",
                                     "SOVREN_HEAD=n1",
                                     "SOVREN_LAUNCH_SOCKET=/tmp/x/12-3/launch"}));
  EXPECT_THAT(command->environment, Not(Contains(testing::StartsWith("SLURM_RESTART_COUNT"))));
  EXPECT_EQ(host_file_text(order), "n1 slots=2\nn2 slots=2\nn3 slots=2\nm slots=1\n");
}

TEST(UserCommand, GpusAreNumberedForSlurm) {
  AttemptOrder order = order_of(CommandSpec{.argv = {"true"}}, 1);
  order.spec.resources.gpus_per_rank = 2;
  CommandSetting setting = setting_of(4);
  for (const auto& [ids, numbers] :
       {std::pair{std::vector<std::string>{"3", "5"}, "SLURM_JOB_GPUS=3,5"},
        std::pair{std::vector<std::string>{"GPU-a", "GPU-b"}, "SLURM_JOB_GPUS=0,1"}}) {
    setting.gpus = ids;
    const auto command = make_command(order, setting, std::vector<std::string>{"PATH=/usr/bin"});
    ASSERT_TRUE(command.has_value());
    EXPECT_THAT(command->environment,
                testing::IsSupersetOf({std::string(numbers), std::string("SLURM_GPUS=2"),
                                       std::string("SLURM_GPUS_ON_NODE=2")}));
  }
}

TEST(UserCommand, SignalThatMpirunKeepsToItselfIsRefused) {
  const CommandSpec spec{.argv = {"true"}, .checkpoint_signal = "TERM"};
  EXPECT_TRUE(make(order_of(spec)).has_value());
  const auto refused = make(order_of(spec, 2));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::refused);
}

TEST(UserCommand, SignalsHaveTwoSpellings) {
  EXPECT_EQ(signal_number("USR1").value_or(0), SIGUSR1);
  EXPECT_EQ(signal_number("SIGTERM").value_or(0), SIGTERM);
  EXPECT_FALSE(signal_number("SIGNAL").has_value());
  EXPECT_FALSE(signal_number("").has_value());
}

}  // namespace
}  // namespace sovren::workers
