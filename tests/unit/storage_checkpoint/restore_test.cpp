// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text/digest.h"
#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Restore : public CheckpointTest {};

void flip_byte(const std::string& path, std::size_t at) {
  auto text = read_file(path);
  ASSERT_TRUE(text);
  (*text)[at] = static_cast<char>((*text)[at] ^ 1);
  ASSERT_TRUE(write_file_atomic(path, *text));
}

TEST_F(Restore, NothingIsNoError) {
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored);
  EXPECT_FALSE(restored->result);
  EXPECT_THAT(restored->rejected, IsEmpty());
}

TEST_F(Restore, TakesTheNewest) {
  for (const std::int64_t step : {9, 10, 1'000'000})
    ASSERT_TRUE(seal_sample(dir_, sample_header(step)));
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->set.header.step, 1'000'000);
}

TEST_F(Restore, IgnoresHalfWrittenSetsAndOtherFiles) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  ASSERT_TRUE(make_directories(dir_ + "/gen-000002.tmp-1-abc"));
  ASSERT_TRUE(make_directories(dir_ + "/gen-x"));
  ASSERT_TRUE(make_directories(dir_ + "/gen-00000-1"));
  ASSERT_TRUE(write_file_atomic(dir_ + "/notes.txt", "mine"));
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->set.name, "gen-000001");
  EXPECT_THAT(restored->rejected, IsEmpty());
}

TEST_F(Restore, LatestJobIsKnownWithoutALog) {
  EXPECT_EQ(latest_job(dir_), JobId{0});
  ASSERT_TRUE(seal_sample(dir_, sample_header(1, 1, 3)));
  EXPECT_EQ(latest_job(dir_), JobId{3});
  const auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(store);
  ASSERT_TRUE(CheckpointStore(*store).raise_fence(JobId{7}, 1));
  EXPECT_EQ(latest_job(dir_), JobId{7});
}

TEST_F(Restore, IgnoresSetsOfJobsBeforeTheOldest) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(50, 1, 1)));
  auto fresh = restore_sample(dir_, JobId{2});
  ASSERT_TRUE(fresh);
  EXPECT_FALSE(fresh->result);
  ASSERT_TRUE(seal_sample(dir_, sample_header(10, 1, 2)));
  const auto restored = restore_sample(dir_, JobId{1});
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->set.header.step, 10) << "the later job is newer";
}

TEST_F(Restore, RefusesASetOfOtherFactsAndSaysWhatDiffers) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  auto store = CheckpointStore::open(dir_);
  const auto comm = workers::make_self_communicator();
  std::vector<RejectedSet> rejected;
  const auto restored = store->restore_newest(*comm, {{"kind", "sample"}, {"sample.alpha", "0.01"}},
                                              JobId{1}, rejected);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, Code::mismatch);
  EXPECT_THAT(restored.error().what, HasSubstr("sample.alpha: 0.05 there, 0.01 here"));
  EXPECT_THAT(restored.error().hint, HasSubstr("--fresh"));
  EXPECT_TRUE(verify_set(dir_ + "/gen-000001")) << "left where it is";
}

TEST_F(Restore, ASetOfANewerSovrenIsAnErrorAndStaysWhereItIs) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  ASSERT_TRUE(seal_sample(dir_, sample_header(2)));
  const std::string path = dir_ + "/gen-000002/MANIFEST.json";
  auto manifest = read_file(path);
  ASSERT_TRUE(manifest);
  manifest->replace(manifest->find("\"min_reader\": 1"), 15, "\"min_reader\": 7");
  *manifest = manifest->substr(0, manifest->rfind("\"digest\""));
  ASSERT_TRUE(write_file_atomic(
      path, *manifest + "\"digest\": \"" + text::sha256_hex(*manifest) + "\"\n}\n"));
  const auto restored = restore_sample(dir_);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, Code::mismatch);
  EXPECT_TRUE(path_exists(dir_ + "/gen-000002"));
}

TEST_F(Restore, AllSetsBadIsAnErrorAndNothingIsMoved) {
  for (const std::int64_t step : {1, 2}) {
    ASSERT_TRUE(seal_sample(dir_, sample_header(step)));
    flip_byte(dir_ + "/" + (step == 1 ? "gen-000001" : "gen-000002") + "/shard-00000.h5", 700);
  }
  for (int again = 0; again < 2; ++again) {
    const auto restored = restore_sample(dir_);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code, Code::storage_corrupt);
    EXPECT_THAT(restored.error().what, HasSubstr("gen-000001"));
    EXPECT_THAT(restored.error().what, HasSubstr("gen-000002"));
    EXPECT_THAT(restored.error().hint, HasSubstr("--fresh"));
    EXPECT_FALSE(path_exists(dir_ + "/quarantine"));
  }
  const auto fresh = restore_sample(dir_, JobId{2});
  ASSERT_TRUE(fresh) << "a fresh start is not held up";
  EXPECT_FALSE(fresh->result);
}

TEST_F(Restore, AFreshStartIsNotHeldUpByASetOfUnknownJob) {
  auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(make_directories(dir_ + "/gen-000005"));
  ASSERT_TRUE(store->raise_fence(JobId{2}, 1));
  EXPECT_FALSE(restore_sample(dir_, JobId{1})) << "it may be of job 1";
  const auto fresh = restore_sample(dir_, JobId{2});
  ASSERT_TRUE(fresh);
  EXPECT_FALSE(fresh->result);
  ASSERT_EQ(fresh->rejected.size(), 1U);
  EXPECT_TRUE(path_exists(dir_ + "/quarantine/gen-000005/WHY.txt"));
}

TEST_F(Restore, ASetTriedTwiceWithoutASealAfterItIsPassedOver) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  ASSERT_TRUE(seal_sample(dir_, sample_header(2)));
  const auto next_step = [&] {
    const auto restored = restore_sample(dir_);
    EXPECT_TRUE(restored && restored->result);
    return restored->result->set.header.step;
  };
  EXPECT_EQ(next_step(), 2);
  EXPECT_EQ(next_step(), 2);
  const auto third = restore_sample(dir_);
  ASSERT_TRUE(third && third->result);
  EXPECT_EQ(third->result->set.header.step, 1);
  ASSERT_EQ(third->rejected.size(), 1U);
  EXPECT_EQ(third->rejected[0].name, "gen-000002");
  EXPECT_THAT(third->rejected[0].why, HasSubstr("restored 2 times"));
  EXPECT_TRUE(path_exists(dir_ + "/gen-000002")) << "not damaged: not moved";
  EXPECT_EQ(next_step(), 1);
  EXPECT_EQ(next_step(), 2) << "nothing older is left: the newest is better than none";
}

TEST_F(Restore, ASealEndsTheCounting) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  ASSERT_TRUE(seal_sample(dir_, sample_header(2)));
  ASSERT_TRUE(restore_sample(dir_));
  ASSERT_TRUE(restore_sample(dir_));
  ASSERT_TRUE(seal_sample(dir_, sample_header(3, 2)));
  ASSERT_TRUE(remove_tree(dir_ + "/gen-000003"));
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->set.header.step, 2);
}

TEST_F(Restore, AnOrderlyEndWithoutASealIsNotHeldAgainstTheSet) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  ASSERT_TRUE(seal_sample(dir_, sample_header(2)));
  auto store = CheckpointStore::open(dir_);
  for (int stop = 0; stop < 4; ++stop) {
    const auto restored = restore_sample(dir_);
    ASSERT_TRUE(restored && restored->result);
    EXPECT_EQ(restored->result->set.header.step, 2);
    ASSERT_TRUE(store->forget_restores());
  }
}

TEST_F(Restore, TheReaderRefusesWhatIsNotThere) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  StateReader& reader = *restored->result->reader;
  EXPECT_EQ(reader.info("none").error().code, Code::storage_corrupt);
  EXPECT_EQ(reader.get_all<double>("none").error().code, Code::storage_corrupt);
  EXPECT_EQ(reader.get_all<float>("mci/val").error().code, Code::storage_corrupt);
  EXPECT_EQ(reader.get_rows<std::uint8_t>("flags", {12, 2}).error().code, Code::storage_corrupt);
  EXPECT_EQ(reader.get_rows<std::uint8_t>("flags", {-1, 2}).error().code, Code::storage_corrupt);
  EXPECT_EQ(reader.get_rows<std::uint8_t>("flags", {14, 0}).error().code, Code::storage_corrupt);
  EXPECT_EQ(reader.get_rows<std::uint8_t>("flags", {13, 0}), std::vector<std::uint8_t>());
}

TEST_F(Restore, TheReaderSeesDamageThatComesAfterVerification) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  const std::string path = dir_ + "/gen-000001/shard-00000.h5";
  auto text = read_file(path);
  flip_byte(path, text->size() / 2);
  EXPECT_EQ(restored->result->reader->get_all<std::uint8_t>("flags").error().code,
            Code::storage_corrupt);
}

TEST_F(Restore, AFailureToNoteTheRestoreIsAnError) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  ASSERT_TRUE(make_directories(dir_ + "/RESTORES/in the way"));
  const auto restored = restore_sample(dir_);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, Code::storage_io);
}

TEST_F(Restore, ADamagedFenceIsAnError) {
  auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(write_file_atomic(dir_ + "/FENCE", "garbage"));
  EXPECT_EQ(store->raise_fence(JobId{1}, 1).error().code, Code::storage_corrupt);
  EXPECT_EQ(seal_sample(dir_, sample_header(1)).error().code, Code::storage_corrupt);
}

}  // namespace
}  // namespace sovren::storage
