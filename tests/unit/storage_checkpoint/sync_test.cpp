// SPDX-License-Identifier: Apache-2.0
// Sets that are written without a copy of the state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>

#include "storage/checkpoint/staging.h"
#include "tests/unit/storage_checkpoint/sample.h"
#include "tests/unit/storage_file/failing_system.h"

namespace sovren::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const StoreSetting sync_setting{.writing = StoreSetting::Writing::sync};
constexpr std::int64_t large = 3000;  // scale: some arrays are of megabytes, some small

class Sync : public CheckpointTest {
 protected:
  /// Seals the sample state of step 1 into a folder of this name.
  Result<SetInfo> seal(const std::string& folder, const StoreSetting& setting, int ranks) {
    Result<SetInfo> of_rank_0;
    workers::run_on_threads(ranks, 60, [&](Communicator& comm) {
      auto store = CheckpointStore::open(root_ + "/" + folder, setting);
      auto sealed = seal_sample(*store, comm, sample_header(1), large);
      if (comm.rank() == 0) of_rank_0 = std::move(sealed);
    });
    return of_rank_0;
  }
};

TEST_F(Sync, WritesTheSameShardsAsFromCopies) {
  for (const int ranks : {1, 3}) {
    const std::string number = std::to_string(ranks);
    const auto copied = seal("copied" + number, {}, ranks);
    const auto streamed = seal("streamed" + number, sync_setting, ranks);
    ASSERT_TRUE(copied) << to_text(copied.error());
    ASSERT_TRUE(streamed) << to_text(streamed.error());
    ASSERT_EQ(streamed->shards, ranks);
    for (int rank = 0; rank < ranks; ++rank) {
      const std::string name = "/shard-0000" + std::to_string(rank) + ".h5";
      EXPECT_TRUE(read_file(copied->path + name).value() ==
                  read_file(streamed->path + name).value())
          << rank << " of " << ranks;
    }
    const auto restored = restore_sample(root_ + "/streamed" + number);
    ASSERT_TRUE(restored && restored->result);
    expect_state(*restored->result->reader, sample_state(1, large));
  }
}

/// Sums what is written from within the given memory.
class SourceSystem : public System {
 public:
  explicit SourceSystem(std::span<const std::byte> memory) : memory_(memory) {
    replace_system_calls(this);
  }
  SourceSystem(const SourceSystem&) = delete;
  SourceSystem& operator=(const SourceSystem&) = delete;
  ~SourceSystem() override { replace_system_calls(nullptr); }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    const ssize_t written = System::write(fd, data, size);
    const auto* const from = static_cast<const std::byte*>(data);
    if (written > 0 && std::less_equal<>()(memory_.data(), from) &&
        std::less<>()(from, memory_.data() + memory_.size()))
      from_memory += written;
    return written;
  }
  std::int64_t from_memory = 0;

 private:
  const std::span<const std::byte> memory_;
};

TEST_F(Sync, WritesFromTheMemoryOfTheJob) {
  const std::vector<double> state(300'000, 1.5);
  const auto comm = workers::make_self_communicator();
  const auto from_memory = [&](const StoreSetting& setting) {
    auto store = CheckpointStore::open(dir_, setting);
    const SourceSystem system(std::as_bytes(std::span(state)));
    EXPECT_TRUE(store->seal(*comm, sample_header(1), [&](StateWriter& writer) {
      return writer.put_all<double>("x", state);
    }));
    return system.from_memory;
  };
  EXPECT_EQ(from_memory(sync_setting), std::ssize(state) * 8);
  EXPECT_EQ(from_memory({}), 0);
}

TEST_F(Sync, StartWritesAllAndTheStateMayChangeThen) {
  auto store = CheckpointStore::open(dir_, sync_setting);
  const auto comm = workers::make_self_communicator();
  std::vector<double> state(200'000, 1.0);
  auto pending = store->start_seal(*comm, sample_header(7), [&](StateWriter& writer) {
    return writer.put_all<double>("x", state);
  });
  ASSERT_TRUE(pending);
  EXPECT_TRUE(pending->is_written());
  EXPECT_TRUE(pending->is_streamed());
  EXPECT_EQ(pending->copy_trouble(), "");
  std::fill(state.begin(), state.end(), 2.0);
  ASSERT_TRUE(store->finish_seal(*comm, std::move(*pending)));
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->reader->get_all<double>("x"), std::vector<double>(200'000, 1.0));
}

TEST_F(Sync, PutsInPiecesAndOfNothingAreWrittenAsOne) {
  auto store = CheckpointStore::open(dir_, sync_setting);
  const auto comm = workers::make_self_communicator();
  std::vector<double> state(30'000);
  for (std::size_t i = 0; i < state.size(); ++i) state[i] = static_cast<double>(i);
  const auto sealed =
      store->seal(*comm, sample_header(1), [&](StateWriter& writer) -> Result<void> {
        for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 10'000},
                                           {10'000, 0},
                                           {10'000, 7},
                                           {10'007, 19'993}})
          SOVREN_DO(writer.put<double>(
              "x", {30'000}, {static_cast<std::int64_t>(first), static_cast<std::int64_t>(count)},
              std::span<const double>(state).subspan(first, count)));
        return writer.put_all<double>("y", std::span<const double>(state).first(3000));
      });
  ASSERT_TRUE(sealed) << to_text(sealed.error());
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->reader->get_all<double>("x"), state);
}

TEST_F(Sync, RowsPutInAnotherOrderAreABugOnAllRanksAndLeaveNothing) {
  const std::vector<double> state(20'000, 1.0);
  const std::span<const double> all(state);
  using Fill = std::function<Result<void>(StateWriter&, int time)>;
  const auto failure_of = [&](const Fill& fill) {
    std::array<std::string, 2> whats;
    workers::run_on_threads(2, 60, [&](Communicator& comm) {
      auto store = CheckpointStore::open(dir_, sync_setting);
      int time = 0;
      const auto sealed =
          store->seal(comm, sample_header(1), [&](StateWriter& writer) -> Result<void> {
            SOVREN_DO(comm.barrier());
            if (comm.rank() == 1) SOVREN_DO(fill(writer, time++));
            return comm.barrier();
          });
      ASSERT_FALSE(sealed);
      EXPECT_EQ(sealed.error().code, Code::bug);
      whats[static_cast<std::size_t>(comm.rank())] = sealed.error().what;
    });
    EXPECT_EQ(whats[0], whats[1]);
    return whats[0];
  };
  const auto put = [&](StateWriter& writer, const char* name, std::int64_t first,
                       std::int64_t count) {
    return writer.put<double>(
        name, {20'000}, {first, count},
        all.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
  };
  EXPECT_THAT(failure_of([&](StateWriter& writer, int) -> Result<void> {
                SOVREN_DO(put(writer, "x", 10'000, 10'000));
                return put(writer, "x", 0, 10'000);
              }),
              HasSubstr("row 10000 of 'x' was put where row 0 of 'x' was to come"));
  EXPECT_THAT(failure_of([&](StateWriter& writer, int time) -> Result<void> {
                SOVREN_DO(put(writer, time == 0 ? "x" : "y", 0, 20'000));
                return put(writer, time == 0 ? "y" : "x", 0, 20'000);
              }),
              HasSubstr("row 0 of 'y' was put where row 0 of 'x' was to come"));
  EXPECT_THAT(failure_of([&](StateWriter& writer, int time) -> Result<void> {
                SOVREN_DO(put(writer, "x", 0, 10'000));
                return time == 0 ? put(writer, "x", 10'000, 10'000) : Result<void>();
              }),
              HasSubstr("the rows of 'x' were not all put the second time"));
  EXPECT_THAT(failure_of([&](StateWriter& writer, int time) -> Result<void> {
                SOVREN_DO(put(writer, "x", 0, 20'000));
                return time == 0 ? Result<void>() : put(writer, "x", 0, 20'000);
              }),
              HasSubstr("row 0 of 'x' was put where nothing was to come"));
  EXPECT_THAT(*list_directory(dir_), IsEmpty());
}

TEST_F(Sync, ADiskErrorOfOneRankIsTheSameOnAllAndNobodyWaitsInVain) {
  const std::vector<double> state(100'000, 1.0);
  auto store_0 = CheckpointStore::open(dir_, sync_setting);
  auto store_1 = CheckpointStore::open(dir_, sync_setting);
  ASSERT_TRUE(store_0 && store_1);
  for (const std::string failing : {"open", "write", "fsync"}) {
    // Rank 1 is the only one with a shard; the manifest is not reached.
    FailingSystem system([&](const std::string& call, int) { return call == failing ? EIO : 0; });
    std::array<std::string, 2> texts;
    workers::run_on_threads(2, 60, [&](Communicator& ranks) {
      auto& store = ranks.rank() == 0 ? store_0 : store_1;
      const auto sealed =
          store->seal(ranks, sample_header(1), [&](StateWriter& writer) -> Result<void> {
            for (const std::string name : {"a", "b", "c"}) {
              if (ranks.rank() == 1) SOVREN_DO(writer.put_all<double>(name, state));
              SOVREN_DO(ranks.barrier());
            }
            return {};
          });
      ASSERT_FALSE(sealed);
      EXPECT_EQ(sealed.error().code, Code::storage_io);
      texts[static_cast<std::size_t>(ranks.rank())] = to_text(sealed.error());
    });
    EXPECT_THAT(texts[0], HasSubstr("EIO"));
    EXPECT_THAT(texts[0], HasSubstr("on rank 1"));
    EXPECT_EQ(texts[0], texts[1]);
    EXPECT_THAT(*list_directory(dir_), IsEmpty()) << failing;
  }
}

TEST_F(Sync, AStateThatHasOutgrownTheCopyMemoryIsWrittenWithoutCopies) {
  std::array<std::string, 3> troubles;
  workers::run_on_threads(3, 60, [&](Communicator& comm) {
    // Rank 0 is the only one that has to do without.
    auto store = CheckpointStore::open(
        dir_, {.copy_memory_bytes = comm.rank() == 0 ? std::int64_t{1} << 20 : 0});
    const auto fits = sample_state(1, 100), grown = sample_state(2, large);
    const auto start = [&](std::int64_t step, const std::vector<SampleArray>& state) {
      return store->start_seal(comm, sample_header(step), [&](StateWriter& writer) {
        return put_share(writer, state, comm.rank(), comm.size());
      });
    };
    auto first = start(1, fits);
    ASSERT_TRUE(first);
    EXPECT_FALSE(first->is_streamed());
    EXPECT_EQ(first->copy_trouble(), "");
    ASSERT_TRUE(store->finish_seal(comm, std::move(*first)));
    auto second = start(2, grown);
    ASSERT_TRUE(second);
    EXPECT_TRUE(second->is_streamed());
    troubles[static_cast<std::size_t>(comm.rank())] = second->copy_trouble();
    const auto sealed = store->finish_seal(comm, std::move(*second));
    ASSERT_TRUE(sealed) << to_text(sealed.error());
  });
  EXPECT_THAT(troubles[0], HasSubstr("on rank 0 a copy of the state takes 2MiB"));
  EXPECT_THAT(troubles[0], HasSubstr(", and copy_memory is 1MiB"));
  EXPECT_EQ(troubles[0], troubles[1]);
  EXPECT_EQ(troubles[0], troubles[2]);
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->set.header.step, 2);
  expect_state(*restored->result->reader, sample_state(2, large));
}

TEST_F(Sync, AStateThatDoesNotFitFromTheStartIsRefusedOnAllRanks) {
  std::array<Error, 2> errors;
  workers::run_on_threads(2, 60, [&](Communicator& comm) {
    auto store = CheckpointStore::open(
        dir_, {.copy_memory_bytes = comm.rank() == 1 ? std::int64_t{1} << 20 : 0});
    const auto state = sample_state(1, large);
    const auto prepared = store->prepare(comm, [&](StateWriter& writer) {
      return put_share(writer, state, comm.rank(), comm.size());
    });
    ASSERT_FALSE(prepared);
    errors[static_cast<std::size_t>(comm.rank())] = prepared.error();
  });
  EXPECT_EQ(errors[0].code, Code::refused);
  EXPECT_EQ(errors[0].what,
            "checkpoints do not fit into their memory: a copy of the state takes 2MiB, and "
            "copy_memory is 1MiB");
  EXPECT_THAT(errors[0].hint, HasSubstr("copy_memory = \"2MiB\""));
  EXPECT_THAT(errors[0].hint, HasSubstr("mode = \"sync\""));
  EXPECT_EQ(errors[0], errors[1]);
  EXPECT_THAT(*list_directory(dir_), IsEmpty());
}

TEST_F(Sync, WhatFitsExactlyIsCopied) {
  const std::vector<double> state(std::size_t{1} << 17, 1.0);  // 1 MiB
  const auto comm = workers::make_self_communicator();
  const auto fill = [&](StateWriter& writer) -> Result<void> {
    SOVREN_DO(writer.put_all<double>("x", state));
    return writer.put_all<double>("small", std::span<const double>(state).first(10));
  };
  const auto is_streamed = [&](std::int64_t copy_memory_bytes) {
    auto store = CheckpointStore::open(dir_, {.copy_memory_bytes = copy_memory_bytes});
    EXPECT_EQ(store->prepare(*comm, fill).has_value(), copy_memory_bytes >= 1 << 20);
    auto pending = store->start_seal(*comm, sample_header(1), fill);
    const bool answer = pending->is_streamed();
    EXPECT_TRUE(store->finish_seal(*comm, std::move(*pending)));
    return answer;
  };
  EXPECT_FALSE(is_streamed(1 << 20));
  EXPECT_TRUE(is_streamed((1 << 20) - 1));
}

TEST_F(Sync, WithoutCopiesNothingIsRefused) {
  auto store = CheckpointStore::open(
      dir_, {.writing = StoreSetting::Writing::sync, .copy_memory_bytes = 1 << 20});
  const auto comm = workers::make_self_communicator();
  EXPECT_TRUE(store->prepare(*comm, [](StateWriter&) -> Result<void> {
    return fail({.code = Code::bug, .what = "there is no need to ask"});
  }));
  EXPECT_TRUE(seal_sample(*store, *comm, sample_header(1), large));
}

TEST(Staging, PreparedMemoryIsThereWhenItIsTaken) {
  constexpr std::size_t size = std::size_t{40} << 20;
  StagingMemory memory;
  memory.prepare(size);
  const std::span<std::byte> taken = memory.take(size, page_bytes);
  ASSERT_EQ(taken.size(), size);
  std::vector<unsigned char> is_resident(size / page_bytes);
  ASSERT_EQ(::mincore(taken.data(), size, is_resident.data()), 0);
  const auto touched = std::count_if(is_resident.begin(), is_resident.end(),
                                     [](unsigned char page) { return (page & 1) != 0; });
  if (touched == 0) GTEST_SKIP() << "this kernel has no MADV_POPULATE_WRITE";
  EXPECT_EQ(touched, std::ssize(is_resident));
}

TEST(Staging, StartsLargeCopiesAtPagesAndGoesOnWhereTheLastEnded) {
  StagingMemory large_memory, small_memory;
  StagingWriter writer(&large_memory, small_memory);
  const std::vector<std::uint8_t> bytes(100'001, 1);
  const auto put = [&](const char* name, std::int64_t first, std::int64_t count) {
    ASSERT_TRUE(writer.put<std::uint8_t>(
        name, {100'001}, {first, count},
        std::span<const std::uint8_t>(bytes).subspan(static_cast<std::size_t>(first),
                                                     static_cast<std::size_t>(count))));
  };
  put("a", 0, 50'001);
  put("a", 50'001, 50'000);
  put("b", 0, 100'001);
  EXPECT_EQ(writer.needed_bytes(), 2 * 25 * 4096);
  const auto staged = writer.finish();
  ASSERT_TRUE(staged);
  for (const StagedArray& array : *staged) {
    ASSERT_EQ(array.slabs.size(), 1U);
    ASSERT_EQ(array.slabs[0].pieces.size(), 1U) << "one behind the other";
    EXPECT_EQ(array.slabs[0].pieces[0].size(), 100'001U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.slabs[0].pieces[0].data()) % page_bytes, 0U);
  }
}

}  // namespace
}  // namespace sovren::storage
