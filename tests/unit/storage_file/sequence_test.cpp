// SPDX-License-Identifier: Apache-2.0
#include "storage/file/sequence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "storage/file/file.h"
#include "tests/unit/storage_file/failing_system.h"

namespace sovren::storage {
namespace {

using testing::ElementsAre;

class SequenceTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "sovren-sequence-" + std::to_string(::getpid());
    ASSERT_TRUE(remove_tree(dir_));
    ASSERT_TRUE(make_directories(dir_ + "/result"));
    put("image.exr", "linear 1");
    put("image.png", "shown 1");
    put("quality.json", "{}");
  }
  void TearDown() override { ASSERT_TRUE(remove_tree(dir_)); }

  void put(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(write_file_atomic(dir_ + "/result/" + name, bytes));
  }
  Result<void> add() { return add_to_sequence(dir_ + "/result", dir_ + "/1/sequence/turn.0012"); }
  std::vector<std::string> names() { return list_directory(dir_ + "/1/sequence").value(); }
  std::string bytes_of(const std::string& name) {
    return read_file(dir_ + "/1/sequence/" + name).value_or("not there");
  }
  bool is_linked() const {
    struct stat about {};
    return ::stat((dir_ + "/1/sequence/turn.0012.exr").c_str(), &about) == 0 && about.st_nlink == 2;
  }

  std::string dir_;
};

TEST_F(SequenceTest, PicturesAreLinkedUnderTheirNumber) {
  ASSERT_TRUE(add());
  EXPECT_THAT(names(), ElementsAre("turn.0012.exr", "turn.0012.png"));
  EXPECT_EQ(bytes_of("turn.0012.exr"), "linear 1");
  EXPECT_TRUE(is_linked());
}

TEST_F(SequenceTest, DoneAgainIsTheSameAndANewResultReplacesTheOld) {
  ASSERT_TRUE(add());
  ASSERT_TRUE(add());
  EXPECT_THAT(names(), ElementsAre("turn.0012.exr", "turn.0012.png")) << "no half files are left";
  put("image.exr", "linear 2");
  ASSERT_TRUE(add());
  EXPECT_EQ(bytes_of("turn.0012.exr"), "linear 2");
  EXPECT_THAT(names(), ElementsAre("turn.0012.exr", "turn.0012.png"));
}

/// Where links are refused, as between file systems, and on some at all.
class LinklessSystem final : public System {
 public:
  LinklessSystem() { replace_system_calls(this); }
  ~LinklessSystem() override { replace_system_calls(nullptr); }
  int link(const char*, const char*) override {
    errno = EPERM;
    return -1;
  }
};

TEST_F(SequenceTest, PicturesAreCopiedWhereLinksAreRefused) {
  {
    const LinklessSystem system;
    ASSERT_TRUE(add());
    put("image.exr", "linear 2");
    ASSERT_TRUE(add());
  }
  EXPECT_FALSE(is_linked());
  EXPECT_EQ(bytes_of("turn.0012.exr"), "linear 2");
  EXPECT_THAT(names(), ElementsAre("turn.0012.exr", "turn.0012.png"));
}

TEST_F(SequenceTest, CutShortAnywhereItIsMadeWholeByDoingItAgain) {
  ASSERT_TRUE(add());
  put("image.exr", "linear 2");
  put("image.png", "shown 2");
  for (int renames = 1; renames <= 2; ++renames) {
    {
      FailingSystem system([&](const std::string& call, int number) {
        return call == "rename" && number == renames ? EIO : 0;
      });
      EXPECT_FALSE(add());
    }
    const std::string seen = bytes_of("turn.0012.png");
    EXPECT_TRUE(seen == "shown 1" || seen == "shown 2") << seen;
  }
  ASSERT_TRUE(add());
  EXPECT_EQ(bytes_of("turn.0012.exr"), "linear 2");
  EXPECT_EQ(bytes_of("turn.0012.png"), "shown 2");
  EXPECT_THAT(names(), ElementsAre("turn.0012.exr", "turn.0012.png"));
}

}  // namespace
}  // namespace sovren::storage
