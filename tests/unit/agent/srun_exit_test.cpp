// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/srun_exit.h"

#include <gtest/gtest.h>

#include "workers/agent/exit_error.h"

namespace sovren::workers {
namespace {

// As Slurm 22.05.8 prints them.
TEST(SrunExit, IsThatOfTheFirstRankThatFailed) {
  EXPECT_EQ(exit_code_of_srun(143,
                              "sovren-rank: no data\n"
                              "srun: error: n1: tasks 0-1: Exited with exit code 65\n"
                              "srun: launch/slurm: _step_signal: Terminating StepId=1.0\n"
                              "slurmstepd-n1: error: *** STEP 1.0 ON n1 CANCELLED AT ***\n"
                              "srun: error: n2: task 2: Terminated\n"),
            65);
  EXPECT_EQ(exit_code_of_srun(75,
                              "srun: error: n2: task 3: Exited with exit code 66\n"
                              "srun: error: n1: tasks 0-2: Exited with exit code 75"),
            66);
}

TEST(SrunExit, OfAKilledRankIsWhatSrunSays) {
  EXPECT_EQ(exit_code_of_srun(137,
                              "srun: error: n2: task 2: Killed\n"
                              "srun: error: n1: task 0: Exited with exit code 75\n"),
            137);
}

TEST(SrunExit, WithoutAWordOfTasksIsWhatSrunSays) {
  EXPECT_EQ(exit_code_of_srun(85, ""), 85);
  EXPECT_EQ(exit_code_of_srun(1,
                              "srun: error: Unable to create step for job 1: Job/step already "
                              "completing or completed\n"),
            1);
  EXPECT_EQ(exit_code_of_srun(137, "srun: error: n1: task 0: Exited with exit code many\n"), 137);
}

TEST(SrunExit, OwnTroubleOfSrunsIsNoBugOfOurs) {
  const auto code = [](ExitFacts facts) {
    facts.is_by_srun = true;
    return error_of_exit(facts)->code;
  };
  EXPECT_EQ(code({.exit_code = 1}), Code::refused);
  EXPECT_EQ(code({.exit_code = 1, .is_started = true}), Code::peer_lost);
  EXPECT_EQ(code({.exit_code = 65, .is_started = true}), Code::data_invalid);
  EXPECT_EQ(code({.exit_code = 137, .is_started = true}), Code::peer_lost);
}

TEST(SrunExit, RanksThatAreAloneAreAMismatchWithAWayOut) {
  const auto error = error_of_exit({.exit_code = 78, .is_by_srun = true});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Code::mismatch);
  EXPECT_NE(error->hint.find("--launcher mpirun"), std::string::npos);
}

}  // namespace
}  // namespace sovren::workers
