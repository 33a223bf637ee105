// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/checkpoint/checkpoint_set.h"
#include "storage/file/file.h"
#include "workers/comm/comm.h"

namespace sovren::storage {

/// A folder of its own for each test.
class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* const info = testing::UnitTest::GetInstance()->current_test_info();
    root_ =
        testing::TempDir() + "sovren-checkpoint-" + std::to_string(::getpid()) + "-" + info->name();
    ASSERT_TRUE(remove_tree(root_));
    ASSERT_TRUE(make_directories(root_));
    dir_ = root_ + "/checkpoints";
  }
  void TearDown() override { ASSERT_TRUE(remove_tree(root_)); }

  std::string root_;
  std::string dir_;
};

/// A state of all dtypes, odd sizes and empty arrays, a pure function of (step, element).
struct SampleArray {
  ArrayInfo info;
  std::vector<std::byte> bytes;
};

inline std::vector<SampleArray> sample_state(std::int64_t step, std::int64_t scale = 1) {
  const std::vector<ArrayInfo> infos{
      {"flags", Dtype::u8, {13 * scale}},
      {"mci/val", Dtype::f64, {7 * scale, 3, 5}},
      {"mci/count", Dtype::i32, {7 * scale, 2}},
      {"deep/er/still", Dtype::f32, {101 * scale}},
      {"cursor", Dtype::i64, {1}},
      {"nothing", Dtype::f64, {0}},
      {"no_columns", Dtype::f32, {5, 0, 3}},
      {"odd", Dtype::u8, {3, 3, 3, 3}},
  };
  std::vector<SampleArray> state;
  for (const ArrayInfo& info : infos) {
    std::size_t size = dtype_bytes(info.dtype);
    for (const std::int64_t length : info.shape) size *= static_cast<std::size_t>(length);
    SampleArray array{info, std::vector<std::byte>(size)};
    std::uint64_t word =
        static_cast<std::uint64_t>(step) * 0x9E3779B97F4A7C15ULL + info.name.size();
    for (std::size_t i = 0; i < size; ++i) {
      word = word * 6364136223846793005ULL + 1442695040888963407ULL;
      array.bytes[i] = static_cast<std::byte>(word >> 56);
    }
    state.push_back(std::move(array));
  }
  return state;
}

inline Rows share(std::int64_t length, int rank, int ranks) {
  const std::int64_t first = length * rank / ranks;
  return {first, length * (rank + 1) / ranks - first};
}

/// Puts the rows of this rank.
inline Result<void> put_share(StateWriter& writer, const std::vector<SampleArray>& state, int rank,
                              int ranks) {
  for (const SampleArray& array : state) {
    const std::int64_t length = array.info.shape[0];
    const Rows rows = share(length, rank, ranks);
    if (rows.count == 0 && rank != 0) continue;
    const std::size_t row_bytes =
        length == 0 ? 0 : array.bytes.size() / static_cast<std::size_t>(length);
    const std::span<const std::byte> all(array.bytes);
    SOVREN_DO(writer.put(array.info, rows,
                         all.subspan(static_cast<std::size_t>(rows.first) * row_bytes,
                                     static_cast<std::size_t>(rows.count) * row_bytes)));
  }
  return {};
}

/// Every array as a whole equals the state.
inline void expect_state(StateReader& reader, const std::vector<SampleArray>& state) {
  for (const SampleArray& array : state) {
    const auto info = reader.info(array.info.name);
    ASSERT_TRUE(info) << to_text(info.error());
    EXPECT_EQ(info->shape, array.info.shape);
    EXPECT_EQ(info->dtype, array.info.dtype);
    std::vector<std::byte> bytes(array.bytes.size());
    const auto got =
        reader.get(array.info.name, array.info.dtype, Rows{0, array.info.shape[0]}, bytes);
    ASSERT_TRUE(got) << to_text(got.error());
    EXPECT_TRUE(bytes == array.bytes) << array.info.name;
  }
}

inline SetHeader sample_header(std::int64_t step, int attempt = 1, std::int64_t job = 1) {
  return {.job = JobId{job},
          .attempt = attempt,
          .step = step,
          .kind = "sample",
          .facts = {{"kind", "sample"}, {"sample.alpha", "0.05"}}};
}

inline Result<SetInfo> seal_sample(CheckpointStore& store, Communicator& comm,
                                   const SetHeader& header, std::int64_t scale = 1) {
  const auto state = sample_state(header.step, scale);
  return store.seal(comm, header, [&](StateWriter& writer) {
    return put_share(writer, state, comm.rank(), comm.size());
  });
}

/// On one rank.
inline Result<SetInfo> seal_sample(const std::string& dir, const SetHeader& header,
                                   std::int64_t scale = 1) {
  SOVREN_TRY(store, CheckpointStore::open(dir));
  const auto comm = workers::make_self_communicator();
  return seal_sample(store, *comm, header, scale);
}

struct Restored {
  std::optional<RestoreResult> result;
  std::vector<RejectedSet> rejected;
};

inline Result<Restored> restore_sample(const std::string& dir, JobId oldest = JobId{1}) {
  SOVREN_TRY(store, CheckpointStore::open(dir));
  const auto comm = workers::make_self_communicator();
  Restored restored;
  SOVREN_TRY(result,
             store.restore_newest(*comm, sample_header(0).facts, oldest, restored.rejected));
  restored.result = std::move(result);
  return restored;
}

inline std::string bytes_of(const std::string& path) {
  auto text = read_file(path);
  EXPECT_TRUE(text);
  return text ? *text : "";
}

inline void put_bytes(const std::string& path, const std::string& bytes) {
  ASSERT_TRUE(remove_tree(path));
  ASSERT_TRUE(write_file_atomic(path, bytes));
}

}  // namespace sovren::storage
