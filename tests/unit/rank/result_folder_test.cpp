// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/result_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "storage/file/file.h"
#include "storage/file/system.h"

namespace sovren::workers {
namespace {

class ResultFolder : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "/sovren_result_" + std::to_string(::getpid());
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override {
    storage::replace_system_calls(nullptr);
    std::filesystem::remove_all(dir_);
  }
  std::vector<std::string> names(const std::string& below = "") const {
    return *storage::list_directory(dir_ + below);
  }
  std::string content(const std::string& file) const {
    return *storage::read_file(dir_ + "/result/" + file);
  }
  std::string dir_;
};

TEST_F(ResultFolder, HoldsTheFilesAndNothingElseStays) {
  const std::vector<jobs::ResultFile> files{{"a.json", "{}"}, {"b.bin", std::string(70'000, 'b')}};
  ASSERT_TRUE(write_result(dir_, 1, files).has_value());
  EXPECT_EQ(names(), std::vector<std::string>{"result"});
  EXPECT_EQ(names("/result"), (std::vector<std::string>{"a.json", "b.bin"}));
  EXPECT_EQ(content("b.bin"), files[1].bytes);
}

TEST_F(ResultFolder, ReplacesAnEarlierResultAsAWhole) {
  const std::vector<jobs::ResultFile> old{{"old.json", "1"}, {"both.json", "1"}};
  const std::vector<jobs::ResultFile> now{{"both.json", "2"}};
  ASSERT_TRUE(write_result(dir_, 1, old).has_value());
  std::filesystem::create_directories(dir_ + "/result.tmp-7");
  ASSERT_TRUE(write_result(dir_, 2, now).has_value());
  EXPECT_EQ(names(), std::vector<std::string>{"result"}) << "leftovers of attempt 7 are gone";
  EXPECT_EQ(names("/result"), std::vector<std::string>{"both.json"});
  EXPECT_EQ(content("both.json"), "2");
}

/// Counts down to the call that fails, as a disk that fills up.
class FullDisk final : public storage::System {
 public:
  explicit FullDisk(int good_writes) : left_(good_writes) {}
  ssize_t write(int fd, const void* data, std::size_t size) override {
    if (left_-- > 0) return System::write(fd, data, size);
    errno = ENOSPC;
    return -1;
  }

 private:
  int left_;
};

TEST_F(ResultFolder, FullDiskIsAStorageErrorAndTheOldResultStays) {
  const std::vector<jobs::ResultFile> old{{"a.json", "old"}};
  const std::vector<jobs::ResultFile> now{{"a.json", "new"}, {"b.json", "new"}};
  ASSERT_TRUE(write_result(dir_, 1, old).has_value());
  for (int good_writes : {0, 1}) {
    FullDisk disk(good_writes);
    storage::replace_system_calls(&disk);
    const auto written = write_result(dir_, 2, now);
    storage::replace_system_calls(nullptr);
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code, Code::storage_io);
    EXPECT_EQ(rank_exit_code(written.error().code), 74);
    EXPECT_EQ(content("a.json"), "old");
  }
}

/// Dies at the n-th rename.
class LostRename final : public storage::System {
 public:
  explicit LostRename(int good) : left_(good) {}
  int rename(const char* from, const char* to) override {
    if (left_-- > 0) return System::rename(from, to);
    errno = EIO;
    return -1;
  }

 private:
  int left_;
};

TEST_F(ResultFolder, BrokenSwapLeavesNoMixtureAndTheNextAttemptRepairsIt) {
  const std::vector<jobs::ResultFile> old{{"a.json", "old"}};
  const std::vector<jobs::ResultFile> now{{"a.json", "new"}};
  for (int good : {0, 1}) {
    ASSERT_TRUE(write_result(dir_, 1, old).has_value());
    LostRename disk(good);
    storage::replace_system_calls(&disk);
    EXPECT_FALSE(write_result(dir_, 2, now).has_value());
    storage::replace_system_calls(nullptr);
    const std::vector<std::string> left = names();
    if (std::find(left.begin(), left.end(), "result") != left.end()) {
      EXPECT_EQ(content("a.json"), "old");
    }
    ASSERT_TRUE(write_result(dir_, 3, now).has_value());
    EXPECT_EQ(names(), std::vector<std::string>{"result"});
    EXPECT_EQ(content("a.json"), "new");
  }
}

}  // namespace
}  // namespace sovren::workers
