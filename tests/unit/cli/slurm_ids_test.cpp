// SPDX-License-Identifier: Apache-2.0
// Job ids as Slurm's programs take and print them.
#include "cli/slurm_ids.h"

#include <gtest/gtest.h>

#include "cli/slurm_job.h"

namespace sovren::cli {
namespace {

SlurmId parsed(const std::string& text) {
  const auto id = parse_slurm_id(text);
  EXPECT_TRUE(id.has_value()) << text;
  return id ? *id : SlurmId();
}

TEST(SlurmIds, AJobATaskSeveralTasksAndAStep) {
  EXPECT_EQ(parsed("12").job, 12);
  EXPECT_TRUE(parsed("12").has_task("any"));
  EXPECT_TRUE(parsed("12_3").has_task("3"));
  EXPECT_FALSE(parsed("12_3").has_task("30"));
  const SlurmId several = parsed("12_[1-4,7,20-30:5%2]");
  for (const char* task : {"1", "4", "7", "25", "30"}) EXPECT_TRUE(several.has_task(task)) << task;
  for (const char* task : {"0", "5", "21", "x", ""}) EXPECT_FALSE(several.has_task(task)) << task;
  EXPECT_EQ(parsed("12.batch").step, "batch");
  EXPECT_EQ(parsed("12_3.0").step, "0");
}

TEST(SlurmIds, WhatIsNoIdIsRefused) {
  for (const char* text : {"", "foo", "0", "-1", "12_", "12_x", "12_[", "12_[]", "12_[4-1]", "12.",
                           "12_[1-3:0]", "99999999999999999999"})
    EXPECT_FALSE(parse_slurm_id(text).has_value()) << text;
}

TEST(SlurmIds, CommasInBracketsDoNotPart) {
  EXPECT_EQ(slurm_list("12,13_[1,3],,n[1-2,4]"),
            (std::vector<std::string>{"12", "13_[1,3]", "n[1-2,4]"}));
}

TEST(SlurmIds, NumbersFoldAndAreCutWhereAPartEnds) {
  EXPECT_EQ(fold_numbers({1, 2, 3, 7, 9, 10}, 0), "1-3,7,9-10");
  EXPECT_EQ(fold_numbers({1, 2, 3, 7, 9, 10}, 6), "1-3,7...");
  EXPECT_EQ(fold_numbers({}, 0), "");
}

TEST(SlurmJobTexts, ExitCodesHaveASignal) {
  SlurmJob job{.state = JobState::failed, .exit_code = 3};
  EXPECT_EQ(exit_text(job), "3:0");
  job.exit_code = 128 + 9;
  EXPECT_EQ(exit_text(job), "0:9");
  job.exit_code = 255;
  EXPECT_EQ(exit_text(job), "255:0");
  job.state = JobState::out_of_memory;
  EXPECT_EQ(exit_text(job), "0:125");
  job.state = JobState::cancelled;
  EXPECT_EQ(exit_text(job), "0:0");
  job.started = Instant{1000};
  EXPECT_EQ(exit_text(job), "0:15");
}

TEST(SlurmJobTexts, Durations) {
  EXPECT_EQ(brief_duration(9), "0:09");
  EXPECT_EQ(brief_duration(3723), "1:02:03");
  EXPECT_EQ(brief_duration(93784), "1-02:03:04");
  EXPECT_EQ(full_duration(9), "00:00:09");
  EXPECT_EQ(full_duration(93784), "1-02:03:04");
}

TEST(SlurmJobTexts, StatesHaveTwoSpellings) {
  EXPECT_EQ(short_state(JobState::node_fail), "NF");
  EXPECT_EQ(slurm_state("pd"), JobState::pending);
  EXPECT_EQ(slurm_state("Out_Of_Memory"), JobState::out_of_memory);
  EXPECT_EQ(slurm_state("RUN"), std::nullopt);
}

TEST(SlurmJobTexts, TimeRunsWhileAJobDoes) {
  SlurmJob job{.state = JobState::running, .started = Instant{10'000}, .time_limit_s = 60};
  EXPECT_EQ(elapsed_s(job, Instant{25'000}), 15);
  EXPECT_EQ(end_of(job).ms, 70'000);
  job.ended = Instant{20'000};
  EXPECT_EQ(elapsed_s(job, Instant{25'000}), 10);
  EXPECT_EQ(end_of(job).ms, 20'000);
  job = {.state = JobState::pending, .started = Instant{10'000}};
  EXPECT_EQ(elapsed_s(job, Instant{25'000}), 0) << "it waits again, for its next attempt";
}

}  // namespace
}  // namespace sovren::cli
