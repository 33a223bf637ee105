// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "slurm/bridge/job_folder.h"

namespace sovren::cli {
namespace {

TEST(ProgressFile, IsWrittenEveryFewSecondsAndAtTheEnd) {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "sovren-progress-XXXXXX").string();
  const std::string dir = ::mkdtemp(pattern.data());
  ProgressFile file(dir);
  file.finish();
  EXPECT_FALSE(slurm::read_progress(dir));  // nothing is known
  Job job;
  job.attempts = 2;
  const auto at = [&](std::int64_t step, std::int64_t ms) {
    job.sealed_step = step - 1;
    file.update(job, {.step = step, .fraction = 0.5}, {ms}, {ms + 7});
    return slurm::read_progress(dir)->step;
  };
  EXPECT_EQ(at(1, 0), 1);
  EXPECT_EQ(at(2, 2'900), 1);
  EXPECT_EQ(at(3, 3'100), 3);
  EXPECT_EQ(at(4, 3'200), 3);
  file.finish();
  const auto last = slurm::read_progress(dir);
  EXPECT_EQ(last, (slurm::FolderProgress{
                      .step = 4, .fraction = 0.5, .sealed_step = 3, .attempt = 2, .at = {3'207}}));
  std::filesystem::remove_all(dir);
  EXPECT_NO_FATAL_FAILURE(file.update(job, {.step = 9}, {9'000}, {9'000}));  // a warning
}

}  // namespace
}  // namespace sovren::cli
