// SPDX-License-Identifier: Apache-2.0
#include "cli/listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/client.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

using testing::ElementsAre;
using text::Json;

TEST(Targets, AreEncodedAndLeaveOutWhatIsEmpty) {
  EXPECT_EQ(target_of("/v1/jobs", {{"state", "PENDING,RUNNING"}, {"user", ""}, {"limit", "3"}}),
            "/v1/jobs?state=PENDING,RUNNING&limit=3");
  EXPECT_EQ(target_of("/v1/nodes/n1/drain", {{"why", "a&b=c d/\xC3\xA9"}}),
            "/v1/nodes/n1/drain?why=a%26b%3Dc%20d%2F%C3%A9");
  EXPECT_EQ(percent_encoded("../x?y#z"), "..%2Fx%3Fy%23z");
}

TEST(JobOperands, AreNumbersOrElements) {
  EXPECT_TRUE(job_operand("12"));
  EXPECT_TRUE(job_operand("12_5"));
  for (const char* word : {"", "x", "-1", "1.5", "12_", "1_2_3", "../1"})
    EXPECT_FALSE(job_operand(word)) << word;
}

TEST(Terminal, CutsLinesAtCharactersNotBytes) {
  EXPECT_EQ(clip_lines("abcdef\n\xC3\xA9\xC3\xA9\xC3\xA9\nx\n", 2), "ab\n\xC3\xA9\xC3\xA9\nx\n");
}

TEST(Listing, WhatAnotherUserWroteDoesNotDriveTheTerminal) {
  const Json job = {{"name", "evil\x1b[2J\x7f"}};
  EXPECT_EQ(text_of(job, "name"), "evil?[2J?");
  EXPECT_EQ(member_rows(job).front().back(), "evil?[2J?");
}

std::vector<std::string> row_of_array(const Json& states) {
  const Json jobs = {{{"id", 14},
                      {"array_job", 12},
                      {"element", 2},
                      {"name", "turn-${frame}"},
                      {"user", "ada"},
                      {"state", "RUNNING"},
                      {"reason", "Resources"},
                      {"array", {{"elements", 240}, {"states", states}}}}};
  return job_rows(jobs, Instant{}).at(1);
}

TEST(Listing, FoldedArrayIsOneRowThatCounts) {
  EXPECT_THAT(
      row_of_array(
          {{"COMPLETED", 96}, {"RUNNING", 2}, {"PENDING", 140}, {"FAILED", 1}, {"TIMEOUT", 1}}),
      ElementsAre("12_[0-239]", "turn-${frame}", "ada", "RUNNING", "", "", "96/240", "",
                  "96 done, 2 running, 140 waiting, 2 failed"));
  EXPECT_EQ(row_of_array({{"PENDING", 240}}).back(), "0 done, 240 waiting: Resources");
  EXPECT_EQ(row_of_array({{"PENDING", 240}})[3], "PENDING");
  EXPECT_EQ(row_of_array({{"COMPLETED", 239}, {"OUT_OF_MEMORY", 1}})[3], "FAILED");
  EXPECT_EQ(row_of_array({{"COMPLETED", 239}, {"CANCELLED", 1}})[3], "CANCELLED");
  EXPECT_EQ(row_of_array({{"COMPLETED", 240}})[3], "COMPLETED");
}

TEST(Listing, OfJobsHasARowForEach) {
  const Json jobs = {
      {{"id", 12},
       {"array_job", 10},
       {"element", 2},
       {"name", "sweep"},
       {"user", "ada"},
       {"state", "RUNNING"},
       {"attempts", 3},
       {"run_s", 1.0},
       {"started_at", "2026-11-26T12:00:00Z"},
       {"progress", {{"fraction", 0.259}}},
       {"nodes", {{{"node", "n1"}, {"ranks", 2}}, {{"node", "n2"}, {"ranks", 1}}}}},
      {{"id", 13}, {"state", "PENDING"}, {"reason", "Priority"}, {"why", "2 first"}}};
  const Rows rows = job_rows(jobs, *parse_utc("2026-11-26T12:01:00Z"));
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_THAT(rows[1], ElementsAre("12 = 10_2", "sweep", "ada", "RUNNING", "3", format_seconds(60),
                                   "25 %", "n1 n2", ""));
  EXPECT_EQ(rows[2].back(), "Priority: 2 first");
}

TEST(Listing, OfMembersLeavesOutWhatIsEmpty) {
  const Json job = {{"id", 1},
                    {"why", ""},
                    {"ended_at", nullptr},
                    {"resources", {{"ranks", 4}}},
                    {"nodes", {{{"node", "n1"}}}},
                    {"labels", Json::object()},
                    {"devices", {"a", "b"}}};
  EXPECT_THAT(
      member_rows(job),
      ElementsAre(ElementsAre("id", "1"), ElementsAre("resources.ranks", "4"),
                  ElementsAre("nodes[0].node", "n1"), ElementsAre("devices", R"(["a","b"])")));
}

}  // namespace
}  // namespace sovren::cli
