// SPDX-License-Identifier: Apache-2.0
// Sets that earlier versions sealed: this one reads them all.
//
// When the format changes: add a name to golden_sets() below, and run this test once with
// SOVREN_TEST_WRITE_GOLDEN=$PWD/tests/golden/checkpoint, which seals the sets that are not there
// yet. Those that are there stay as they are: 1-without-time is of a version that wrote none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <ostream>

#include "tests/unit/storage_checkpoint/h5py.h"
#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

constexpr int ranks = 2;

/// A folder of tests/golden/checkpoint.
struct GoldenSet {
  std::string name;
  StoreSetting setting;
  bool has_time = true;  ///< and metrics: what was sealed at first has neither
};
void PrintTo(const GoldenSet& set, std::ostream* out) {
  *out << set.name;
}

/// 0, 1, ... 31: of the encrypted sets.
MasterKey golden_key() {
  MasterKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) key.bytes.at(i) = static_cast<std::byte>(i);
  key.source = "this test";
  return key;
}

std::vector<GoldenSet> golden_sets() {
  return {
      {.name = "1-without-time", .has_time = false},
      {"1-plain", {}},
      {"2-crc32c", {.digest = DigestKind::crc32c}},
      {"2-encrypted", {.key = golden_key()}},
  };
}

SetHeader golden_header(bool has_time = true) {
  SetHeader header{
      .job = JobId{7},
      .attempt = 2,
      .step = 120,
      .kind = "golden",
      .facts = {{"kind", "golden"}, {"golden.name", "Größe \"1/3\"\n"}, {"golden.alpha", "0.05"}},
      .sealed_at_s = 1795737600.25,
      .metrics = {{"val_loss", 1.0 / 3}, {"golden_steps", 120}}};
  if (!has_time) {
    header.sealed_at_s = 0;
    header.metrics.clear();
  }
  return header;
}

template <class T>
SampleArray array_of(const std::string& name, Dtype dtype, const std::vector<std::int64_t>& shape,
                     const std::function<T(std::int64_t)>& value) {
  std::int64_t count = 1;
  for (const std::int64_t length : shape) count *= length;
  std::vector<T> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(value(i));
  const auto bytes = std::as_bytes(std::span(values));
  return {{name, dtype, shape}, {bytes.begin(), bytes.end()}};
}

/// By formulas, in the order of the names.
std::vector<SampleArray> golden_state() {
  constexpr double inf = std::numeric_limits<double>::infinity();
  constexpr std::array special{0.0,
                               -0.0,
                               inf,
                               -inf,
                               std::numeric_limits<double>::denorm_min(),
                               std::numeric_limits<double>::lowest(),
                               0.1};
  return {
      array_of<std::int64_t>("cursor", Dtype::i64, {1},
                             [](auto) { return -(std::int64_t{1} << 53) - 1; }),
      array_of<float>("deep/er/still", Dtype::f32, {101},
                      [](auto i) { return static_cast<float>(i - 50) / 3; }),
      array_of<std::uint8_t>("flags", Dtype::u8, {13},
                             [](auto i) { return static_cast<std::uint8_t>(i * 37); }),
      array_of<std::int32_t>("mci/count", Dtype::i32, {7, 2},
                             [](auto i) { return static_cast<std::int32_t>(i * i * -1000003); }),
      array_of<double>("mci/val", Dtype::f64, {7, 3, 5},
                       [](auto i) { return 1 / static_cast<double>(i + 1); }),
      array_of<float>("no_columns", Dtype::f32, {5, 0, 3}, [](auto) { return 0.0F; }),
      array_of<double>("nothing", Dtype::f64, {0}, [](auto) { return 0.0; }),
      array_of<std::uint8_t>("odd", Dtype::u8, {3, 3, 3, 3},
                             [](auto i) { return static_cast<std::uint8_t>(255 - i); }),
      array_of<double>("special", Dtype::f64, {special.size()},
                       [&](auto i) { return special.at(static_cast<std::size_t>(i)); }),
      array_of<std::int64_t>("striped", Dtype::i64, {5, 2},
                             [](auto i) { return (i + 1) << (3 * i); }),
  };
}

/// The rows of a rank: a share of each array, and of one array every other row.
Result<void> put_golden(StateWriter& writer, int rank) {
  std::vector<SampleArray> state = golden_state();
  const SampleArray striped = std::move(state.back());
  state.pop_back();
  SOVREN_DO(put_share(writer, state, rank, ranks));
  const std::size_t row_bytes = striped.bytes.size() / 5;
  for (std::int64_t row = rank; row < 5; row += ranks)
    SOVREN_DO(writer.put(
        striped.info, {row, 1},
        std::span(striped.bytes).subspan(static_cast<std::size_t>(row) * row_bytes, row_bytes)));
  return {};
}

std::string golden_folder() {
  const char* source = std::getenv("SOVREN_SOURCE");
  return source == nullptr ? "" : source + std::string("/tests/golden/checkpoint");
}

class Golden : public testing::TestWithParam<GoldenSet> {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "sovren-golden-" + std::to_string(::getpid());
    dir_ = root_ + "/checkpoints";
    ASSERT_TRUE(remove_tree(root_));
    const std::string folder = golden_folder() + "/" + GetParam().name;
    if (const char* target = std::getenv("SOVREN_TEST_WRITE_GOLDEN"); target != nullptr)
      write(target + ("/" + GetParam().name));
    ASSERT_TRUE(path_exists(folder)) << folder;
    ASSERT_TRUE(make_directories(dir_));
    std::filesystem::copy(folder, dir_, std::filesystem::copy_options::recursive);
  }
  void TearDown() override { ASSERT_TRUE(remove_tree(root_)); }

  static void write(const std::string& folder) {
    if (path_exists(folder)) return;
    workers::run_on_threads(ranks, 60, [&](Communicator& comm) {
      if (comm.rank() == 0) {
        ASSERT_TRUE(make_directories(folder));
      }
      ASSERT_TRUE(comm.barrier());
      auto store = CheckpointStore::open(folder, GetParam().setting);
      ASSERT_TRUE(store) << to_text(store.error());
      const auto sealed = store->seal(comm, golden_header(), [&](StateWriter& writer) {
        return put_golden(writer, comm.rank());
      });
      ASSERT_TRUE(sealed) << to_text(sealed.error());
      EXPECT_EQ(sealed->name, "gen-000120");
    });
    std::filesystem::remove(folder + "/LOCK");
  }

  std::string root_;
  std::string dir_;
};

void expect_golden(const SetInfo& info, const SetHeader& header, const std::string& dir) {
  EXPECT_EQ(info.header.job, header.job);
  EXPECT_EQ(info.header.attempt, header.attempt);
  EXPECT_EQ(info.header.step, header.step);
  EXPECT_EQ(info.header.kind, header.kind);
  EXPECT_EQ(info.header.facts, header.facts);
  EXPECT_EQ(info.header.sealed_at_s, header.sealed_at_s);
  EXPECT_EQ(info.header.metrics, header.metrics);
  EXPECT_EQ(info.name, "gen-000120");
  EXPECT_EQ(info.path, dir + "/gen-000120");
  EXPECT_EQ(info.shards, ranks);
  std::vector<std::string> names;
  for (const ArrayInfo& array : info.arrays) names.push_back(array.name);
  std::vector<std::string> wanted;
  for (const SampleArray& array : golden_state()) wanted.push_back(array.info.name);
  EXPECT_EQ(names, wanted);
}

TEST_P(Golden, IsListedAndVerifiesAndIsRestoredOnAnyRanks) {
  const SetHeader header = golden_header(GetParam().has_time);
  std::vector<RejectedSet> rejected;
  const auto listed = list_sets(dir_, rejected);
  ASSERT_TRUE(listed && listed->size() == 1 && rejected.empty());
  expect_golden(listed->front(), header, dir_);
  for (const auto& key : {std::optional<MasterKey>(), GetParam().setting.key}) {
    const auto verified = verify_set(dir_ + "/gen-000120", key);
    ASSERT_TRUE(verified) << to_text(verified.error());
    expect_golden(*verified, header, dir_);
  }
  for (const int readers : {1, 2, 4})
    workers::run_on_threads(readers, 60, [&](Communicator& comm) {
      auto store = CheckpointStore::open(dir_, GetParam().setting);
      std::vector<RejectedSet> bad;
      const auto restored = store->restore_newest(comm, golden_header().facts, JobId{1}, bad);
      ASSERT_TRUE(restored) << to_text(restored.error());
      ASSERT_TRUE(*restored);
      expect_golden((*restored)->set, header, dir_);
      expect_state(*(*restored)->reader, golden_state());
      EXPECT_TRUE(bad.empty());
    });
}

void expect_no_reader(const std::string& dir, const std::optional<MasterKey>& key) {
  auto store = CheckpointStore::open(dir, {.key = key});
  std::vector<RejectedSet> rejected;
  const auto comm = workers::make_self_communicator();
  const auto restored = store->restore_newest(*comm, golden_header().facts, JobId{1}, rejected);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, Code::mismatch);
  EXPECT_TRUE(path_exists(dir + "/gen-000120")) << "it is not damaged";
}

TEST_P(Golden, IsReadByTheDocumentedExampleOrByNobodyWithoutItsKey) {
  if (GetParam().setting.key) {
    MasterKey other = golden_key();
    other.bytes.back() ^= std::byte{1};
    expect_no_reader(dir_, std::nullopt);
    expect_no_reader(dir_, other);
    return;
  }
  if (!has_h5py()) GTEST_SKIP() << "python3-h5py is not installed";
  auto store = CheckpointStore::open(dir_, GetParam().setting);
  std::vector<RejectedSet> rejected;
  const auto comm = workers::make_self_communicator();
  const auto restored = store->restore_newest(*comm, golden_header().facts, JobId{1}, rejected);
  ASSERT_TRUE(restored && *restored);
  const SetInfo& set = (*restored)->set;
  EXPECT_EQ(h5py_difference(set.path, *(*restored)->reader, set.arrays, root_ + "/raw"), "");
}

INSTANTIATE_TEST_SUITE_P(Every, Golden, testing::ValuesIn(golden_sets()), [](const auto& one) {
  std::string name = one.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(GoldenSets, EveryOneThatIsThereIsRead) {
  std::vector<std::string> there;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder()))
    there.push_back(entry.path().filename());
  std::vector<std::string> read;
  for (const GoldenSet& set : golden_sets()) read.push_back(set.name);
  EXPECT_THAT(there, testing::UnorderedElementsAreArray(read));
}

}  // namespace
}  // namespace sovren::storage
