// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

struct Ranks {
  int writing;
  int reading;
};

class Elastic : public CheckpointTest, public testing::WithParamInterface<Ranks> {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "sovren-elastic-" + std::to_string(::getpid()) + "-" +
            std::to_string(GetParam().writing) + std::to_string(GetParam().reading);
    ASSERT_TRUE(remove_tree(root_));
    dir_ = root_ + "/checkpoints";
  }
};

TEST_P(Elastic, AnyRankCountReadsWhatAnyOtherWrote) {
  for (const std::int64_t scale : {1, 3}) {
    const auto header = sample_header(scale);
    const auto state = sample_state(header.step, scale);
    workers::run_on_threads(GetParam().writing, 60, [&](Communicator& comm) {
      auto mine = CheckpointStore::open(dir_);
      ASSERT_TRUE(mine);
      const auto sealed = seal_sample(*mine, comm, header, scale);
      ASSERT_TRUE(sealed) << to_text(sealed.error());
      EXPECT_EQ(sealed->shards, GetParam().writing);
    });
    workers::run_on_threads(GetParam().reading, 60, [&](Communicator& comm) {
      auto mine = CheckpointStore::open(dir_);
      std::vector<RejectedSet> rejected;
      const auto restored = mine->restore_newest(comm, header.facts, JobId{1}, rejected);
      ASSERT_TRUE(restored) << to_text(restored.error());
      ASSERT_TRUE(*restored);
      EXPECT_EQ((*restored)->set.header.step, header.step);
      StateReader& reader = *(*restored)->reader;
      for (const SampleArray& array : state) {
        const std::int64_t length = array.info.shape[0];
        const Rows rows = share(length, comm.rank(), comm.size());
        const std::size_t row_bytes =
            length == 0 ? 0 : array.bytes.size() / static_cast<std::size_t>(length);
        std::vector<std::byte> bytes(static_cast<std::size_t>(rows.count) * row_bytes);
        const auto got = reader.get(array.info.name, array.info.dtype, rows, bytes);
        ASSERT_TRUE(got) << to_text(got.error());
        EXPECT_TRUE(std::equal(
            bytes.begin(), bytes.end(),
            array.bytes.begin() +
                static_cast<std::ptrdiff_t>(static_cast<std::size_t>(rows.first) * row_bytes)))
            << array.info.name;
      }
      expect_state(reader, state);
    });
  }
}

std::vector<Ranks> all_pairs() {
  std::vector<Ranks> pairs;
  for (int writing = 1; writing <= 4; ++writing)
    for (int reading = 1; reading <= 4; ++reading) pairs.push_back({writing, reading});
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(OneToFour, Elastic, testing::ValuesIn(all_pairs()), [](const auto& test) {
  return std::to_string(test.param.writing) + "to" + std::to_string(test.param.reading);
});

TEST_F(CheckpointTest, TheStateOfASetDoesNotDependOnWhoWroteIt) {
  // Rows of 5 MiB: slabs and blocks of the checksums cross each other in every way.
  const std::vector<std::int64_t> shape{7, 5 << 17};
  std::vector<double> values(7 * (5 << 17));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  workers::run_on_threads(3, 60, [&](Communicator& comm) {
    auto store = CheckpointStore::open(dir_);
    const Rows rows = share(7, comm.rank(), 3);
    const auto sealed = store->seal(comm, sample_header(1), [&](StateWriter& writer) {
      return writer.put<double>(
          "x", shape, rows,
          std::span<const double>(values).subspan(static_cast<std::size_t>(rows.first * shape[1]),
                                                  static_cast<std::size_t>(rows.count * shape[1])));
    });
    ASSERT_TRUE(sealed) << to_text(sealed.error());
  });
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_TRUE(restored->result->reader->get_all<double>("x") == values);
}

}  // namespace
}  // namespace sovren::storage
