// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// One way to spoil the newest set. `older` is the set before it.
struct Damage {
  const char* name;
  const char* why;  ///< part of the reason that must be given
  std::function<void(const std::string& set, const std::string& older)> do_it;
};

void resize(const std::string& path, std::int64_t by) {
  const auto size = static_cast<std::int64_t>(fs::file_size(path));
  fs::resize_file(path, static_cast<std::uintmax_t>(by == INT64_MIN ? 0 : size + by));
}

using S = const std::string&;

std::vector<Damage> damages_of_shards() {
  return {
      {"SuperblockFlipped", "CRC-32C",
       [](S set, S) {
         std::string bytes = bytes_of(set + "/shard-00000.h5");
         bytes[9] = static_cast<char>(bytes[9] ^ 4);
         put_bytes(set + "/shard-00000.h5", bytes);
       }},
      {"LastByteFlipped", "CRC-32C",
       [](S set, S) {
         std::string bytes = bytes_of(set + "/shard-00002.h5");
         bytes.back() = static_cast<char>(bytes.back() ^ 0x80);
         put_bytes(set + "/shard-00002.h5", bytes);
       }},
      {"FourKibZeroed", "CRC-32C",
       [](S set, S) {
         std::string bytes = bytes_of(set + "/shard-00001.h5");
         const std::size_t size = std::min<std::size_t>(4096, bytes.size());
         bytes.replace(bytes.size() - size, size, size, '\0');
         put_bytes(set + "/shard-00001.h5", bytes);
       }},
      {"ShardOneByteShort", "bytes instead of",
       [](S set, S) { resize(set + "/shard-00001.h5", -1); }},
      {"ShardOneByteLong", "bytes instead of",
       [](S set, S) { resize(set + "/shard-00001.h5", 1); }},
      {"ShardEmpty", "bytes instead of",
       [](S set, S) { resize(set + "/shard-00001.h5", INT64_MIN); }},
      {"ShardMissing", "shard-00001.h5 is missing",
       [](S set, S) { fs::remove(set + "/shard-00001.h5"); }},
      {"ShardsSwapped", "shard-0000",
       [](S set, S) {
         fs::rename(set + "/shard-00000.h5", set + "/x");
         fs::rename(set + "/shard-00001.h5", set + "/shard-00000.h5");
         fs::rename(set + "/x", set + "/shard-00001.h5");
       }},
      {"ShardStale", "CRC-32C",
       [](S set, S older) {
         put_bytes(set + "/shard-00001.h5", bytes_of(older + "/shard-00001.h5"));
       }},
      {"ShardExtra", "shard-00003.h5 is there, but not in the manifest",
       [](S set, S) { fs::copy_file(set + "/shard-00000.h5", set + "/shard-00003.h5"); }},
      {"ShardIsALink", "not a regular file",
       [](S set, S) {
         fs::rename(set + "/shard-00001.h5", set + "/moved");
         fs::create_symlink("moved", set + "/shard-00001.h5");
       }},
      {"ShardIsAFolder", "not a regular file",
       [](S set, S) {
         fs::remove(set + "/shard-00001.h5");
         fs::create_directory(set + "/shard-00001.h5");
       }},
      {"ShardIsAPipe", "not a regular file",
       [](S set, S) {
         fs::remove(set + "/shard-00001.h5");
         ASSERT_EQ(::mkfifo((set + "/shard-00001.h5").c_str(), 0600), 0);
       }},
  };
}

std::vector<Damage> damages_of_manifests() {
  return {
      {"ManifestMissing", "MANIFEST.json", [](S set, S) { fs::remove(set + "/MANIFEST.json"); }},
      {"ManifestEmpty", "MANIFEST.json", [](S set, S) { put_bytes(set + "/MANIFEST.json", ""); }},
      {"ManifestGarbage", "MANIFEST.json",
       [](S set, S) { put_bytes(set + "/MANIFEST.json", std::string(5000, '\xA5')); }},
      {"ManifestZeros", "MANIFEST.json",
       [](S set, S) {
         put_bytes(set + "/MANIFEST.json",
                   std::string(bytes_of(set + "/MANIFEST.json").size(), '\0'));
       }},
      {"ManifestCutShort", "MANIFEST.json", [](S set, S) { resize(set + "/MANIFEST.json", -1); }},
      {"ManifestFlipped", "own digest",
       [](S set, S) {
         std::string bytes = bytes_of(set + "/MANIFEST.json");
         bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
         put_bytes(set + "/MANIFEST.json", bytes);
       }},
      {"ManifestHuge", "MANIFEST.json",
       [](S set, S) { fs::resize_file(set + "/MANIFEST.json", std::uintmax_t{1} << 40); }},
      {"ManifestStale", "of step 1",
       [](S set, S older) {
         put_bytes(set + "/MANIFEST.json", bytes_of(older + "/MANIFEST.json"));
       }},
      {"ManifestIsALink", "MANIFEST.json",
       [](S set, S) {
         fs::rename(set + "/MANIFEST.json", set + "/moved");
         fs::create_symlink("moved", set + "/MANIFEST.json");
       }},
      {"ManifestIsAFolder", "MANIFEST.json",
       [](S set, S) {
         fs::remove(set + "/MANIFEST.json");
         fs::create_directory(set + "/MANIFEST.json");
       }},
      {"AnotherSetAltogether", "of step 1",
       [](S set, S older) {
         fs::remove_all(set);
         fs::copy(older, set);
       }},
  };
}

std::vector<Damage> damages() {
  std::vector<Damage> all = damages_of_shards();
  for (Damage& each : damages_of_manifests()) all.push_back(std::move(each));
  return all;
}

class DamagedSet : public CheckpointTest, public testing::WithParamInterface<Damage> {
 protected:
  void SetUp() override {
    root_ =
        testing::TempDir() + "sovren-damage-" + std::to_string(::getpid()) + "-" + GetParam().name;
    ASSERT_TRUE(remove_tree(root_));
    dir_ = root_ + "/checkpoints";
  }
};

TEST_P(DamagedSet, IsSeenQuarantinedAndThePreviousIsRestored) {
  for (const std::int64_t step : {1, 2})
    workers::run_on_threads(3, 60, [&](Communicator& comm) {
      auto store = CheckpointStore::open(dir_);
      ASSERT_TRUE(seal_sample(*store, comm, sample_header(step)));
    });
  GetParam().do_it(dir_ + "/gen-000002", dir_ + "/gen-000001");
  EXPECT_EQ(verify_set(dir_ + "/gen-000002").error().code, Code::storage_corrupt);
  workers::run_on_threads(2, 60, [&](Communicator& comm) {
    auto store = CheckpointStore::open(dir_);
    std::vector<RejectedSet> rejected;
    const auto restored = store->restore_newest(comm, sample_header(0).facts, JobId{1}, rejected);
    ASSERT_TRUE(restored) << to_text(restored.error());
    ASSERT_TRUE(*restored);
    EXPECT_EQ((*restored)->set.name, "gen-000001");
    expect_state(*(*restored)->reader, sample_state(1));
    ASSERT_EQ(rejected.size(), 1U);
    EXPECT_EQ(rejected[0].name, "gen-000002");
    EXPECT_THAT(rejected[0].why, HasSubstr(GetParam().why));
  });
  EXPECT_FALSE(path_exists(dir_ + "/gen-000002"));
  EXPECT_THAT(bytes_of(dir_ + "/quarantine/gen-000002/WHY.txt"), HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(Each, DamagedSet, testing::ValuesIn(damages()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_F(CheckpointTest, EveryFlippedByteOfAShardIsSeen) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  const std::string path = dir_ + "/gen-000001/shard-00000.h5";
  const std::string good = bytes_of(path);
  ASSERT_GT(good.size(), 2000U);
  for (std::size_t i = 0; i < good.size(); i += 37) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    put_bytes(path, bad);
    const auto verified = verify_set(dir_ + "/gen-000001");
    ASSERT_FALSE(verified) << "byte " << i;
    ASSERT_EQ(verified.error().code, Code::storage_corrupt);
  }
  put_bytes(path, good);
  EXPECT_TRUE(verify_set(dir_ + "/gen-000001"));
}

TEST_F(CheckpointTest, ASecondQuarantinedSetOfTheSameNameKeepsTheFirst) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(seal_sample(dir_, sample_header(2, round + 1)));
    put_bytes(dir_ + "/gen-000002/shard-00000.h5", "x");
    ASSERT_TRUE(restore_sample(dir_));
  }
  EXPECT_THAT(*list_directory(dir_ + "/quarantine"),
              testing::ElementsAre("gen-000002", "gen-000002.2"));
}

}  // namespace
}  // namespace sovren::storage
