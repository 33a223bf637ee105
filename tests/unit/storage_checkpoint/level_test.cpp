// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/level.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "storage/file/system.h"
#include "tests/unit/storage_checkpoint/level_case.h"

namespace sovren::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Level : public LevelCase {};

TEST(NodeMap, WhatARankWritesIsKeptOnTheNextNode) {
  const NodeMap map = map_nodes({"a", "a", "b", "c", "a"});
  EXPECT_EQ(map.nodes(), 3);
  EXPECT_THAT(map.beside(1), ElementsAre(0, 1, 4));
  EXPECT_TRUE(map.is_leader(2));
  EXPECT_FALSE(map.is_leader(4));
  EXPECT_EQ(map.keeper_of(0), 2);
  EXPECT_EQ(map.keeper_of(4), 2) << "a smaller node keeps several of each";
  EXPECT_EQ(map.keeper_of(2), 3);
  EXPECT_EQ(map.keeper_of(3), 0);
  EXPECT_THAT(map.kept_by(2), ElementsAre(0, 1, 4));
  EXPECT_THAT(map.kept_by(1), IsEmpty());
  EXPECT_EQ(map_nodes({"a", "a"}).keeper_of(0), -1) << "there is no neighbour";
}

TEST_F(Level, ANodeHoldsItsOwnShardsAndThoseOfTheNodeBefore) {
  on_nodes({0, 0, 1, 2}, [&](Communicator& comm, CheckpointStore&, LevelStore& level) {
    const auto sealed = seal_level(comm, level, sample_header(7));
    ASSERT_TRUE(sealed) << to_text(sealed.error());
    EXPECT_EQ(sealed->name, "memory/gen-000007");
    EXPECT_EQ(sealed->shards, 4);
  });
  const auto files = [&](int node) { return *list_directory(folder(node) + "/gen-000007"); };
  EXPECT_THAT(files(0),
              ElementsAre("MANIFEST.json", "shard-00000.h5", "shard-00001.h5", "shard-00003.h5"));
  EXPECT_THAT(files(1),
              ElementsAre("MANIFEST.json", "shard-00000.h5", "shard-00001.h5", "shard-00002.h5"));
  EXPECT_THAT(files(2), ElementsAre("MANIFEST.json", "shard-00002.h5", "shard-00003.h5"));
}

TEST_F(Level, TheLossOfAnyOneNodeLosesNothing) {
  const Nodes nodes{0, 0, 1, 2};
  seal(nodes, sample_header(5), Where::shared);
  for (int lost = 0; lost < 3; ++lost) {
    seal(nodes, sample_header(10 + lost));
    lose(lost);
    const Outcome outcome = restore(nodes);
    EXPECT_EQ(outcome.name, "memory/gen-" + std::string(lost == 0   ? "000010"
                                                        : lost == 1 ? "000011"
                                                                    : "000012"));
    EXPECT_THAT(outcome.rejected, IsEmpty());
  }
}

TEST_F(Level, TheLossOfTwoNeighboursLeavesTheOlderSharedSet) {
  const Nodes nodes{0, 1, 2};
  seal(nodes, sample_header(5), Where::shared);
  seal(nodes, sample_header(8));
  lose(1);
  lose(2);
  const Outcome outcome = restore(nodes);
  EXPECT_EQ(outcome.name, "gen-000005");
  ASSERT_THAT(outcome.rejected, SizeIs(1));
  EXPECT_EQ(outcome.rejected[0].name, "memory/gen-000008");
  EXPECT_EQ(outcome.rejected[0].why, "shard-00001.h5 is whole on no node of this attempt");
}

TEST_F(Level, TheLossOfAllIsNoErrorWhereNothingElseIs) {
  seal({0, 1}, sample_header(8));
  lose(0);
  lose(1);
  EXPECT_EQ(restore({0, 1}).name, "");
}

TEST_F(Level, ADamagedCopyIsReplacedByTheNeighbours) {
  const Nodes nodes{0, 1};
  seal(nodes, sample_header(8));
  flip_byte(shard(0, 8, 0), 700);
  flip_byte(shard(0, 8, 1), 900);
  EXPECT_EQ(restore(nodes).name, "memory/gen-000008");
  ASSERT_TRUE(remove_tree(folder(1)));
  EXPECT_EQ(restore(nodes).name, "memory/gen-000008") << "node 0 was repaired";
}

TEST_F(Level, BothCopiesDamagedLeaveTheSetBefore) {
  const Nodes nodes{0, 1};
  seal(nodes, sample_header(7));
  seal(nodes, sample_header(8));
  flip_byte(shard(0, 8, 1), 700);
  flip_byte(shard(1, 8, 1), 900);
  const Outcome outcome = restore(nodes);
  EXPECT_EQ(outcome.name, "memory/gen-000007");
  ASSERT_THAT(outcome.rejected, SizeIs(1));
  EXPECT_THAT(outcome.rejected[0].why, HasSubstr("shard-00001.h5 is whole on no node"));
  EXPECT_THAT(outcome.rejected[0].why, HasSubstr("damaged between bytes 0 and"));
  EXPECT_THAT(outcome.rejected[0].why, HasSubstr("on node n1"));
}

TEST_F(Level, ADamagedManifestIsNamedAndTheOtherNodesManifestServes) {
  const Nodes nodes{0, 1};
  seal(nodes, sample_header(8));
  flip_byte(folder(0) + "/gen-000008/MANIFEST.json", 40);
  const Outcome outcome = restore(nodes);
  EXPECT_EQ(outcome.name, "memory/gen-000008-2") << "beside the damaged one, on rank 0's node";
  ASSERT_THAT(outcome.rejected, SizeIs(1));
  EXPECT_THAT(outcome.rejected[0].why, HasSubstr("on node n0"));
}

TEST_F(Level, OtherRanksAndNodesThanAtTheSealRestoreIt) {
  const std::vector<std::pair<Nodes, int>> writers{{{0, 0, 1, 1}, 2}, {{0, 1, 2}, 3}, {{0}, 1}};
  const std::vector<Nodes> readers{{0, 0}, {1}, {0, 1, 2}, {2, 1, 0}, {1, 5, 1, 6}, {2, 0, 2}};
  std::int64_t step = 0;
  for (const auto& [writing, nodes] : writers)
    for (const Nodes& reading : readers) {
      seal(writing, sample_header(++step));
      bool is_whole = true;
      for (int node = 0; node < nodes; ++node)
        is_whole = is_whole && std::any_of(reading.begin(), reading.end(), [&](int each) {
                     return each == node || each == (node + 1) % nodes;
                   });
      EXPECT_EQ(restore(reading).name == "memory/" + set_name(step, 1), is_whole) << step;
    }
}

TEST_F(Level, TheNewestOfAllWinsAndTheFasterOfEqual) {
  const Nodes nodes{0, 1};
  seal(nodes, sample_header(10), Where::shared);
  seal(nodes, sample_header(9));
  EXPECT_EQ(restore(nodes).name, "gen-000010");
  seal(nodes, sample_header(10));
  EXPECT_EQ(restore(nodes).name, "memory/gen-000010");
  seal(nodes, sample_header(11), Where::shared);
  EXPECT_EQ(restore(nodes).name, "gen-000011");
  seal(nodes, sample_header(12));
  EXPECT_EQ(restore(nodes).name, "memory/gen-000012");
}

TEST_F(Level, ALateSetOfAnOlderAttemptNeverWins) {
  const Nodes nodes{0, 1};
  seal(nodes, sample_header(50, 1));
  seal(nodes, sample_header(20, 2), Where::shared);
  EXPECT_EQ(restore(nodes).name, "gen-000020");
  seal(nodes, sample_header(3, 1, 2), Where::shared);
  EXPECT_EQ(restore(nodes).name, "gen-000003") << "a later job";
}

TEST_F(Level, SetsOfJobsBeforeTheOldestAreNotTaken) {
  seal({0, 1}, sample_header(50, 1, 1));
  const Outcome outcome = restore({0, 1}, JobId{2});
  EXPECT_EQ(outcome.name, "");
  EXPECT_THAT(outcome.rejected, IsEmpty());
}

TEST_F(Level, AFencedAttemptCannotSeal) {
  on_nodes({0, 1}, [&](Communicator& comm, CheckpointStore& store, LevelStore& level) {
    const auto state = sample_state(4);
    auto pending = level.start_seal(comm, sample_header(4), [&](StateWriter& writer) {
      return put_share(writer, state, comm.rank(), comm.size());
    });
    ASSERT_TRUE(pending) << to_text(pending.error());
    if (comm.rank() == 0) {
      ASSERT_TRUE(store.raise_fence(JobId{1}, 2));
    }
    ASSERT_TRUE(comm.barrier());
    EXPECT_EQ(level.finish_seal(comm, std::move(*pending)).error().code, Code::fenced);
    EXPECT_EQ(seal_level(comm, level, sample_header(4)).error().code, Code::fenced);
    ASSERT_TRUE(comm.barrier());
    EXPECT_THAT(*list_directory(folder(comm.rank())), IsEmpty());
  });
}

TEST_F(Level, ASetTriedTwiceWithoutASealAfterItIsPassedOver) {
  const Nodes nodes{0, 1};
  seal(nodes, sample_header(5), Where::shared);
  seal(nodes, sample_header(8));
  EXPECT_EQ(restore(nodes).name, "memory/gen-000008");
  EXPECT_EQ(restore(nodes).name, "memory/gen-000008");
  const Outcome third = restore(nodes);
  EXPECT_EQ(third.name, "gen-000005");
  ASSERT_THAT(third.rejected, SizeIs(1));
  EXPECT_EQ(third.rejected[0].name, "memory/gen-000008");
  seal(nodes, sample_header(9));
  ASSERT_TRUE(remove_tree(folder(0) + "/gen-000009"));
  ASSERT_TRUE(remove_tree(folder(1) + "/gen-000009"));
  EXPECT_EQ(restore(nodes).name, "memory/gen-000008") << "a seal ends the counting";
}

TEST_F(Level, KeepsTwoSetsAndNothingHalfWritten) {
  seal({0, 1}, sample_header(1));
  ASSERT_TRUE(make_directories(folder(0) + "/gen-000001.tmp-1-abc"));
  ASSERT_TRUE(make_directories(folder(0) + "/gen-000900"));
  for (const std::int64_t step : {2, 3, 4}) seal({0, 1}, sample_header(step));
  for (const int node : {0, 1})
    EXPECT_THAT(*list_directory(folder(node)), ElementsAre("gen-000003", "gen-000004"));
}

TEST_F(Level, RanksWithoutRowsHaveNoShard) {
  on_nodes({0, 1}, [&](Communicator& comm, CheckpointStore&, LevelStore& level) {
    const auto state = sample_state(6);
    auto pending = level.start_seal(comm, sample_header(6), [&](StateWriter& writer) {
      return comm.rank() == 1 ? Result<void>() : put_share(writer, state, 0, 1);
    });
    ASSERT_TRUE(pending) << to_text(pending.error());
    const auto sealed = level.finish_seal(comm, std::move(*pending));
    ASSERT_TRUE(sealed) << to_text(sealed.error());
    EXPECT_EQ(sealed->shards, 1);
  });
  lose(0);
  EXPECT_EQ(restore({0, 1}).name, "memory/gen-000006");
}

TEST_F(Level, LargeShardsCrossInRounds) {
  // 70 MiB of rank 0: two rounds, and pieces of it cross their border.
  const std::vector<std::int64_t> shape{70, 1 << 17};
  std::vector<double> values(70 << 17);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i * 7919);
  on_nodes({0, 1}, [&](Communicator& comm, CheckpointStore&, LevelStore& level) {
    auto pending = level.start_seal(comm, sample_header(1), [&](StateWriter& writer) {
      return comm.rank() == 1 ? Result<void>() : writer.put<double>("x", shape, {0, 70}, values);
    });
    ASSERT_TRUE(pending) << to_text(pending.error());
    const auto sealed = level.finish_seal(comm, std::move(*pending));
    ASSERT_TRUE(sealed) << to_text(sealed.error());
  });
  lose(0);
  on_nodes({0, 1}, [&](Communicator& comm, CheckpointStore& store, LevelStore& level) {
    std::vector<RejectedSet> rejected;
    LevelStore* const levels[] = {&level};
    auto found = store.restore_newest(comm, sample_header(0).facts, JobId{1}, rejected, levels);
    ASSERT_TRUE(found && *found);
    EXPECT_TRUE((*found)->reader->get_all<double>("x") == values);
  });
}

TEST_F(Level, NodesThatSeeOneFolderAndRanksThatDoNotAreRefused) {
  const auto refusal = [&](std::vector<int> folders, std::vector<int> nodes) {
    std::string what;
    workers::run_on_threads(2, 60, [&](Communicator& comm) {
      const auto rank = static_cast<std::size_t>(comm.rank());
      auto store = CheckpointStore::open(dir_);
      LevelSetting mine = setting(folders[rank]);
      mine.node = std::to_string(nodes[rank]);
      const auto level = LevelStore::open(comm, mine, {}, *store);
      ASSERT_FALSE(level);
      EXPECT_EQ(level.error().code, Code::storage_io);
      if (rank == 1) what = level.error().what;
    });
    return what;
  };
  EXPECT_THAT(refusal({0, 0}, {0, 1}), HasSubstr("it is no disk of their own"));
  EXPECT_THAT(refusal({0, 1}, {0, 0}), HasSubstr("do not all see"));
  EXPECT_THAT(*list_directory(folder(0)), IsEmpty());
}

TEST_F(Level, EncryptedSetsAreKeptByTheNeighbourAsTheyAreAndNeedTheKey) {
  const Nodes nodes{0, 1};
  writing_.key = *key_of_hex(std::string(64, '7'), "test");
  writing_.digest = DigestKind::crc32c;
  seal(nodes, sample_header(8));
  const auto stored = read_file(shard(0, 8, 0));
  ASSERT_TRUE(stored);
  EXPECT_EQ(read_file(shard(1, 8, 0)), *stored);
  EXPECT_EQ(stored->find("HDF"), std::string::npos);
  lose(0);
  EXPECT_EQ(restore(nodes).name, "memory/gen-000008");
  writing_.key = std::nullopt;
  on_nodes(nodes, [&](Communicator& comm, CheckpointStore& store, LevelStore& level) {
    std::vector<RejectedSet> rejected;
    LevelStore* const levels[] = {&level};
    const auto found =
        store.restore_newest(comm, sample_header(0).facts, JobId{1}, rejected, levels);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Code::mismatch) << "a wrong key is no damage";
  });
}

TEST_F(Level, RemoveTakesTheFoldersAway) {
  seal({0, 1}, sample_header(1));
  on_nodes({0, 1}, [&](Communicator& comm, CheckpointStore&, LevelStore& level) {
    EXPECT_TRUE(level.remove(comm));
  });
  EXPECT_FALSE(path_exists(folder(0)));
  EXPECT_FALSE(path_exists(folder(1)));
}

/// fsync does nothing; the calls on some paths fail, from one on for ever.
class Dying : public System {
 public:
  explicit Dying(int dies_at) : dies_at_(dies_at) { replace_system_calls(this); }
  Dying(const Dying&) = delete;
  Dying& operator=(const Dying&) = delete;
  ~Dying() override { replace_system_calls(nullptr); }
  int calls() const { return calls_; }

  int open(const char* path, int flags, mode_t mode) override {
    return is_dead() ? -1 : System::open(path, flags, mode);
  }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    return is_dead() ? -1 : System::write(fd, data, size);
  }
  int fallocate(int fd, off_t size) override {
    return is_dead() ? -1 : System::fallocate(fd, size);
  }
  int fsync(int) override { return is_dead() ? -1 : 0; }
  int rename(const char* from, const char* to) override {
    return is_dead() ? -1 : System::rename(from, to);
  }
  int mkdir(const char* path, mode_t mode) override {
    return is_dead() ? -1 : System::mkdir(path, mode);
  }
  int unlink(const char* path) override { return is_dead() ? -1 : System::unlink(path); }
  int rmdir(const char* path) override { return is_dead() ? -1 : System::rmdir(path); }

 private:
  bool is_dead() {
    errno = EIO;
    return ++calls_ >= dies_at_;
  }
  const int dies_at_;
  std::atomic<int> calls_{0};
};

TEST_F(Level, DeathAtAnyCallOfASealLeavesTheSetBeforeOrTheNewOne) {
  const Nodes nodes{0, 0, 1};
  int outcomes[2] = {0, 0};  // the set before, the new one
  for (int call = 1;; ++call) {
    for (const int node : {0, 1}) lose(node);
    seal(nodes, sample_header(1));
    bool is_sealed = false;
    int calls = 0;
    on_nodes(nodes, [&](Communicator& comm, CheckpointStore&, LevelStore& level) {
      std::optional<Dying> dying;
      if (comm.rank() == 0) dying.emplace(call);
      ASSERT_TRUE(comm.barrier());
      const auto sealed = seal_level(comm, level, sample_header(2));
      ASSERT_TRUE(comm.barrier());
      if (comm.rank() == 0) {
        is_sealed = sealed.has_value();
        calls = dying->calls();
      }
    });
    const std::string name = restore(nodes).name;
    if (is_sealed) {
      EXPECT_EQ(name, "memory/gen-000002") << call;
    } else {
      EXPECT_THAT(name, testing::AnyOf("memory/gen-000001", "memory/gen-000002")) << call;
    }
    ++outcomes[name == "memory/gen-000002"];
    if (calls < call) break;
  }
  EXPECT_GT(outcomes[0], 10);
  EXPECT_GT(outcomes[1], 0);
}

TEST_F(Level, ADiskThatIsFullOnOneNodeFailsTheSealEverywhereAndNothingElse) {
  const Nodes nodes{0, 1};
  seal(nodes, sample_header(1));
  class Full : public System {
   public:
    explicit Full(std::string where) : where_(std::move(where)) { replace_system_calls(this); }
    ~Full() override { replace_system_calls(nullptr); }
    int open(const char* path, int flags, mode_t mode) override {
      if (std::string_view(path).starts_with(where_) && (flags & O_CREAT) != 0) {
        errno = ENOSPC;
        return -1;
      }
      return System::open(path, flags, mode);
    }

   private:
    std::string where_;
  };
  on_nodes(nodes, [&](Communicator& comm, CheckpointStore&, LevelStore& level) {
    std::optional<Full> full;
    if (comm.rank() == 0) full.emplace(folder(1));
    ASSERT_TRUE(comm.barrier());
    EXPECT_EQ(seal_level(comm, level, sample_header(2)).error().code, Code::storage_io);
    ASSERT_TRUE(comm.barrier());
    full.reset();
    ASSERT_TRUE(comm.barrier());
    EXPECT_TRUE(seal_level(comm, level, sample_header(3)));
  });
  EXPECT_THAT(*list_directory(folder(0)), ElementsAre("gen-000001", "gen-000003"));
  EXPECT_EQ(restore(nodes).name, "memory/gen-000003");
}

class LevelFolder : public CheckpointTest {
 protected:
  void SetUp() override {
    CheckpointTest::SetUp();
    ASSERT_TRUE(make_directories(dir_));
  }
  std::string user() const { return root_ + "/sovren-checkpoints-" + std::to_string(::geteuid()); }
};

TEST_F(LevelFolder, IsNamedByPathAndIdAndForThisUserOnly) {
  const auto id = level_id(dir_);
  ASSERT_TRUE(id);
  EXPECT_THAT(*id, SizeIs(16));
  EXPECT_EQ(level_id(dir_), *id) << "it stays";
  const auto folder = level_folder(root_, dir_, *id);
  ASSERT_TRUE(folder);
  EXPECT_EQ(level_folder(root_, dir_ + "/../checkpoints/", *id), *folder);
  ASSERT_TRUE(prepare_level_folder(*folder));
  struct stat status {};
  ASSERT_EQ(::stat(user().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  ASSERT_EQ(::stat(folder->c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  ASSERT_TRUE(write_file_atomic(dir_ + "/NODES", "garbage\n"));
  EXPECT_NE(level_id(dir_), *id);
}

TEST_F(LevelFolder, WhereOthersMayWriteIsRefused) {
  ASSERT_TRUE(make_directories(user()));
  ASSERT_EQ(::chmod(user().c_str(), 0770), 0);
  const auto refused = prepare_level_folder(*level_folder(root_, dir_, *level_id(dir_)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::storage_io);
  EXPECT_THAT(refused.error().what, HasSubstr("only this user"));
}

TEST_F(LevelFolder, ADirectoryMadeAnewIsNotThatOneBeforeAndOldFoldersGo) {
  const std::string before = *level_folder(root_, dir_, *level_id(dir_));
  ASSERT_TRUE(prepare_level_folder(before));
  for (const char* const other : {"/00000000000000aa-0", "/00000000000000bb-0"})
    ASSERT_TRUE(make_directories(user() + other));
  const timespec old[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (user() + "/00000000000000aa-0").c_str(), old, 0), 0);
  ASSERT_TRUE(remove_tree(dir_));
  ASSERT_TRUE(make_directories(dir_));
  const std::string now = *level_folder(root_, dir_, *level_id(dir_));
  EXPECT_NE(now, before);
  ASSERT_TRUE(prepare_level_folder(now));
  EXPECT_THAT(*list_directory(user()),
              testing::UnorderedElementsAre("00000000000000bb-0", now.substr(now.rfind('/') + 1)));
}

}  // namespace
}  // namespace sovren::storage
