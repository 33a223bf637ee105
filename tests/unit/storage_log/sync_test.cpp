// SPDX-License-Identifier: Apache-2.0
// What kill -9 cannot show: that an append waits for the disk, and that a failed fsync is never
// believed again. A shim between SQLite and the file system counts and fails the fsyncs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "storage/log/event_log.h"
#include "tests/unit/storage_log/log_dir.h"

namespace sovren::storage {
namespace {

using testing::HasSubstr;

int sync_count = 0;
int syncs_until_failure = -1;  ///< -1: none fails

/// One per table of SQLite's own: databases and journals have different ones.
struct Shim {
  sqlite3_io_methods methods;  ///< first, so that a file's table leads to its shim
  const sqlite3_io_methods* real = nullptr;
};
std::map<const sqlite3_io_methods*, Shim> shims;
sqlite3_vfs* real_vfs = nullptr;
sqlite3_vfs shim_vfs;

int shim_sync(sqlite3_file* file, int flags) {
  ++sync_count;
  if (syncs_until_failure == 0) return SQLITE_IOERR_FSYNC;
  if (syncs_until_failure > 0) --syncs_until_failure;
  return reinterpret_cast<const Shim*>(file->pMethods)->real->xSync(file, flags);
}

int shim_open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
  if (code != SQLITE_OK || file->pMethods == nullptr) return code;
  Shim& shim = shims[file->pMethods];
  shim.real = file->pMethods;
  shim.methods = *file->pMethods;
  shim.methods.xSync = &shim_sync;
  file->pMethods = &shim.methods;
  return code;
}

class EventLogSync : public testing::Test {
 protected:
  void SetUp() override {
    real_vfs = sqlite3_vfs_find(nullptr);
    shim_vfs = *real_vfs;
    shim_vfs.zName = "shim";
    shim_vfs.xOpen = &shim_open;
    sync_count = 0;
    syncs_until_failure = -1;
    ASSERT_EQ(sqlite3_vfs_register(&shim_vfs, 1), SQLITE_OK);
  }
  void TearDown() override {
    sqlite3_vfs_unregister(&shim_vfs);
    sqlite3_vfs_register(real_vfs, 1);
  }
};

TEST_F(EventLogSync, WaitsForTheDiskOnceAnAppend) {
  const LogDir dir;
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  std::vector<Event> first = numbered_batch(1, 1);
  ASSERT_TRUE((*log)->append(first));  // the first also makes the WAL's header durable
  for (int i = 0; i < 10; ++i) {
    const int before = sync_count;
    std::vector<Event> batch = numbered_batch(2 + i, 1 + 10 * i);
    ASSERT_TRUE((*log)->append(batch));
    EXPECT_EQ(sync_count, before + 1) << batch.size() << " events";
  }
}

TEST_F(EventLogSync, BelievesNothingAfterAFailedFsyncUntilItIsOpenedAnew) {
  const LogDir dir;
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  std::vector<Event> batch = numbered_batch(1, 3);
  ASSERT_TRUE((*log)->append(batch));
  syncs_until_failure = 0;
  batch = numbered_batch(4, 3);
  const auto failed = (*log)->append(batch);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::storage_io);
  syncs_until_failure = -1;  // the next fsync would say that all is well
  const auto again = (*log)->append(batch);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::storage_io);
  EXPECT_THAT(again.error().what, HasSubstr("an fsync of the event log has failed"));
  EXPECT_EQ(all_of(**log).size(), 3U);

  log->reset();
  log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  const std::size_t events = all_of(**log).size();
  EXPECT_TRUE(events == 3 || events == 6) << events << ": all or none of what was not acknowledged";
  batch = numbered_batch(static_cast<int>(events) + 1, 1);
  EXPECT_TRUE((*log)->append(batch));
  EXPECT_EQ(all_of(**log).size(), events + 1);
}

}  // namespace
}  // namespace sovren::storage
