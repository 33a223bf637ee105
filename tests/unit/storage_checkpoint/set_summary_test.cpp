// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/set_summary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

using Number = ArraySummary::Number;
constexpr double inf = std::numeric_limits<double>::infinity();
const float nan = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

class Summary : public CheckpointTest {
 protected:
  /// Of a set of one rank with what `fill` puts.
  SetSummary of(const std::function<Result<void>(StateWriter&)>& fill) {
    auto store = CheckpointStore::open(dir_);
    const auto comm = workers::make_self_communicator();
    const auto sealed = store->seal(*comm, sample_header(3), fill);
    EXPECT_TRUE(sealed) << to_text(sealed.error());
    auto summary = summarize_set(sealed->path, {});
    EXPECT_TRUE(summary) << to_text(summary.error());
    return std::move(summary).value();
  }
};

TEST_F(Summary, CountsWhatIsNoNumberAndTakesRangesOfTheRest) {
  const std::vector<float> mixed{1, nan, -3, static_cast<float>(inf), nan, 8};
  const std::vector<double> none{nan, -inf};
  const SetSummary set = of([&](StateWriter& writer) -> Result<void> {
    SOVREN_DO(writer.put_all<float>("mixed", mixed));
    return writer.put_all<double>("none", none);
  });
  ASSERT_EQ(set.arrays.size(), 2U);
  const ArraySummary& a = set.arrays[0];
  EXPECT_EQ(a.elements, 6);
  EXPECT_EQ(a.nans, 2);
  EXPECT_EQ(a.infinities, 1);
  EXPECT_EQ(a.least, Number(-3.0));
  EXPECT_EQ(a.greatest, Number(8.0));
  EXPECT_EQ(a.mean, 2);
  EXPECT_EQ(set.arrays[1].nans + set.arrays[1].infinities, 2);
  EXPECT_FALSE(set.arrays[1].least);
}

TEST_F(Summary, WholeNumbersStayWhole) {
  const std::vector<std::int64_t> cursor{huge, huge - 2};
  const std::vector<std::int32_t> low{std::numeric_limits<std::int32_t>::min(), 5};
  const std::vector<std::uint8_t> bytes{0, 255, 45};
  const SetSummary set = of([&](StateWriter& writer) -> Result<void> {
    SOVREN_DO(writer.put_all<std::uint8_t>("a", bytes));
    SOVREN_DO(writer.put_all<std::int64_t>("b", cursor));
    return writer.put_all<std::int32_t>("c", low);
  });
  EXPECT_EQ(set.arrays[0].greatest, Number(std::int64_t{255}));
  EXPECT_EQ(set.arrays[0].mean, 100);
  EXPECT_EQ(set.arrays[1].least, Number(huge - 2));
  EXPECT_EQ(set.arrays[1].greatest, Number(huge));
  EXPECT_EQ(set.arrays[2].least,
            Number(static_cast<std::int64_t>(std::numeric_limits<std::int32_t>::min())));
}

TEST_F(Summary, SeesConstantArraysAndEmptyOnes) {
  std::vector<double> flat(1000, 0.1);
  const std::vector<double> one{7}, zeros{0, 0, nan};
  const SetSummary set = of([&](StateWriter& writer) -> Result<void> {
    SOVREN_DO(writer.put_all<double>("empty", std::span<const double>()));
    SOVREN_DO(writer.put_all<double>("flat", flat));
    SOVREN_DO(writer.put_all<double>("one", one));
    return writer.put_all<double>("zeros", zeros);
  });
  EXPECT_EQ(set.arrays[0].elements, 0);
  EXPECT_FALSE(set.arrays[0].least);
  EXPECT_TRUE(set.arrays[1].is_constant);
  EXPECT_EQ(set.arrays[1].mean, 0.1) << "exactly";
  EXPECT_FALSE(set.arrays[2].is_constant) << "one number is no pattern";
  EXPECT_FALSE(set.arrays[3].is_constant) << "one of them is NaN";
}

// One row of 12 MB: the reader gives rows, and a row may be longer than memory.
TEST_F(Summary, ReadsLongRowsInPieces) {
  std::vector<double> row(1'500'000);
  std::iota(row.begin(), row.end(), 0.0);
  const SetSummary set = of([&](StateWriter& writer) {
    return writer.put<double>("row", {1, 1500, 1000}, {0, 1}, row);
  });
  const ArraySummary& all = set.arrays[0];
  EXPECT_EQ(all.info.shape, (std::vector<std::int64_t>{1, 1500, 1000}));
  EXPECT_EQ(all.elements, 1'500'000);
  EXPECT_EQ(all.least, Number(0.0));
  EXPECT_EQ(all.greatest, Number(1'499'999.0));
  EXPECT_EQ(all.mean, 749'999.5);
}

TEST_F(Summary, TheRanksOfASetMakeNoDifference) {
  const auto of_ranks = [&](int ranks, const std::string& name) {
    const auto state = sample_state(4, 100);
    workers::run_on_threads(ranks, 20, [&](Communicator& comm) {
      auto store = CheckpointStore::open(root_ + "/" + name);
      EXPECT_TRUE(store->seal(comm, sample_header(4), [&](StateWriter& writer) {
        return put_share(writer, state, comm.rank(), comm.size());
      }));
    });
    return summarize_set(root_ + "/" + name + "/gen-000004", {});
  };
  const auto one = of_ranks(1, "one"), three = of_ranks(3, "three");
  ASSERT_TRUE(one && three);
  ASSERT_EQ(one->arrays.size(), three->arrays.size());
  for (std::size_t i = 0; i < one->arrays.size(); ++i) {
    EXPECT_EQ(one->arrays[i].least, three->arrays[i].least);
    EXPECT_EQ(one->arrays[i].greatest, three->arrays[i].greatest);
    EXPECT_EQ(one->arrays[i].mean, three->arrays[i].mean) << one->arrays[i].info.name;
    EXPECT_EQ(one->arrays[i].nans, three->arrays[i].nans);
  }
}

TEST_F(Summary, EncryptedSetsNeedTheirKey) {
  const std::string digits(64, 'a');
  StoreSetting setting;
  setting.key = key_of_hex(digits, "a test").value();
  auto store = CheckpointStore::open(dir_, setting);
  const auto comm = workers::make_self_communicator();
  const std::vector<std::int32_t> numbers{4, 9};
  const auto sealed = store->seal(*comm, sample_header(3), [&](StateWriter& writer) {
    return writer.put_all<std::int32_t>("numbers", numbers);
  });
  ASSERT_TRUE(sealed) << to_text(sealed.error());
  EXPECT_EQ(summarize_set(sealed->path, {}).error().code, Code::mismatch);
  const auto summary = summarize_set(sealed->path, setting.key);
  ASSERT_TRUE(summary) << to_text(summary.error());
  EXPECT_TRUE(summary->is_encrypted);
  EXPECT_EQ(summary->arrays.at(0).greatest, Number(std::int64_t{9}));
  EXPECT_TRUE(describe_set(sealed->path)->is_encrypted);
}

TEST_F(Summary, DamageIsAnErrorAndTheManifestAloneStillTells) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  const std::string path = dir_ + "/gen-000001";
  auto bytes = read_file(path + "/shard-00000.h5");
  ASSERT_TRUE(bytes);
  (*bytes)[bytes->size() / 2] = static_cast<char>((*bytes)[bytes->size() / 2] ^ 4);
  ASSERT_TRUE(write_file_atomic(path + "/shard-00000.h5", *bytes));
  EXPECT_EQ(summarize_set(path, {}).error().code, Code::storage_corrupt);
  const auto described = describe_set(path + "/");
  ASSERT_TRUE(described);
  EXPECT_EQ(described->arrays.size(), sample_state(1).size());
  EXPECT_EQ(describe_set(dir_ + "/gen-000009").error().code, Code::not_found);
}

}  // namespace
}  // namespace sovren::storage
