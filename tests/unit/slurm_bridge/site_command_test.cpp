// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/site_command.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace sovren::slurm {
namespace {

TEST(SiteCommand, AnswersWithAllThatAProgramSays) {
  const auto answer = site_command()({"sh", "-c", "cat; echo oops >&2; exit 7"}, "given");
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_EQ(answer->output, "given");
  EXPECT_EQ(answer->errors, "oops\n");
  EXPECT_EQ(answer->exit_code, 7);
}

TEST(SiteCommand, AMissingProgramAndOneThatHangsAreErrors) {
  EXPECT_EQ(site_command()({"sovren-no-such-program"}, "").error().code, Code::not_found);
  EXPECT_EQ(site_command(0.05)({"sleep", "600"}, "").error().code, Code::timed_out);
}

TEST(SiteCommand, OurOwnLinksAreNotTheSites) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("sovren-site-command-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder / "links");
  std::filesystem::create_symlink("/proc/self/exe", folder / "links/sbatch");
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", (folder / "links").c_str(), 1);
  // Harmless to this program, should it be started after all.
  const std::vector<std::string> words{"sbatch", "--gtest_list_tests"};
  const auto none = site_command()(words, "");
  std::filesystem::create_symlink("/bin/echo", folder / "sbatch");
  ::setenv("PATH", ((folder / "links").string() + ":" + folder.string()).c_str(), 1);
  const auto answer = site_command()(words, "");
  ::setenv("PATH", before.c_str(), 1);
  std::filesystem::remove_all(folder);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().what, "'sbatch' is not on PATH, but for our own");
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_EQ(answer->output, "--gtest_list_tests\n");
}

TEST(SiteCommand, WhatAUserSetsForTheirOwnEyesHidesNothing) {
  ::setenv("SQUEUE_PARTITION", "debug", 1);
  ::setenv("SACCT_FORMAT", "jobid", 1);
  ::setenv("SBATCH_ACCOUNT", "physics", 1);
  const auto answer = site_command()(
      {"sh", "-c", "echo $SQUEUE_PARTITION,$SACCT_FORMAT,$SBATCH_ACCOUNT,$SLURM_BITSTR_LEN"}, "");
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_EQ(answer->output, ",,physics,0\n");
}

}  // namespace
}  // namespace sovren::slurm
