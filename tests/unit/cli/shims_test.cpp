// SPDX-License-Identifier: Apache-2.0
// Links under which sovren is one of Slurm's programs.
#include "cli/shims.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/slurm_words.h"

namespace sovren::cli {
namespace {

namespace fs = std::filesystem;

class ShimLinks : public testing::Test {
 protected:
  ShimLinks() { fs::remove_all(dir_); }
  ~ShimLinks() override { fs::remove_all(dir_); }

  const fs::path dir_ =
      fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ShimLinks, AreMadeAndRenewed) {
  ASSERT_TRUE(link_shims((dir_ / "bin").string(), "/old/sovren").has_value());
  ASSERT_TRUE(link_shims((dir_ / "bin").string(), "/new/sovren").has_value());
  std::size_t links = 0;
  for (const auto& each : fs::directory_iterator(dir_ / "bin")) {
    EXPECT_EQ(fs::read_symlink(each.path()), "/new/sovren");
    EXPECT_NE(find_shim(each.path().string()), nullptr) << each.path();
    ++links;
  }
  EXPECT_EQ(links, shims().size());
}

TEST_F(ShimLinks, NothingChangesWhereSomethingElseHasAName) {
  fs::create_directories(dir_);
  std::ofstream(dir_ / "scancel") << "the real one\n";
  const auto done = link_shims(dir_.string(), "/new/sovren");
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::refused);
  EXPECT_EQ(done.error().where, (dir_ / "scancel").string());
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), {}), 1);
  fs::remove(dir_ / "scancel");
  fs::create_symlink("/usr/bin/scancel", dir_ / "scancel");
  EXPECT_FALSE(link_shims(dir_.string(), "/new/sovren").has_value()) << "a link to another";
}

TEST(Shims, AreFoundByTheLastPartOfTheName) {
  EXPECT_EQ(find_shim("/usr/bin/sovren"), nullptr);
  EXPECT_EQ(find_shim(""), nullptr);
  ASSERT_NE(find_shim("scancel"), nullptr);
  EXPECT_EQ(find_shim("./a/scancel"), find_shim("scancel"));
}

TEST(Shims, AnErrorIsToldInOneLineUnderTheirName) {
  const Shim shim{"squeue", [](const std::vector<std::string>&) -> Result<int> {
                    return fail({.code = Code::refused, .what = "no\x1b", .hint = "yes"});
                  }};
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_shim(shim, {}), 1);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(text.starts_with("squeue: error: no")) << text;
  EXPECT_TRUE(text.ends_with(" (yes)\n")) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  const Shim silent{"squeue", [](const std::vector<std::string>&) -> Result<int> {
                      return fail(already_told());
                    }};
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_shim(silent, {}), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace sovren::cli
