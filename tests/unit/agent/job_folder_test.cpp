// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/job_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace sovren::workers {
namespace {

AttemptOrder order_in(const std::string& dir) {
  AttemptOrder order{.job = {1}, .attempt = 1, .dir = dir};
  order.spec.kind = CommandSpec{.argv = {"/bin/true"}};
  return order;
}

TEST(JobFolder, RefusesALinkInItsPlace) {
  const std::string dir = testing::TempDir() + "/job_folder_link";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directory_symlink("/tmp", dir);
  const auto prepared = prepare_job_folder(order_in(dir), std::nullopt);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, Code::refused);
  std::filesystem::remove(dir);
}

TEST(JobFolder, RefusesAFolderThatAnotherUserMadeFirst) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root starts jobs of others";
  const std::string dir = testing::TempDir() + "/job_folder_other";
  std::filesystem::remove_all(dir);
  ASSERT_EQ(::mkdir(dir.c_str(), 0777), 0);
  ASSERT_EQ(::chown(dir.c_str(), 12'345, 12'345), 0);
  const Identity user{.name = "nobody", .uid = 65'534, .gid = 65'534};
  const auto prepared = prepare_job_folder(order_in(dir), user);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, Code::refused);
  EXPECT_FALSE(std::filesystem::exists(dir + "/job.toml"));
  ASSERT_EQ(::chown(dir.c_str(), user.uid, user.gid), 0);
  EXPECT_TRUE(prepare_job_folder(order_in(dir), user)) << "his own from an attempt before";
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace sovren::workers
