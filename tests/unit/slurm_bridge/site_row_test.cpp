// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/site_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

namespace sovren::slurm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Tasks = std::vector<std::pair<std::int64_t, std::int64_t>>;

std::string fixture(const std::string& version) {
  const char* source = std::getenv("SOVREN_SOURCE");
  std::ifstream in(std::string(source != nullptr ? source : ".") +
                   "/tests/unit/slurm_bridge/fixtures/squeue-" + version + ".json");
  EXPECT_TRUE(in) << version;
  return (std::stringstream() << in.rdbuf()).str();
}

constexpr const char* versions[] = {"20.11", "21.08", "22.05", "23.02", "23.11",
                                    "24.05", "24.11", "25.05", "25.11", "26.05"};

TEST(SqueueJson, EachVersionSaysTheSame) {
  for (const std::string version : versions) {
    const auto rows = read_squeue_json(fixture(version));
    ASSERT_TRUE(rows) << version << to_text(rows.error());
    const bool has_lists = version >= "23.11";
    const SiteRow wanted[] = {
        {.site_job = "101",
         .state = "RUNNING",
         .nodes = "n[1-2]",
         .comment = "sovren:00ff00ff00ff00ff",
         .restarts = 2,
         .exit_code = 0},
        {.site_job = "102",
         .tasks = {{2, 99}},
         .state = "PENDING",
         .reason = "JobArrayTaskLimit",
         .restarts = 0,
         .exit_code = 0},
        {.site_job = "102",
         .tasks = {{0, 0}},
         .state = "RUNNING",
         .nodes = "n1",
         .restarts = 0,
         .exit_code = 0},
        {.site_job = "104",
         .state = "FAILED",
         .reason = "NonZeroExitCode",
         .nodes = "n1",
         .restarts = 0,
         .exit_code = 3},
        {.site_job = "105",
         .state = "FAILED",
         .reason = "JobLaunchFailure",
         .nodes = "n1",
         .restarts = 0,
         .exit_code = 137},
        {.site_job = "106",
         .state = has_lists ? "COMPLETED+COMPLETING" : "COMPLETING",
         .nodes = "n2",
         .restarts = 0,
         .exit_code = 0},
        {.site_job = "107",
         .state = "PENDING",
         .reason = "Priority",
         .comment = "job_state: {\"x\": 1}",
         .restarts = 0,
         .exit_code = 0},
    };
    ASSERT_EQ(rows->size(), std::size(wanted)) << version;
    for (std::size_t i = 0; i < rows->size(); ++i)
      EXPECT_EQ((*rows)[i], wanted[i])
          << version << " job " << wanted[i].site_job << ": " << (*rows)[i].state << " "
          << (*rows)[i].exit_code.value_or(-1);
  }
}

TEST(SqueueJson, WarningsBeforeItArePassedOver) {
  const auto rows = read_squeue_json("squeue: warning: {odd}\nslow today\n" + fixture("24.05"));
  ASSERT_TRUE(rows) << to_text(rows.error());
  EXPECT_EQ(rows->size(), 7U);
}

TEST(SqueueJson, CutShortAnywhereIsNoAnswer) {
  const std::string whole = fixture("23.11");
  for (std::size_t size = 0; size < whole.size() - 2; size += 7) {
    const auto rows = read_squeue_json(whole.substr(0, size));
    ASSERT_FALSE(rows) << size;
    EXPECT_EQ(rows.error().code, Code::data_invalid);
  }
}

TEST(SqueueJson, AnErrorOfTheSiteIsPassedOn) {
  const auto rows = read_squeue_json(
      R"({"meta":{},"jobs":[],
          "errors":[{"error":"Unable to contact slurm controller","error_number":7}]})");
  ASSERT_FALSE(rows);
  EXPECT_THAT(rows.error().what, HasSubstr("Unable to contact slurm controller"));
  EXPECT_FALSE(read_squeue_json(R"({"meta":{},"errors":[]})"));
  EXPECT_TRUE(read_squeue_json(R"({"jobs":[],"errors":[]})"));
}

TEST(SqueueJson, JobsOfShapesThatNobodyHasSeenYetAreLeftOut) {
  const auto rows = read_squeue_json(R"({"jobs":[
    7, null, [], {}, {"job_id":"8","job_state":"RUNNING"}, {"job_id":9},
    {"job_id":-9,"job_state":"RUNNING"}, {"job_id":10,"job_state":{"now":"RUNNING"}},
    {"job_id":{"set":true,"number":11},"job_state":["RUNNING"],"nodes":["n1"],"name":"x",
     "job_resources":{"nodes":{"list":"n9","job_id":99}}, "extra":[[[[[[[[[[{"job_id":3}]]]]]]]]]]},
    {"job_id":1e99,"job_state":"RUNNING"},
    {"job_id":99999999999999999999,"job_state":"RUNNING"}]})");
  ASSERT_TRUE(rows) << to_text(rows.error());
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ((*rows)[0].site_job, "11");
}

TEST(SqueueJson, DamagedDocumentsNeverCrash) {
  const std::string whole = fixture("24.11");
  std::mt19937_64 random(7);
  for (int i = 0; i < 2'000; ++i) {
    std::string text = whole;
    for (auto n = 1 + random() % 5; n > 0; --n)
      text[random() % text.size()] = static_cast<char>(random() % 256);
    const auto rows = read_squeue_json(text);
    EXPECT_TRUE(rows || rows.error().code == Code::data_invalid);
  }
}

// As Slurm 22.05.8 prints them.
constexpr std::string_view fields_answer =
    "3|FAILED|0|768|NonZeroExitCode|n2|(null)|\n"
    "6|FAILED|1|9|JobLaunchFailure|n2||\n"
    "2_[2-99%2]|PENDING|0|0|JobArrayTaskLimit||(null)|\n"
    "1|RUNNING|0|0|None|n[1-2]|sovren:00ff0011 my | own comment|\n"
    "2_0|RUNNING|0|0|None|n1|(null)|\n";

TEST(SqueueFields, AreRead) {
  const auto rows = read_squeue_fields(fields_answer);
  ASSERT_TRUE(rows) << to_text(rows.error());
  EXPECT_THAT(*rows, ElementsAre(SiteRow{.site_job = "3",
                                         .state = "FAILED",
                                         .reason = "NonZeroExitCode",
                                         .nodes = "n2",
                                         .restarts = 0,
                                         .exit_code = 3},
                                 SiteRow{.site_job = "6",
                                         .state = "FAILED",
                                         .reason = "JobLaunchFailure",
                                         .nodes = "n2",
                                         .restarts = 1,
                                         .exit_code = 137},
                                 SiteRow{.site_job = "2",
                                         .tasks = {{2, 99}},
                                         .state = "PENDING",
                                         .reason = "JobArrayTaskLimit",
                                         .restarts = 0,
                                         .exit_code = 0},
                                 SiteRow{.site_job = "1",
                                         .state = "RUNNING",
                                         .nodes = "n[1-2]",
                                         .comment = "sovren:00ff0011 my | own comment",
                                         .restarts = 0,
                                         .exit_code = 0},
                                 SiteRow{.site_job = "2",
                                         .tasks = {{0, 0}},
                                         .state = "RUNNING",
                                         .nodes = "n1",
                                         .restarts = 0,
                                         .exit_code = 0}));
  EXPECT_THAT(*read_squeue_fields(""), testing::IsEmpty());
  EXPECT_EQ(read_squeue_fields("CLUSTER: alpha\nslow today\n" + std::string(fields_answer))->size(),
            5U);
}

TEST(SqueueFields, OtherAnswersAreRefused) {
  for (const std::string text :
       {"garbage\n", "garbage", "12\n", "3              FAILED        0       768\n",
        "12|RUNNING\n", "12|RUNNING|N/A|0|None|n1||\n", "{\"jobs\":[]}\n", "\xff\xff\n"}) {
    const auto rows = read_squeue_fields(text);
    ASSERT_FALSE(rows) << text;
    EXPECT_EQ(rows.error().code, Code::data_invalid);
  }
  for (std::size_t size = 1; size < fields_answer.size(); ++size) {
    if (fields_answer[size - 1] != '\n') {
      EXPECT_FALSE(read_squeue_fields(fields_answer.substr(0, size))) << size;
    }
  }
}

TEST(SqueueFields, ACommentMayHaveLines) {
  const auto rows = read_squeue_fields(
      "3|FAILED|0|768|NonZeroExitCode|n2|two\nlines|\n4|RUNNING|0|0|None|n1||\n");
  ASSERT_TRUE(rows) << to_text(rows.error());
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].comment, "two");
}

TEST(SqueueFormat, SaysNothingOfRestartsAndExitCodes) {
  const auto rows =
      read_squeue_format("3|FAILED|NonZeroExitCode|n2|(null)|\n2_4|CG|None|n1|a|b|\n");
  ASSERT_TRUE(rows) << to_text(rows.error());
  EXPECT_THAT(
      *rows,
      ElementsAre(
          SiteRow{.site_job = "3", .state = "FAILED", .reason = "NonZeroExitCode", .nodes = "n2"},
          SiteRow{
              .site_job = "2", .tasks = {{4, 4}}, .state = "CG", .nodes = "n1", .comment = "a|b"}));
}

TEST(Sacct, StepsAreFoldedIntoTheirJobs) {
  const auto rows = read_sacct(
      "12|COMPLETED|0:0|n[1-2]\n12.batch|COMPLETED|0:0|n1\n12.extern|COMPLETED|0:0|n1\n"
      "13|FAILED|1:0|n1\n13.0|OUT_OF_MEMORY|0:125|n1\n"
      "14|CANCELLED by 1000|0:15|None assigned\n"
      "15_3|TIMEOUT|0:0|n2\n15_3.batch|CANCELLED|0:15|n2\n15_[4-9]|PENDING|0:0|None assigned\n"
      "16+0|NODE_FAIL|1:0|n2\n");
  ASSERT_TRUE(rows) << to_text(rows.error());
  EXPECT_THAT(
      *rows, ElementsAre(
                 SiteRow{.site_job = "12", .state = "COMPLETED", .nodes = "n[1-2]", .exit_code = 0},
                 SiteRow{.site_job = "13", .state = "OUT_OF_MEMORY", .nodes = "n1", .exit_code = 1},
                 SiteRow{.site_job = "14", .state = "CANCELLED by 1000", .exit_code = 143},
                 SiteRow{.site_job = "15",
                         .tasks = {{3, 3}},
                         .state = "TIMEOUT",
                         .nodes = "n2",
                         .exit_code = 0},
                 SiteRow{.site_job = "15", .tasks = {{4, 9}}, .state = "PENDING", .exit_code = 0},
                 SiteRow{.site_job = "16", .state = "NODE_FAIL", .nodes = "n2", .exit_code = 1}));
  EXPECT_FALSE(read_sacct("Slurm accounting storage is disabled\n"));
  EXPECT_TRUE(read_sacct("")->empty());
}

TEST(JobIds, AreRead) {
  const auto tasks = [](std::string_view id) {
    SiteRow row;
    EXPECT_TRUE(read_job_id(id, row)) << id;
    EXPECT_EQ(row.site_job, "12") << id;
    return row.tasks;
  };
  EXPECT_EQ(tasks("12"), Tasks{});
  EXPECT_EQ(tasks("12+3"), Tasks{});
  EXPECT_EQ(tasks("12_7"), (Tasks{{7, 7}}));
  EXPECT_EQ(tasks("12_[7]"), (Tasks{{7, 7}}));
  EXPECT_EQ(tasks("12_[0-3,5,7-9%4]"), (Tasks{{0, 3}, {5, 5}, {7, 9}}));
  EXPECT_EQ(tasks("12_[0-6:3]"), (Tasks{{0, 0}, {3, 3}, {6, 6}}));
  SiteRow cut;
  EXPECT_TRUE(read_job_id("12_[1,3,5,7,9,11,1...]", cut));
  EXPECT_TRUE(cut.has_more_tasks);
  for (const char* id : {"", "_", "12_", "12_[", "12_[]", "12_[a]", "12_[3-1]", "12_[1,,2]", "x12",
                         "12_[0-9:0]", "12_[0-99999999999]", "-12", "12.batch", "12_[1...,3]"}) {
    SiteRow row;
    EXPECT_FALSE(read_job_id(id, row)) << id;
  }
}

TEST(WaitStatus, IsAnExitCode) {
  EXPECT_EQ(exit_code_of_status(0), 0);
  EXPECT_EQ(exit_code_of_status(768), 3);
  EXPECT_EQ(exit_code_of_status(9), 137);
  EXPECT_EQ(exit_code_of_status(0x8b), 139);  // with a core file
}

}  // namespace
}  // namespace sovren::slurm
