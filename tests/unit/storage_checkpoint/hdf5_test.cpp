// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/wait.h>

#include <cstdlib>
#include <ctime>

#include "storage/checkpoint/hdf5_handle.h"
#include "tests/unit/storage_checkpoint/h5py.h"
#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

class ShardFile : public CheckpointTest {};

hid_t memory_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::u8:
      return H5T_NATIVE_UINT8;
    case Dtype::i32:
      return H5T_NATIVE_INT32;
    case Dtype::i64:
      return H5T_NATIVE_INT64;
    case Dtype::f32:
      return H5T_NATIVE_FLOAT;
    case Dtype::f64:
      return H5T_NATIVE_DOUBLE;
  }
  return H5I_INVALID_HID;
}

TEST_F(ShardFile, Hdf5ReadsTheSameBytesAsOurOwnReader) {
  const auto state = sample_state(4, 1000);
  ASSERT_TRUE(seal_sample(dir_, sample_header(4), 1000));
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  expect_state(*restored->result->reader, state);

  const auto lock = lock_hdf5();
  const std::string path = dir_ + "/gen-000004/shard-00000.h5";
  Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  ASSERT_TRUE(file.is_open()) << hdf5_error("open").what;
  for (const SampleArray& array : state) {
    if (array.info.shape[0] == 0) {
      EXPECT_LE(H5Lexists(file.id(), array.info.name.c_str(), H5P_DEFAULT), 0);
      continue;
    }
    Hdf5Handle dataset(H5Dopen2(file.id(), array.info.name.c_str(), H5P_DEFAULT), H5Dclose);
    ASSERT_TRUE(dataset.is_open()) << array.info.name;
    std::vector<std::byte> bytes(array.bytes.size());
    ASSERT_GE(H5Dread(dataset.id(), memory_type(array.info.dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                      bytes.data()),
              0);
    EXPECT_TRUE(bytes == array.bytes) << array.info.name;
    Hdf5Handle properties(H5Dget_create_plist(dataset.id()), H5Pclose);
    EXPECT_EQ(H5Pget_layout(properties.id()), H5D_CONTIGUOUS);
    if (bytes.size() >= 4096) {
      EXPECT_EQ(H5Dget_offset(dataset.id()) % 4096, 0U);
    }
  }
}

TEST_F(ShardFile, TheSameStateGivesTheSameBytesAtAnotherTime) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(4)));
  const std::time_t then = std::time(nullptr);
  while (std::time(nullptr) == then) ::usleep(10'000);
  ASSERT_TRUE(seal_sample(root_ + "/other", sample_header(4)));
  for (const char* file : {"/gen-000004/shard-00000.h5", "/gen-000004/MANIFEST.json"})
    EXPECT_TRUE(*read_file(dir_ + file) == *read_file(root_ + "/other" + file)) << file;
}

TEST_F(ShardFile, H5pyReadsASetAsTheDocumentationShows) {
  if (!has_h5py()) GTEST_SKIP() << "python3-h5py is not installed";
  for (const int ranks : {1, 3, 8}) {  // 8: more ranks than rows
    const std::string dir = dir_ + std::to_string(ranks);
    workers::run_on_threads(ranks, 60, [&](Communicator& comm) {
      auto store = CheckpointStore::open(dir);
      ASSERT_TRUE(seal_sample(*store, comm, sample_header(6)));
    });
    const auto restored = restore_sample(dir);
    ASSERT_TRUE(restored && restored->result);
    const SetInfo& set = restored->result->set;
    EXPECT_EQ(h5py_difference(set.path, *restored->result->reader, set.arrays, dir + "/raw"), "");
  }
}

TEST_F(ShardFile, TheDocumentedReaderSeesDamage) {
  if (!has_h5py()) GTEST_SKIP() << "python3-h5py is not installed";
  ASSERT_TRUE(seal_sample(dir_, sample_header(6)));
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  const SetInfo& set = restored->result->set;
  const std::string shard = set.path + "/shard-00000.h5";
  std::string bytes = *read_file(shard);
  bytes.back() ^= 1;
  ASSERT_TRUE(write_file_atomic(shard, bytes));
  EXPECT_THAT(h5py_difference(set.path, *restored->result->reader, {}, root_ + "/raw"),
              testing::HasSubstr("assert [crc32c(data"));
}

}  // namespace
}  // namespace sovren::storage
