// SPDX-License-Identifier: Apache-2.0
// Moments as sacct takes them, in local time.
#include "cli/slurm_times.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "cli/slurm_job.h"

namespace sovren::cli {
namespace {

class SlurmTimes : public testing::Test {
 protected:
  SlurmTimes() {
    ::setenv("TZ", "UTC0", 1);
    ::tzset();
  }
  ~SlurmTimes() override {
    ::unsetenv("TZ");
    ::tzset();
  }
  std::string read(const std::string& text) {
    const auto at = parse_slurm_time(text, *parse_utc("2026-11-27T15:04:05Z"));
    return at ? slurm_time(*at, "none") : "refused";
  }
};

TEST_F(SlurmTimes, WordsAndShifts) {
  EXPECT_EQ(read("now"), "2026-11-27T15:04:05");
  EXPECT_EQ(read("now-2hours"), "2026-11-27T13:04:05");
  EXPECT_EQ(read("now-90"), "2026-11-27T15:02:35");
  EXPECT_EQ(read("midnight"), "2026-11-27T00:00:00");
  EXPECT_EQ(read("today-1days"), "2026-11-26T00:00:00");
  EXPECT_EQ(read("noon"), "2026-11-27T12:00:00");
}

TEST_F(SlurmTimes, ClocksAndDays) {
  EXPECT_EQ(read("9:30"), "2026-11-27T09:30:00");
  EXPECT_EQ(read("2026-01-02"), "2026-01-02T00:00:00");
  EXPECT_EQ(read("2026-01-02T03:04:05"), "2026-01-02T03:04:05");
  EXPECT_EQ(read("2026-01-02-03:04"), "2026-01-02T03:04:00");
  EXPECT_EQ(read("0102"), "2026-01-02T00:00:00");
  EXPECT_EQ(read("010225"), "2025-01-02T00:00:00");
  EXPECT_EQ(read("01/02/25-03:04"), "2025-01-02T03:04:00");
}

TEST_F(SlurmTimes, WhatIsNoTimeIsRefused) {
  for (const char* text : {"", "soon", "now-2fortnights", "25:00", "9:61", "2026-13-01", "2026-01",
                           "2026-01-02T", "01/", "now2hours", "13"})
    EXPECT_EQ(read(text), "refused") << text;
}

}  // namespace
}  // namespace sovren::cli
