// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sovren::jobs {

/// A test with a folder of its own, which goes with it.
class ScratchFiles : public testing::Test {
 protected:
  void SetUp() override {
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    dir_ = testing::TempDir() + "sovren_" + std::to_string(getpid()) + "_" +
           test->test_suite_name() + "_" + test->name();
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  /// The path of a new file of this folder.
  std::string file(const std::string& name, const std::string& bytes) const {
    const std::string path = dir_ + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  /// A message, with the folder written as DIR.
  std::string with_dir(std::string text) const {
    for (auto at = text.find(dir_); at != text.npos; at = text.find(dir_))
      text.replace(at, dir_.size(), "DIR");
    return text;
  }

  std::string dir_;
};

}  // namespace sovren::jobs
