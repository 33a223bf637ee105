// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "storage/file/system.h"
#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

using testing::HasSubstr;

/// A real small disk: a tmpfs of its own. Needs root.
class SmallDisk : public CheckpointTest {
 protected:
  void mount_disk(const std::string& options) {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting a tmpfs needs root";
    if (::mount("tmpfs", root_.c_str(), "tmpfs", 0, options.c_str()) != 0)
      GTEST_SKIP() << "no tmpfs can be mounted here: " << std::strerror(errno);
    is_mounted_ = true;
  }
  void remount(unsigned long flags) {
    ASSERT_EQ(::mount("tmpfs", root_.c_str(), "tmpfs", MS_REMOUNT | flags, nullptr), 0)
        << std::strerror(errno);
  }
  void TearDown() override {
    replace_system_calls(nullptr);
    if (is_mounted_) {
      ASSERT_EQ(::umount(root_.c_str()), 0) << std::strerror(errno);
    }
    CheckpointTest::TearDown();
  }
  void fill_disk() const {
    std::ofstream filler(root_ + "/filler", std::ios::binary);
    const std::string block(4096, 'x');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  }

 private:
  bool is_mounted_ = false;
};

TEST_F(SmallDisk, TooSmallIsSeenBeforeAnythingIsWritten) {
  mount_disk("size=8m");
  if (IsSkipped()) return;
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  const auto sealed = seal_sample(dir_, sample_header(2), 20'000);
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code, Code::storage_io);
  EXPECT_THAT(sealed.error().what, HasSubstr("does not fit"));
  EXPECT_EQ(sealed.error().hint, "free space or choose another folder with --dir");
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->set.header.step, 1);
}

/// Fills the disk when the n-th file is created.
class FillingSystem : public System {
 public:
  FillingSystem(int number, std::function<void()> fill) : number_(number), fill_(std::move(fill)) {
    replace_system_calls(this);
  }
  int open(const char* path, int flags, mode_t mode) override {
    const int fd = System::open(path, flags, mode);
    if ((flags & O_CREAT) != 0 && --number_ == 0) fill_();
    return fd;
  }
  // As on a file system that cannot reserve: the writes themselves must fail well.
  int fallocate(int, off_t) override {
    errno = EOPNOTSUPP;
    return -1;
  }

 private:
  int number_;
  std::function<void()> fill_;
};

TEST_F(SmallDisk, FullInTheMiddleOfASealLeavesTheOlderSetAndNoLitter) {
  mount_disk("size=8m");
  if (IsSkipped()) return;
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  for (const int file : {1, 2}) {  // the shard, the manifest
    FillingSystem system(file, [&] { fill_disk(); });
    const auto sealed = seal_sample(dir_, sample_header(2), 1000);
    ASSERT_FALSE(sealed) << file;
    EXPECT_EQ(sealed.error().code, Code::storage_io);
    EXPECT_THAT(sealed.error().what, HasSubstr("ENOSPC"));
    EXPECT_EQ(sealed.error().hint, "free space or choose another folder with --dir");
    EXPECT_THAT(*list_directory(dir_), testing::ElementsAre("LOCK", "gen-000001"));
    replace_system_calls(nullptr);
    ASSERT_TRUE(remove_tree(root_ + "/filler"));
    const auto restored = restore_sample(dir_);
    ASSERT_TRUE(restored && restored->result);
    EXPECT_EQ(restored->result->set.header.step, 1);
    ASSERT_TRUE(remove_tree(dir_ + "/RESTORES"));
  }
  EXPECT_TRUE(seal_sample(dir_, sample_header(2), 1000)) << "with space again";
}

TEST_F(SmallDisk, WithoutInodesIsAFullDiskToo) {
  mount_disk("size=8m,nr_inodes=9");
  if (IsSkipped()) return;
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  Result<SetInfo> sealed;
  for (std::int64_t step = 2; step < 9 && sealed; ++step)
    sealed = seal_sample(dir_, sample_header(step));
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code, Code::storage_io);
  EXPECT_THAT(sealed.error().what, HasSubstr("ENOSPC"));
}

TEST_F(SmallDisk, ReadOnlyIsSaidSo) {
  mount_disk("size=8m");
  if (IsSkipped()) return;
  ASSERT_TRUE(seal_sample(dir_, sample_header(1)));
  remount(MS_RDONLY);
  auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(store) << "what is there can be opened";
  for (const Error& error :
       {store->raise_fence(JobId{1}, 2).error(), seal_sample(dir_, sample_header(2)).error(),
        restore_sample(dir_).error(), CheckpointStore::open(root_ + "/other").error()}) {
    EXPECT_EQ(error.code, Code::storage_io);
    EXPECT_THAT(error.what, HasSubstr("EROFS"));
    EXPECT_THAT(error.hint, HasSubstr("read-only"));
  }
  EXPECT_TRUE(verify_set(dir_ + "/gen-000001")) << "verifying writes nothing";
  std::vector<RejectedSet> rejected;
  EXPECT_EQ(list_sets(dir_, rejected)->size(), 1U);
  remount(0);
}

}  // namespace
}  // namespace sovren::storage
