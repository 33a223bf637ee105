// SPDX-License-Identifier: Apache-2.0
#include "cli/directory_hold.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace sovren::cli {
namespace {

class Hold : public testing::Test {
 protected:
  Hold() : dir_(testing::TempDir() + "hold-XXXXXX") { EXPECT_NE(::mkdtemp(dir_.data()), nullptr); }
  ~Hold() override { std::filesystem::remove_all(dir_); }

  Result<DirectoryHold> take(const std::string& site_job, int restart,
                             const std::string& continues = "") const {
    const SiteRun site{
        .allocation = {.site_job = site_job, .restart = restart, .continues = continues},
        .launch = {}};
    return DirectoryHold::take(JobDirectory(dir_), site);
  }
  /// It worked here, and has let go.
  void pass(const std::string& site_job, int restart, const std::string& continues = "") const {
    const auto held = take(site_job, restart, continues);
    EXPECT_TRUE(held) << to_text(held.error());
  }
  void expect_refused(Code code, const std::string& site_job, int restart,
                      const std::string& continues = "") const {
    const auto held = take(site_job, restart, continues);
    ASSERT_FALSE(held) << site_job << " " << restart;
    EXPECT_EQ(held.error().code, code) << to_text(held.error());
  }

  std::string dir_;
};

TEST_F(Hold, ARequeuedJobTakesOverAndTheOlderOneLearnsOfIt) {
  auto older = take("70", 0);
  ASSERT_TRUE(older);
  EXPECT_TRUE(older->check(DirectoryHold::Look::now));
  std::filesystem::remove(dir_ + "/LOCK");  // as where locks do not reach from host to host
  auto newer = take("70", 1);
  ASSERT_TRUE(newer) << to_text(newer.error());
  EXPECT_TRUE(newer->check(DirectoryHold::Look::now));
  const auto lost = older->check(DirectoryHold::Look::now);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::fenced);
  EXPECT_NE(lost.error().what.find("site job 70, restart 1"), std::string::npos);
  std::filesystem::remove(dir_ + "/OWNER");
  EXPECT_FALSE(older->check());  // it stays so
}

TEST_F(Hold, AnOlderAllocationIsRefusedAlsoWhenNobodyRuns) {
  pass("70", 2);
  expect_refused(Code::fenced, "70", 1);
  pass("70", 2);  // a script may run it again
  pass("70", 3);
}

TEST_F(Hold, ASubmissionThatContinuesOthersIsNewerThanThem) {
  pass("70", 4);
  pass("71", 0, "70");
  ASSERT_TRUE(slurm::append_to_chain(dir_, {.site_job = "71", .continues = "70"}));
  pass("72", 0, "71");
  for (const char* before : {"70", "71"}) expect_refused(Code::fenced, before, 9);
}

TEST_F(Hold, AnUnrelatedRunNeedsTheLock) {
  {
    const auto held = take("70", 0);
    ASSERT_TRUE(held);
    expect_refused(Code::storage_busy, "71", 5);
    expect_refused(Code::storage_busy, "70", 0);
    EXPECT_FALSE(DirectoryHold::take(JobDirectory(dir_), std::nullopt));
  }
  pass("71", 0);
  EXPECT_TRUE(DirectoryHold::take(JobDirectory(dir_), std::nullopt));
}

TEST_F(Hold, WhatCannotBeReadKeepsNobodyAway) {
  pass("70", 3);
  std::ofstream(dir_ + "/OWNER") << "{\"token\": ";
  auto held = take("70", 0);
  ASSERT_TRUE(held) << to_text(held.error());
  std::ofstream(dir_ + "/OWNER") << "";
  EXPECT_TRUE(held->check(DirectoryHold::Look::now));
}

TEST_F(Hold, AChainThatGoesInARingEnds) {
  for (const auto& [job, continues] : {std::pair{"70", "71"}, {"71", "70"}})
    ASSERT_TRUE(slurm::append_to_chain(dir_, {.site_job = job, .continues = continues}));
  pass("70", 0, "71");
  pass("72", 0);
}

}  // namespace
}  // namespace sovren::cli
