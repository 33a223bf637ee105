// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "storage/file/file.h"

namespace sovren::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FolderTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "sovren-folder-" + std::to_string(::getpid());
    ASSERT_TRUE(remove_tree(dir_));
    ASSERT_TRUE(make_directories(dir_));
  }
  void TearDown() override { ASSERT_TRUE(remove_tree(dir_)); }
  std::string in(const std::string& name) const { return dir_ + "/" + name; }

  std::string dir_;
};

TEST_F(FolderTest, ParentIsWhatDirnameSays) {
  EXPECT_EQ(parent_directory("a/b"), "a");
  EXPECT_EQ(parent_directory("a/b/"), "a");
  EXPECT_EQ(parent_directory("a//b"), "a");
  EXPECT_EQ(parent_directory("a"), ".");
  EXPECT_EQ(parent_directory(""), ".");
  EXPECT_EQ(parent_directory("/a"), "/");
  EXPECT_EQ(parent_directory("//a"), "/");
  EXPECT_EQ(parent_directory("/"), "/");
}

TEST_F(FolderTest, ListsSortedAndAMissingFolderAsEmpty) {
  ASSERT_TRUE(make_directories(in("b")));
  ASSERT_TRUE(write_file_atomic(in("a"), ""));
  ASSERT_TRUE(write_file_atomic(in("c"), ""));
  EXPECT_THAT(*list_directory(dir_), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*list_directory(in("none")), IsEmpty());
  EXPECT_FALSE(list_directory(in("a")));
}

TEST_F(FolderTest, MakesParentsAndAcceptsWhatIsThere) {
  ASSERT_TRUE(make_directories(in("x/y/z")));
  ASSERT_TRUE(make_directories(in("x/y/z")));
  EXPECT_TRUE(path_exists(in("x/y/z")));
  ASSERT_TRUE(write_file_atomic(in("file"), ""));
  const auto made = make_directories(in("file/d"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::storage_io);
}

TEST_F(FolderTest, RemovesATreeButNotWhatALinkPointsTo) {
  ASSERT_TRUE(make_directories(in("keep")));
  ASSERT_TRUE(write_file_atomic(in("keep/file"), "x"));
  ASSERT_TRUE(make_directories(in("gone/deep")));
  ASSERT_TRUE(write_file_atomic(in("gone/deep/file"), "x"));
  ASSERT_EQ(::symlink(in("keep").c_str(), in("gone/link").c_str()), 0);
  ASSERT_TRUE(remove_tree(in("gone")));
  EXPECT_FALSE(path_exists(in("gone")));
  EXPECT_TRUE(path_exists(in("keep/file")));
  EXPECT_TRUE(remove_tree(in("gone"))) << "nothing to do is no error";
}

TEST_F(FolderTest, RenameMovesBetweenFolders) {
  ASSERT_TRUE(make_directories(in("a")));
  ASSERT_TRUE(make_directories(in("b")));
  ASSERT_TRUE(write_file_atomic(in("a/x"), "text"));
  ASSERT_TRUE(rename_durable(in("a/x"), in("b/y")));
  EXPECT_EQ(read_file(in("b/y")), "text");
  EXPECT_FALSE(path_exists(in("a/x")));
  EXPECT_FALSE(rename_durable(in("a/x"), in("b/z")));
}

TEST_F(FolderTest, KnowsFreeSpaceAlsoOfAFolderToBe) {
  const auto here = free_bytes(dir_);
  const auto later = free_bytes(in("not/yet/there"));
  ASSERT_TRUE(here);
  ASSERT_TRUE(later);
  EXPECT_GT(*here, 0);
  EXPECT_GT(*later, 0);
}

TEST_F(FolderTest, KnowsNetworkFileSystemsByTheirMagic) {
  EXPECT_EQ(network_file_system_of_magic(0x6969), "nfs");
  EXPECT_EQ(network_file_system_of_magic(0x0BD00BD0), "lustre");
  EXPECT_EQ(network_file_system_of_magic(0x65735546), "fuse");
  EXPECT_EQ(network_file_system_of_magic(0xFFFFFFFFFF534D42), "cifs") << "sign-extended";
  EXPECT_EQ(network_file_system_of_magic(0xEF53), "") << "ext4";
  EXPECT_EQ(network_file_system_of_magic(0x01021994), "") << "tmpfs";
  EXPECT_EQ(network_file_system_of_magic(0x9123683E), "") << "btrfs";
  EXPECT_EQ(network_file_system("/proc"), "");
}

}  // namespace
}  // namespace sovren::storage
