// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "storage/file/file.h"

namespace sovren::storage {
namespace {

class LockTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "sovren-lock-" + std::to_string(::getpid());
    ASSERT_TRUE(make_directories(dir_));
  }
  void TearDown() override { ASSERT_TRUE(remove_tree(dir_)); }

  std::string dir_;
};

TEST_F(LockTest, TheSecondIsRefusedAndToldWhoHoldsIt) {
  {
    const auto first = FileLock::acquire(dir_ + "/LOCK", "run of pid 42", 0);
    ASSERT_TRUE(first);
    const auto second = FileLock::acquire(dir_ + "/LOCK", "another", 0);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::storage_busy);
    EXPECT_THAT(second.error().what, testing::HasSubstr("run of pid 42"));
  }
  EXPECT_TRUE(FileLock::acquire(dir_ + "/LOCK", "another", 0)) << "free after the first has gone";
}

TEST_F(LockTest, MovesWithItsOwner) {
  auto first = FileLock::acquire(dir_ + "/LOCK", "a", 0);
  ASSERT_TRUE(first);
  {
    const FileLock moved = std::move(*first);
    EXPECT_FALSE(FileLock::acquire(dir_ + "/LOCK", "b", 0));
  }
  EXPECT_TRUE(FileLock::acquire(dir_ + "/LOCK", "b", 0));
}

TEST_F(LockTest, DiesWithItsProcess) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = FileLock::acquire(dir_ + "/LOCK", "child", 0);
    if (!lock || ::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_FALSE(FileLock::acquire(dir_ + "/LOCK", "parent", 0));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  // Waiting for the lock, not for a time: it comes free when the process is gone.
  EXPECT_TRUE(FileLock::acquire(dir_ + "/LOCK", "parent", 60));
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(LockTest, AMissingFolderIsAStorageError) {
  const auto lock = FileLock::acquire(dir_ + "/none/LOCK", "a", 0);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, Code::storage_io);
}

}  // namespace
}  // namespace sovren::storage
