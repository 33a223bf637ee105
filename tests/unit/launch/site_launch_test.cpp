// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/site_launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workers/launch/command.h"

namespace sovren::workers {
namespace {

using testing::Contains;
using testing::Not;
using testing::StartsWith;

constexpr auto srun = SiteLaunch::By::srun;
constexpr auto mpirun = SiteLaunch::By::mpirun;

AttemptOrder order_of(int ranks) {
  AttemptOrder order;
  order.job = JobId{12};
  order.attempt = 3;
  order.ranks = ranks;
  order.dir = "/jobs/a b";
  return order;
}

AttemptOrder command_of(int ranks) {
  AttemptOrder order = order_of(ranks);
  order.spec.kind = CommandSpec{.argv = {"/bin/true"}};
  return order;
}

CommandSetting setting_of(SiteLaunch::By by, int nodes, int cpus) {
  return {.programs = {.rank = "/bin/sovren-rank", .mpirun = "/bin/mpirun"},
          .report_socket = "/tmp/x/reports",
          .private_dir = "/tmp/x",
          .cookie = "12-3",
          .cpus = cpus,
          .site = SiteLaunch{.by = by, .srun = "/usr/bin/srun", .nodes = nodes}};
}

const std::vector<std::string> in_batch_script{"SLURM_JOB_ID=77",
                                               "SLURM_JOB_NODELIST=n[1-2]",
                                               "SLURM_TASKS_PER_NODE=2(x2)",
                                               "SLURM_PROCID=0",
                                               "SLURM_STEP_ID=4",
                                               "SLURM_LOCALID=0",
                                               "SLURM_NODEID=0",
                                               "PMIX_RANK=0",
                                               "OMPI_MCA_plm=rsh",
                                               "SLURM_MEM_PER_CPU=7",
                                               "SLURM_SRUN_COMM_HOST=h",
                                               "LANG=C"};

Command made(const AttemptOrder& order, const CommandSetting& setting) {
  auto command = make_command(order, setting, in_batch_script);
  EXPECT_TRUE(command) << to_text(command.error());
  return *command;
}

TEST(SiteLaunch, SrunStartsRanksInBlocksOverTheNodes) {
  const Command command = made(order_of(4), setting_of(srun, 2, 8));
  const std::vector<std::string> begin(command.argv.begin(), command.argv.begin() + 10);
  EXPECT_EQ(begin, (std::vector<std::string>{"/usr/bin/srun", "--mpi=pmix", "--nodes=2",
                                             "--ntasks=4", "--distribution=block",
                                             "--kill-on-bad-exit=1", "--export=ALL",
                                             "--cpus-per-task=1", "/bin/sovren-rank", "--dir"}));
}

TEST(SiteLaunch, SrunIsToldOfCpusAndGpusPerRank) {
  AttemptOrder order = order_of(4);
  order.spec.resources.cpus_per_rank = 2;
  order.spec.resources.gpus_per_rank = 1;
  const Command command = made(order, setting_of(srun, 2, 8));
  EXPECT_THAT(command.argv, Contains("--cpus-per-task=2"));
  EXPECT_THAT(command.argv, Contains("--gpus-per-task=1"));
  // srun has bound the rank to its GPU.
  EXPECT_THAT(command.environment, Not(Contains(StartsWith("SOVREN_GPUS_PER_RANK"))));
}

TEST(SiteLaunch, FewerRanksThanNodesTakeFewerNodes) {
  EXPECT_THAT(made(order_of(2), setting_of(srun, 5, 8)).argv, Contains("--nodes=2"));
}

TEST(SiteLaunch, RanksThatShareCoresAreOvercommittedAndYield) {
  const Command command = made(order_of(4), setting_of(srun, 2, 2));
  EXPECT_THAT(command.argv, Contains("--overcommit"));
  EXPECT_THAT(command.argv, Not(Contains(StartsWith("--cpus-per-task"))));
  EXPECT_THAT(command.environment, Contains("OMPI_MCA_mpi_yield_when_idle=1"));
}

TEST(SiteLaunch, OneRankIsAPlainProcessOnTheHead) {
  EXPECT_EQ(made(order_of(1), setting_of(srun, 2, 8)).argv[0], "/bin/sovren-rank");
}

TEST(SiteLaunch, NeedsNoMpirunForSrun) {
  CommandSetting setting = setting_of(srun, 2, 8);
  setting.programs.mpirun.clear();
  EXPECT_TRUE(make_command(order_of(4), setting, {}));
  setting.site->by = mpirun;
  EXPECT_FALSE(make_command(order_of(4), setting, {}));
}

TEST(SiteLaunch, WhatSlurmSaysOfTheAllocationStaysAndOfTheStepGoes) {
  const Command command = made(order_of(4), setting_of(srun, 2, 8));
  for (const char* kept : {"SLURM_JOB_ID=77", "SLURM_JOB_NODELIST=n[1-2]", "SLURM_MEM_PER_CPU=7",
                           "SLURM_TASKS_PER_NODE=2(x2)", "LANG=C"})
    EXPECT_THAT(command.environment, Contains(kept));
  for (const char* gone : {"SLURM_PROCID", "SLURM_STEP_ID", "SLURM_LOCALID", "SLURM_NODEID",
                           "SLURM_SRUN_COMM_HOST", "PMIX_RANK"})
    EXPECT_THAT(command.environment, Not(Contains(StartsWith(gone))));
}

TEST(SiteLaunch, MpirunOverNodesAsksSlurmForThem) {
  const Command command = made(order_of(4), setting_of(mpirun, 2, 8));
  EXPECT_EQ(command.argv[0], "/bin/mpirun");
  for (const char* ours : {"isolated", "^slurm", "--host", "plm_rsh_agent", "self,vader"})
    EXPECT_THAT(command.argv, Not(Contains(ours)));
  EXPECT_THAT(command.environment, Contains("SLURM_JOB_NODELIST=n[1-2]"));
  EXPECT_THAT(command.argv, Contains("SOVREN_CHECKPOINT_DIR"));  // -x
}

TEST(SiteLaunch, MpirunOnOneNodeIsAsOnOurOwn) {
  const Command command = made(order_of(4), setting_of(mpirun, 1, 8));
  EXPECT_THAT(command.argv, Contains("isolated"));
  EXPECT_THAT(command.argv, Contains("^slurm"));
}

TEST(SiteLaunch, ACommandFindsSlurmsOwnWords) {
  AttemptOrder order = command_of(1);
  order.element = 5;
  order.array_job = JobId{11};
  const Command command = made(order, setting_of(srun, 2, 8));
  EXPECT_THAT(command.environment, Contains("SLURM_JOB_ID=77"));
  EXPECT_THAT(command.environment, Contains("SOVREN_JOB_ID=12"));
  EXPECT_THAT(command.environment, Contains("SLURM_JOB_NODELIST=n[1-2]"));
  EXPECT_THAT(command.environment, Not(Contains("OMPI_MCA_ras=^slurm")));
  EXPECT_THAT(command.environment, Contains("OMPI_MCA_plm=rsh"));  // the user's
}

TEST(SiteLaunch, ACommandOnTheHeadStartsItsRanksByTheSitesOwnSrun) {
  AttemptOrder order = command_of(4);
  std::get<CommandSpec>(order.spec.kind).start = CommandSpec::Start::head;
  CommandSetting setting = setting_of(srun, 2, 8);
  setting.shims = "/shims";
  const Command command = made(order, setting);
  EXPECT_EQ(command.argv, std::vector<std::string>{"/bin/true"});
  EXPECT_THAT(command.environment, Contains("SLURM_TASKS_PER_NODE=2(x2)"));
  EXPECT_THAT(command.environment, Contains("SLURM_PROCID=0"));
  EXPECT_THAT(command.environment, Not(Contains(StartsWith("PATH="))));
  EXPECT_THAT(command.environment, Not(Contains(StartsWith("OMPI_MCA_orte"))));
}

TEST(SiteLaunch, TasksOfACommandLearnTheirNumberFromSrun) {
  const Command command = made(command_of(4), setting_of(srun, 2, 8));
  EXPECT_EQ(command.argv[0], "/usr/bin/srun");
  EXPECT_THAT(command.argv, Contains("export SOVREN_RANK=$SLURM_PROCID; exec \"$@\""));
  EXPECT_EQ(command.argv.back(), "/bin/true");
}

}  // namespace
}  // namespace sovren::workers
