// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/job_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/api/http_world.h"

namespace sovren::api {
namespace {

class JobLogTest : public testing::Test {
 protected:
  JobLogTest() {
    std::filesystem::create_directory(folder_.at("logs"));
    folder_.write("logs/rank-0000.log", "0123456789");
    folder_.write("secret", "secret");
  }
  Code code_of(int rank) const {
    const auto part = read_job_log(folder_.at("."), rank, 0, 100);
    return part ? Code::bug : part.error().code;
  }

  const TestFolder folder_;
};

TEST_F(JobLogTest, GivesThePartAskedFor) {
  const auto part = [&](std::int64_t offset, std::int64_t limit) {
    const auto read = read_job_log(folder_.at("."), 0, offset, limit);
    return read ? std::to_string(read->offset) + ":" + read->bytes : to_text(read.error());
  };
  EXPECT_EQ(part(0, 100), "0:0123456789");
  EXPECT_EQ(part(3, 4), "3:3456");
  EXPECT_EQ(part(-4, 100), "6:6789");
  EXPECT_EQ(part(-4, 2), "6:67");
  EXPECT_EQ(part(-100, 100), "0:0123456789");
  EXPECT_EQ(part(10, 100), "10:");
  EXPECT_EQ(part(99, 100), "99:");
  EXPECT_EQ(read_job_log(folder_.at("."), 0, 3, 4)->size_bytes, 10);
}

TEST_F(JobLogTest, FollowsNoLinkAndReadsNoOtherThing) {
  const std::string secret = folder_.at("secret");
  std::filesystem::create_symlink(secret, folder_.at("logs/rank-0001.log"));
  std::filesystem::create_hard_link(secret, folder_.at("logs/rank-0002.log"));
  ASSERT_EQ(::mkfifo(folder_.at("logs/rank-0003.log").c_str(), 0600), 0);
  std::filesystem::create_directory(folder_.at("logs/rank-0004.log"));
  for (int rank = 1; rank <= 5; ++rank) EXPECT_EQ(code_of(rank), Code::not_found) << rank;
  std::filesystem::rename(folder_.at("logs"), folder_.at("elsewhere"));
  std::filesystem::create_directory_symlink(folder_.at("elsewhere"), folder_.at("logs"));
  EXPECT_EQ(code_of(0), Code::not_found);
}

}  // namespace
}  // namespace sovren::api
