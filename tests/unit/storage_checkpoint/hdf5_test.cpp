// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/wait.h>

#include <cstdlib>
#include <ctime>

#include "storage/checkpoint/hdf5_handle.h"
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
  if (std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0)
    GTEST_SKIP() << "python3-h5py is not installed";
  workers::run_on_threads(3, 60, [&](Communicator& comm) {
    auto store = CheckpointStore::open(dir_);
    std::vector<double> rows;
    const Rows mine = share(7, comm.rank(), 3);
    for (std::int64_t row = mine.first; row < mine.first + mine.count; ++row)
      for (int column = 0; column < 4; ++column)
        rows.push_back(static_cast<double>(row) + 0.25 * column);
    ASSERT_TRUE(store->seal(comm, sample_header(6), [&](StateWriter& writer) {
      return writer.put<double>("mci/val", {7, 4}, mine, std::span<const double>(rows));
    }));
  });
  const std::string script = R"(
import hashlib, h5py, json, numpy, sys
folder = sys.argv[1]
raw = open(folder + '/MANIFEST.json', 'rb').read()
manifest = json.loads(raw)
assert hashlib.sha256(raw[:raw.rindex(b'"digest"')]).hexdigest() == manifest['digest']
array = manifest['arrays'][0]
assert array['name'] == 'mci/val' and array['shape'] == [7, 4], array
whole = numpy.full(array['shape'], numpy.nan)
for slab in array['slabs']:
    name = folder + '/' + manifest['shards'][slab['shard']]['file']
    with h5py.File(name, 'r') as shard:
        data = shard[slab['path']]
        assert list(data.attrs['global_shape']) == [7, 4]
        assert data.attrs['first_row'] == slab['first']
        assert shard.attrs['step'] == 6
        assert data.id.get_offset() == slab['offset']
        whole[slab['first']:slab['first'] + slab['count']] = data[...]
    assert hashlib.sha256(open(name, 'rb').read()).hexdigest() == \
        manifest['shards'][slab['shard']]['sha256']
wanted = numpy.arange(7)[:, None] + 0.25 * numpy.arange(4)[None, :]
assert (whole == wanted).all(), whole
)";
  ASSERT_TRUE(write_file_atomic(root_ + "/read.py", script));
  const std::string command =
      "/usr/bin/python3 '" + root_ + "/read.py' '" + dir_ + "/gen-000006' 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

}  // namespace
}  // namespace sovren::storage
