// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/scrub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Scrub : public CheckpointTest {
 protected:
  void seal(std::int64_t step, std::int64_t job = 1) {
    ASSERT_TRUE(seal_sample(dir_, sample_header(step, 1, job)));
  }
  void damage(const std::string& file) {
    auto bytes = read_file(dir_ + "/" + file);
    ASSERT_TRUE(bytes);
    bytes->back() = static_cast<char>(bytes->back() ^ 1);
    ASSERT_TRUE(write_file_atomic(dir_ + "/" + file, *bytes));
  }
  ScrubReport scrub() {
    auto report = scrub_sets(dir_, {});
    EXPECT_TRUE(report) << to_text(report.error());
    return report.value_or(ScrubReport());
  }
  bool is_there(const std::string& name) const { return path_exists(dir_ + "/" + name); }
};

TEST_F(Scrub, FindsNothingInGoodSets) {
  EXPECT_EQ(scrub().sets, 0) << "no folder is no trouble";
  seal(1);
  seal(2);
  const ScrubReport report = scrub();
  EXPECT_EQ(report.sets, 2);
  EXPECT_GT(report.bytes, 0);
  EXPECT_THAT(report.damaged, IsEmpty());
  EXPECT_FALSE(is_there("quarantine"));
}

TEST_F(Scrub, PutsADamagedSetAsideWhileAnotherIsGood) {
  seal(1);
  seal(2);
  seal(3);
  damage("gen-000002/shard-00000.h5");
  ScrubReport report = scrub();
  ASSERT_EQ(report.damaged.size(), 1U);
  EXPECT_EQ(report.damaged[0].name, "gen-000002");
  EXPECT_EQ(report.damaged[0].job, JobId{1});
  EXPECT_THAT(report.damaged[0].why, HasSubstr("shard-00000.h5 is damaged between bytes"));
  EXPECT_TRUE(report.damaged[0].is_quarantined);
  EXPECT_FALSE(report.is_newest_damaged);
  EXPECT_FALSE(is_there("gen-000002"));
  EXPECT_TRUE(is_there("quarantine/gen-000002/WHY.txt"));
  EXPECT_THAT(scrub().damaged, IsEmpty()) << "told once";
}

TEST_F(Scrub, TellsThatTheNewestIsDamaged) {
  seal(1);
  seal(2);
  damage("gen-000002/MANIFEST.json");
  const ScrubReport report = scrub();
  EXPECT_TRUE(report.is_newest_damaged);
  ASSERT_EQ(report.damaged.size(), 1U);
  EXPECT_TRUE(report.damaged[0].is_quarantined) << "its text still names the job";
}

TEST_F(Scrub, TheLastOneStaysWhereItIs) {
  seal(1);
  damage("gen-000001/shard-00000.h5");
  for (int again = 0; again < 2; ++again) {
    const ScrubReport report = scrub();
    ASSERT_EQ(report.damaged.size(), 1U);
    EXPECT_FALSE(report.damaged[0].is_quarantined);
    EXPECT_TRUE(is_there("gen-000001"));
  }
  EXPECT_EQ(restore_sample(dir_).error().code, Code::storage_corrupt)
      << "never nothing: a job does not start over silently";
}

TEST_F(Scrub, ASetOfAnotherJobIsNoReplacement) {
  seal(9, 1);
  seal(2, 2);
  damage("gen-000002/shard-00000.h5");
  const ScrubReport report = scrub();
  ASSERT_EQ(report.damaged.size(), 1U);
  EXPECT_FALSE(report.damaged[0].is_quarantined);
  EXPECT_TRUE(is_there("gen-000002"));
}

TEST_F(Scrub, LeavesAloneWhatIsBeingWritten) {
  seal(1);
  ASSERT_TRUE(make_directories(dir_ + "/gen-000002.tmp-1-abc"));
  ASSERT_TRUE(write_file_atomic(dir_ + "/gen-000002.tmp-1-abc/shard-00000.h5", "half"));
  EXPECT_EQ(scrub().sets, 1);
  EXPECT_TRUE(is_there("gen-000002.tmp-1-abc"));
}

TEST_F(Scrub, ReadsNoFasterThanItMay) {
  for (std::int64_t step = 1; step <= 4; ++step) seal(step);
  double now_s = 100;
  const auto report = scrub_sets(dir_, {.bytes_per_s = 1000,
                                        .now_s = [&] { return now_s; },
                                        .sleep = [&](double s) { now_s += s; }});
  ASSERT_TRUE(report);
  EXPECT_NEAR(now_s - 100, static_cast<double>(report->bytes) / 1000, 1e-6);
}

/// Sets are sealed and pruned while they are scrubbed: nothing is called damaged, nothing is lost.
TEST_F(Scrub, StandsARunningJob) {
  seal(1);
  std::thread job([&] {
    auto store = CheckpointStore::open(dir_);
    for (std::int64_t step = 2; step <= 12; ++step) {
      seal(step);
      EXPECT_TRUE(store->prune({.keep = 1}, JobId{1}, 1));
    }
  });
  for (int round = 0; round < 10; ++round) EXPECT_THAT(scrub().damaged, IsEmpty());
  job.join();
  EXPECT_TRUE(verify_set(dir_ + "/gen-000012"));
}

}  // namespace
}  // namespace sovren::storage
