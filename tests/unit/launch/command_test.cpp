// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
                "PATH=/bin", "OMPI_MCA_btl_tcp_x=1", "SOVREN_HOME=/h", "OPENBLAS_NUM_THREADS=1",
                "OMP_NUM_THREADS=1", "SOVREN_JOB_ID=12", "SOVREN_ATTEMPT=3",
                "SOVREN_CHECKPOINT_DIR=/jobs/a b/checkpoints", "SOVREN_ATTEMPT_COOKIE=12-3"}));
}

TEST(Command, ThreadsThatTheUserChoseStay) {
  const std::vector<std::string> inherited{"OMP_NUM_THREADS=4"};
  const auto command = make_command(order_of(1), setting_of(4), inherited);
  EXPECT_THAT(command->environment, Contains("OMP_NUM_THREADS=4"));
  EXPECT_THAT(command->environment, Not(Contains("OMP_NUM_THREADS=1")));
}

}  // namespace
}  // namespace sovren::workers
