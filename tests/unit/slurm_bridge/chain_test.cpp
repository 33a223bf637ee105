// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/chain.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sovren::slurm {
namespace {

class Chain : public testing::Test {
 protected:
  Chain() : dir_(testing::TempDir() + "chain-XXXXXX") {
    EXPECT_NE(::mkdtemp(dir_.data()), nullptr);
  }
  ~Chain() override { std::filesystem::remove_all(dir_); }

  void write_raw(const std::string& text) const {
    std::ofstream(chain_file(dir_), std::ios::binary | std::ios::app) << text;
  }
  std::vector<Allocation> read() const { return read_chain(dir_).value(); }

  std::string dir_;
};

Allocation began(const std::string& site_job, int restart) {
  return {.site_job = site_job,
          .restart = restart,
          .continues = {},
          .nodes = 2,
          .ranks = 4,
          .launcher = "srun",
          .began_at = {1'795'000'000'123},
          .step = 40,
          .end = {}};
}

Allocation ended(Allocation allocation, int exit_code, std::int64_t sealed_step) {
  allocation.end = {
      {.ended_at = {1'795'000'060'000}, .exit_code = exit_code, .sealed_step = sealed_step}};
  return allocation;
}

TEST_F(Chain, OfAFolderWithoutOneIsEmpty) {
  EXPECT_TRUE(read().empty());
  EXPECT_TRUE(read_chain(dir_ + "/not/there").value().empty());
}

TEST_F(Chain, GivesBackWhatWasAppended) {
  Allocation second = began("18", 0);
  second.continues = "17_3";
  const std::vector<Allocation> all{ended(began("17_3", 0), 85, 60), ended(began("17_3", 1), 0, 90),
                                    second};
  for (const Allocation& one : all) {
    Allocation beginning = one;
    beginning.end.reset();
    ASSERT_TRUE(append_to_chain(dir_, beginning));
    if (one.end) {
      ASSERT_TRUE(append_to_chain(dir_, one));
    }
  }
  EXPECT_EQ(read(), all);
}

TEST_F(Chain, AnAllocationThatWasKilledHasNoEnd) {
  ASSERT_TRUE(append_to_chain(dir_, began("17", 0)));
  ASSERT_TRUE(append_to_chain(dir_, began("17", 1)));
  ASSERT_TRUE(append_to_chain(dir_, ended(began("17", 1), 85, 50)));
  const auto chain = read();
  ASSERT_EQ(chain.size(), 2U);
  EXPECT_FALSE(chain[0].end);
  EXPECT_EQ(chain[1].end->sealed_step, 50);
}

// A zombie's last word comes after its successor's first.
TEST_F(Chain, AnEndFindsItsBeginning) {
  ASSERT_TRUE(append_to_chain(dir_, began("17", 0)));
  ASSERT_TRUE(append_to_chain(dir_, began("17", 1)));
  ASSERT_TRUE(append_to_chain(dir_, ended(began("17", 0), 3, 40)));
  const auto chain = read();
  ASSERT_EQ(chain.size(), 2U);
  EXPECT_EQ(chain[0].end->exit_code, 3);
  EXPECT_FALSE(chain[1].end);
}

TEST_F(Chain, ALineThatIsCutShortLosesNoOther) {
  ASSERT_TRUE(append_to_chain(dir_, began("17", 0)));
  write_raw(R"({"schema":"sovren.allocation/1","event":"end","site_)");
  ASSERT_TRUE(append_to_chain(dir_, began("17", 1)));
  const auto chain = read();
  ASSERT_EQ(chain.size(), 2U);
  EXPECT_EQ(chain[1].restart, 1);
}

TEST_F(Chain, WhatIsNotUnderstoodIsPassedOver) {
  write_raw("\n[]\n{\"event\":\"moved\"}\n{\"event\":\"begin\",\"site_job\":7}\n");
  write_raw("{\"event\":\"end\",\"site_job\":\"9\",\"restart\":0}\n");
  ASSERT_TRUE(append_to_chain(dir_, began("17", 0)));
  EXPECT_EQ(read(), std::vector{began("17", 0)});
}

// Two nodes' clocks may differ by minutes: the order of lines counts, never their times.
TEST_F(Chain, AClockThatWentBackChangesNothing) {
  Allocation later = began("17", 1);
  later.began_at = {1'700'000'000'000};
  ASSERT_TRUE(append_to_chain(dir_, began("17", 0)));
  ASSERT_TRUE(append_to_chain(dir_, later));
  EXPECT_EQ(read().back(), later);
}

TEST_F(Chain, AFolderThatCannotBeWrittenIsAnError) {
  const auto appended = append_to_chain(dir_ + "/not/there", began("17", 0));
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, Code::storage_io);
}

}  // namespace
}  // namespace sovren::slurm
