// SPDX-License-Identifier: Apache-2.0
#include "core/text/file_pattern.h"

#include <gtest/gtest.h>

namespace sovren::text {
namespace {

const PatternValues element{.job = 57,
                            .array_job = 50,
                            .array_task = "7",
                            .step = 2,
                            .rank = 13,
                            .node = 1,
                            .node_name = "n1",
                            .user = "ada",
                            .job_name = "fit"};

TEST(FilePattern, ReplacesEachOfSlurmsLetters) {
  EXPECT_EQ(expand_pattern("%A_%a", element), "50_7");
  EXPECT_EQ(expand_pattern("%j %J %s", element), "57 57.2 2");
  EXPECT_EQ(expand_pattern("%N-%n-%t-%u-%x", element), "n1-1-13-ada-fit");
  EXPECT_EQ(expand_pattern("100%%", element), "100%");
}

TEST(FilePattern, WithoutArrayAndStepIsAsSlurmHasIt) {
  EXPECT_EQ(expand_pattern("%A_%a.%s.%J", {.job = 8}), "8_4294967294.batch.8");
}

TEST(FilePattern, PadsNumbersWithZeros) {
  EXPECT_EQ(expand_pattern("%4t|%02a|%10j|%99j", element), "0013|07|0000000057|0000000057");
  EXPECT_EQ(expand_pattern("%4N", element), "n1");  // no number
  EXPECT_EQ(expand_pattern("%4s", {}), "batch");
}

TEST(FilePattern, LeavesOtherLettersAndABareSignAlone) {
  EXPECT_EQ(expand_pattern("%z %5q 50% %", element), "%z %5q 50% %");
  EXPECT_EQ(expand_pattern("%123456789012345678901234567890", element),
            "%123456789012345678901234567890");
}

TEST(FilePattern, ABackslashTurnsItOff) {
  EXPECT_EQ(expand_pattern("out\\-%j", element), "out-%j");
}

}  // namespace
}  // namespace sovren::text
