// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/unit/storage_checkpoint/sample.h"
#include "tests/unit/storage_file/failing_system.h"

namespace sovren::storage {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Seal : public CheckpointTest {};

TEST_F(Seal, RoundTripsEveryDtypeOddSizesAndEmptyArrays) {
  const auto sealed = seal_sample(dir_, sample_header(120));
  ASSERT_TRUE(sealed) << to_text(sealed.error());
  EXPECT_EQ(sealed->name, "gen-000120");
  EXPECT_EQ(sealed->path, dir_ + "/gen-000120");
  EXPECT_EQ(sealed->shards, 1);
  EXPECT_EQ(sealed->header.step, 120);
  EXPECT_EQ(sealed->arrays.size(), sample_state(0).size());
  EXPECT_GT(sealed->size_bytes, 0);
  EXPECT_GT(sealed->seal_s, 0);
  EXPECT_GT(sealed->write_s, 0);
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored) << to_text(restored.error());
  ASSERT_TRUE(restored->result);
  EXPECT_EQ(restored->result->set.header.step, 120);
  EXPECT_EQ(restored->result->set.header.kind, "sample");
  EXPECT_EQ(restored->result->set.header.facts, sample_header(0).facts);
  expect_state(*restored->result->reader, sample_state(120));
}

TEST_F(Seal, LeavesOnlyTheSetBehind) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  EXPECT_THAT(*list_directory(dir_), ElementsAre("LOCK", "gen-000001"));
  EXPECT_THAT(*list_directory(dir_ + "/gen-000001"),
              ElementsAre("MANIFEST.json", "shard-00000.h5"));
}

TEST_F(Seal, AStepSealedAgainGetsANameOfItsOwnAndIsTheNewest) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(5, 1)));
  const auto again = seal_sample(dir_, sample_header(5, 2));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->name, "gen-000005-2");
  const auto third = seal_sample(dir_, sample_header(5, 2));
  ASSERT_TRUE(third);
  EXPECT_EQ(third->name, "gen-000005-3");
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->set.name, "gen-000005-3");
}

TEST_F(Seal, JoinsTheSlabsOfOneRankAndNamesSeparateOnes) {
  const std::vector<double> values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::span<const double> all(values);
  workers::run_on_threads(2, 60, [&](Communicator& comm) {
    auto store = CheckpointStore::open(dir_);
    const auto sealed =
        store->seal(comm, sample_header(1), [&](StateWriter& writer) -> Result<void> {
          const auto put = [&](std::int64_t first, std::size_t count) {
            return writer.put<double>("x", {10}, {first, static_cast<std::int64_t>(count)},
                                      all.subspan(static_cast<std::size_t>(first), count));
          };
          if (comm.rank() == 0) {
            SOVREN_DO(put(8, 2));
            SOVREN_DO(put(2, 1));
            return put(0, 2);
          }
          return put(3, 5);
        });
    EXPECT_TRUE(sealed) << to_text(sealed.error());
  });
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->reader->get_all<double>("x"), values);
  EXPECT_EQ(restored->result->reader->get_rows<double>("x", {2, 7}),
            std::vector<double>(values.begin() + 2, values.begin() + 9));
}

TEST_F(Seal, ASetWithoutAnyRowsHasNoShard) {
  auto store = CheckpointStore::open(dir_);
  const auto comm = workers::make_self_communicator();
  const auto sealed = store->seal(*comm, sample_header(3), [](StateWriter& writer) {
    return writer.put_all<double>("empty", {});
  });
  ASSERT_TRUE(sealed) << to_text(sealed.error());
  EXPECT_EQ(sealed->shards, 0);
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->reader->get_all<double>("empty"), std::vector<double>());
}

TEST_F(Seal, RefusesRowsPutTwiceOrByNoRankAndLeavesNothing) {
  const std::vector<float> values{1, 2, 3, 4};
  const auto failure_of = [&](Rows first, Rows second) {
    Error error;
    workers::run_on_threads(2, 60, [&](Communicator& comm) {
      auto store = CheckpointStore::open(dir_);
      const Rows mine = comm.rank() == 0 ? first : second;
      const auto sealed = store->seal(comm, sample_header(1), [&](StateWriter& writer) {
        return writer.put<float>(
            "x", {4}, mine,
            std::span<const float>(values).first(static_cast<std::size_t>(mine.count)));
      });
      ASSERT_FALSE(sealed);
      EXPECT_EQ(sealed.error().code, Code::bug);
      if (comm.rank() == 1) error = sealed.error();
    });
    return error.what;
  };
  EXPECT_EQ(failure_of({0, 2}, {1, 3}), "row 1 of 'x' was put twice");
  EXPECT_EQ(failure_of({0, 4}, {0, 4}), "row 0 of 'x' was put twice");
  EXPECT_EQ(failure_of({0, 1}, {2, 2}), "row 1 of 'x' was put by no rank");
  EXPECT_EQ(failure_of({0, 1}, {1, 2}), "row 3 of 'x' was put by no rank");
  EXPECT_EQ(failure_of({1, 1}, {2, 2}), "row 0 of 'x' was put by no rank");
  EXPECT_THAT(*list_directory(dir_), IsEmpty());
}

TEST_F(Seal, RefusesImpossibleArrays) {
  auto store = CheckpointStore::open(dir_);
  const auto comm = workers::make_self_communicator();
  const std::vector<float> one{1};
  const auto code_of = [&](const std::string& array, std::vector<std::int64_t> shape, Rows rows) {
    const auto sealed = store->seal(*comm, sample_header(1), [&](StateWriter& writer) {
      return writer.put<float>(array, shape, rows, std::span<const float>(one));
    });
    return sealed ? std::string("sealed") : std::string(name(sealed.error().code));
  };
  for (const char* name : {"", "/x", "x/", "a//b", "../x", "a/../b", "a@1", "a b", "."})
    EXPECT_EQ(code_of(name, {1}, {0, 1}), "bug") << name;
  EXPECT_EQ(code_of("x", {}, {0, 1}), "bug");
  EXPECT_EQ(code_of("x", {1, 1, 1, 1, 1, 1, 1, 1, 1}, {0, 1}), "bug");
  EXPECT_EQ(code_of("x", {-1}, {0, 1}), "bug");
  EXPECT_EQ(code_of("x", {1}, {1, 1}), "bug");
  EXPECT_EQ(code_of("x", {1}, {-1, 1}), "bug");
  EXPECT_EQ(code_of("x", {2}, {0, 2}), "bug");
  EXPECT_EQ(code_of("x", {std::int64_t{1} << 40, std::int64_t{1} << 40}, {0, 1}), "bug");
  EXPECT_EQ(code_of("x", {1}, {0, 1}), "sealed");
}

TEST_F(Seal, AFailureOnOneRankIsTheSameEverywhereAndLeavesOlderSetsAlone) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  std::array<std::string, 3> texts;
  workers::run_on_threads(3, 60, [&](Communicator& comm) {
    auto store = CheckpointStore::open(dir_);
    const auto sealed =
        store->seal(comm, sample_header(2), [&](StateWriter& writer) -> Result<void> {
          if (comm.rank() == 1)
            return fail({.code = Code::device, .what = "the copy failed", .hint = "", .where = ""});
          return put_share(writer, sample_state(2), comm.rank(), comm.size());
        });
    ASSERT_FALSE(sealed);
    EXPECT_EQ(sealed.error().code, Code::device);
    texts[static_cast<std::size_t>(comm.rank())] = to_text(sealed.error());
  });
  EXPECT_THAT(texts[0], HasSubstr("the copy failed (while on rank 1)"));
  EXPECT_EQ(texts[0], texts[1]);
  EXPECT_EQ(texts[0], texts[2]);
  EXPECT_THAT(*list_directory(dir_), ElementsAre("LOCK", "gen-000001"));
}

TEST_F(Seal, ADiskErrorAtAnyCallAbandonsTheSetAndTheNextSealWorks) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  for (const std::string failing : {"open", "write", "fsync", "rename"})
    for (int number = 1; number <= 4; ++number) {
      Result<SetInfo> sealed;
      bool has_failed = false;
      {
        FailingSystem system([&](const std::string& call, int n) {
          const bool fails = call == failing && n == number;
          has_failed = has_failed || fails;
          return fails ? EIO : 0;
        });
        sealed = seal_sample(dir_, sample_header(2));
      }
      if (!has_failed) {
        EXPECT_TRUE(sealed);
        ASSERT_TRUE(remove_tree(sealed->path));
        break;
      }
      ASSERT_FALSE(sealed) << failing << number;
      EXPECT_EQ(sealed.error().code, Code::storage_io);
      EXPECT_THAT(sealed.error().what, HasSubstr("EIO"));
      EXPECT_THAT(*list_directory(dir_), ElementsAre("LOCK", "gen-000001")) << failing << number;
    }
  EXPECT_TRUE(seal_sample(dir_, sample_header(2)));
}

TEST_F(Seal, StartedSealsWriteWhileTheJobChangesItsState) {
  auto store = CheckpointStore::open(dir_);
  const auto comm = workers::make_self_communicator();
  std::vector<double> state(200'000, 1.0);
  auto pending = store->start_seal(*comm, sample_header(7), [&](StateWriter& writer) {
    return writer.put_all<double>("x", state);
  });
  ASSERT_TRUE(pending);
  std::fill(state.begin(), state.end(), 2.0);
  const auto sealed = store->finish_seal(*comm, std::move(*pending));
  ASSERT_TRUE(sealed);
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->reader->get_all<double>("x"), std::vector<double>(200'000, 1.0));
}

TEST_F(Seal, AStartedSealThatIsDroppedIsSweptByPrune) {
  auto store = CheckpointStore::open(dir_);
  const auto comm = workers::make_self_communicator();
  const std::vector<double> state(10, 1.0);
  const auto fill = [&](StateWriter& writer) { return writer.put_all<double>("x", state); };
  {
    const auto pending = store->start_seal(*comm, sample_header(7), fill);
    ASSERT_TRUE(pending);
    ASSERT_TRUE(store->prune({.keep = 1}, JobId{1}, 1));
    EXPECT_THAT(*list_directory(dir_), Contains(HasSubstr(".tmp-1-"))) << "in use: left alone";
  }
  ASSERT_TRUE(store->prune({.keep = 1}, JobId{1}, 1));
  EXPECT_THAT(*list_directory(dir_), IsEmpty());
}

TEST_F(Seal, TheFenceKeepsEarlierAttemptsAndJobsFromSealing) {
  auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(store->raise_fence(JobId{1}, 2));
  ASSERT_TRUE(store->raise_fence(JobId{1}, 2)) << "the same attempt may say so again";
  const auto zombie = seal_sample(dir_, sample_header(9, 1));
  ASSERT_FALSE(zombie);
  EXPECT_EQ(zombie.error().code, Code::fenced);
  EXPECT_TRUE(seal_sample(dir_, sample_header(9, 2)));
  ASSERT_TRUE(store->raise_fence(JobId{2}, 1));
  EXPECT_FALSE(seal_sample(dir_, sample_header(10, 5, 1)));
  EXPECT_TRUE(seal_sample(dir_, sample_header(10, 1, 2)));
  EXPECT_EQ(store->raise_fence(JobId{1}, 9).error().code, Code::fenced);
  EXPECT_EQ(store->prune({.keep = 1}, JobId{1}, 9).error().code, Code::fenced);
}

TEST_F(Seal, TheFenceStopsASealThatIsUnderWay) {
  auto zombie = CheckpointStore::open(dir_);
  auto heir = CheckpointStore::open(dir_);
  const auto comm = workers::make_self_communicator();
  const std::vector<double> state(10, 1.0);
  auto pending = zombie->start_seal(*comm, sample_header(7, 1), [&](StateWriter& writer) {
    return writer.put_all<double>("x", state);
  });
  ASSERT_TRUE(pending);
  ASSERT_TRUE(heir->raise_fence(JobId{1}, 2));
  const auto sealed = zombie->finish_seal(*comm, std::move(*pending));
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code, Code::fenced);
  EXPECT_THAT(*list_directory(dir_), ElementsAre("FENCE", "LOCK"));
}

TEST_F(Seal, ASealThatItsHeirHasSweptIsFencedToo) {
  auto zombie = CheckpointStore::open(dir_);
  auto heir = CheckpointStore::open(dir_);
  const auto comm = workers::make_self_communicator();
  const std::vector<double> state(10, 1.0);
  auto pending = zombie->start_seal(*comm, sample_header(7, 1), [&](StateWriter& writer) {
    return writer.put_all<double>("x", state);
  });
  ASSERT_TRUE(pending);
  ASSERT_TRUE(heir->raise_fence(JobId{1}, 2));
  ASSERT_TRUE(heir->prune({.keep = 1}, JobId{1}, 2));
  const auto sealed = zombie->finish_seal(*comm, std::move(*pending));
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code, Code::fenced) << "and not that a file has gone";
}

TEST_F(Seal, PruneKeepsTheNewestAndSweepsWhatIsHalfWritten) {
  for (std::int64_t step = 1; step <= 5; ++step)
    ASSERT_TRUE(seal_sample(dir_, sample_header(step)));
  ASSERT_TRUE(make_directories(dir_ + "/gen-000006.tmp-1-abc"));
  ASSERT_TRUE(write_file_atomic(dir_ + "/gen-000006.tmp-1-abc/shard-00000.h5", "half"));
  auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(store->prune({.keep = 2}, JobId{1}, 1));
  EXPECT_THAT(*list_directory(dir_), ElementsAre("LOCK", "gen-000004", "gen-000005"));
  ASSERT_TRUE(store->prune({.keep = 0}, JobId{1}, 1));
  EXPECT_THAT(*list_directory(dir_), ElementsAre("LOCK", "gen-000005")) << "one always stays";
}

TEST_F(Seal, PruneNeverCountsADamagedSetAsKept) {
  for (std::int64_t step = 1; step <= 3; ++step)
    ASSERT_TRUE(seal_sample(dir_, sample_header(step)));
  ASSERT_TRUE(write_file_atomic(dir_ + "/gen-000003/shard-00000.h5", "short"));
  auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(store->prune({.keep = 1}, JobId{1}, 1));
  EXPECT_THAT(*list_directory(dir_), ElementsAre("LOCK", "gen-000002", "gen-000003"));
}

TEST_F(Seal, ListsNewestFirstAndNamesWhatItCannotRead) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(10, 1)));
  ASSERT_TRUE(seal_sample(dir_, sample_header(20, 1)));
  ASSERT_TRUE(seal_sample(dir_, sample_header(15, 2)));
  ASSERT_TRUE(make_directories(dir_ + "/gen-000099"));
  std::vector<RejectedSet> rejected;
  const auto sets = list_sets(dir_, rejected);
  ASSERT_TRUE(sets);
  std::vector<std::string> names;
  for (const SetInfo& set : *sets) names.push_back(set.name);
  EXPECT_THAT(names, ElementsAre("gen-000015", "gen-000020", "gen-000010")) << "by attempt first";
  ASSERT_EQ(rejected.size(), 1U);
  EXPECT_EQ(rejected[0].name, "gen-000099");
  EXPECT_THAT(*list_sets(root_ + "/none", rejected), IsEmpty());
}

TEST_F(Seal, VerifyReadsEveryByte) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  const auto verified = verify_set(dir_ + "/gen-000001/");
  ASSERT_TRUE(verified) << to_text(verified.error());
  EXPECT_EQ(verified->name, "gen-000001");
  EXPECT_EQ(verify_set(dir_ + "/gen-000002").error().code, Code::not_found);
}

}  // namespace
}  // namespace sovren::storage
