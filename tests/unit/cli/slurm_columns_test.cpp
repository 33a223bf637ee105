// SPDX-License-Identifier: Apache-2.0
// Listings as squeue and sacct of Slurm 22.05.8 print them; the lines were recorded from it.
#include "cli/slurm_columns.h"

#include <gtest/gtest.h>

#include <set>

#include "cli/sacct_fields.h"
#include "cli/slurm_job_fields.h"

namespace sovren::cli {
namespace {

const Instant now{1'795'750'484'000};

SlurmJob waiting() {
  return {.id = 6,
          .name = "dep",
          .user = "root",
          .partition = "work",
          .dependency = "afterok:1",
          .state = JobState::pending,
          .reason = "Dependency",
          .submitted = now + -3.0};
}

SlurmJob element(const std::string& task) {
  SlurmJob job = waiting();
  job.array_job = 2;
  job.id = 2 + std::stoll(task);
  job.task = task;
  job.name = "arr";
  job.array_running_max = 1;
  job.reason = "JobArrayTaskLimit";
  return job;
}

SlurmJob running() {
  SlurmJob job = waiting();
  job.id = 1;
  job.name = "one";
  job.state = JobState::running;
  job.reason = "None";
  job.nodes = {"n1", "n2"};
  job.nodes_count = 2;
  job.tasks = 2;
  job.started = now + -2.0;
  job.time_limit_s = 365 * 86'400.0;
  return job;
}

std::string listed(const std::string& format, const SlurmJob& job) {
  return format_of_letters(squeue_fields(), format, [](const std::string&) {}).line(job, now);
}

constexpr const char* usual = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";

TEST(SqueueFormat, UsualLinesAreThoseOfSlurm) {
  EXPECT_EQ(
      format_of_letters(squeue_fields(), usual, [](const std::string&) {}).heading(),
      "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)\n");
  EXPECT_EQ(listed(usual, waiting()),
            "                 6      work      dep     root PD       0:00      1 (Dependency)\n");
  EXPECT_EQ(listed(usual, running()),
            "                 1      work      one     root  R       0:02      2 n[1-2]\n");
}

TEST(SqueueFormat, WaitingElementsAreOneLine) {
  std::vector<SlurmJob> jobs;
  for (const char* task : {"3", "5", "7", "9"}) jobs.push_back(element(task));
  jobs.push_back(running());
  const auto rows = folded(jobs, 64);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(
      listed(usual, rows[0]),
      "     2_[3,5,7,9%1]      work      arr     root PD       0:00      1 (JobArrayTaskLimit)\n");
  EXPECT_EQ(listed("%i|%A|%F|%K", rows[0]), "2_[3,5,7,9%1]|2|2|3,5,7,9%1\n");
  EXPECT_EQ(listed("%i|%A|%F|%K", jobs[1]), "2_5|7|2|5\n");
  EXPECT_EQ(listed("%F|%K", jobs[4]), "1|N/A\n");
}

TEST(SqueueFormat, WhatWaitsForAnotherReasonOrRanBeforeIsALineOfItsOwn) {
  std::vector<SlurmJob> jobs{element("1"), element("2"), element("3"), element("4")};
  jobs[1].reason = "JobHeldUser";
  jobs[2].restarts = 1;
  const auto rows = folded(jobs, 0);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(slurm_id_text(rows[0]), "2_[1,4%1]");
  EXPECT_EQ(slurm_id_text(rows[1]), "2_[2%1]");
  EXPECT_EQ(slurm_id_text(rows[2]), "2_3");
}

TEST(SqueueFormat, WidthsSuffixesAndLettersThatAreNotKnown) {
  std::string unknown;
  const auto format = format_of_letters(squeue_fields(), ">%18i %.5j|%!%.2u;",
                                        [&](const std::string& letter) { unknown += letter; });
  EXPECT_EQ(unknown, "!");
  EXPECT_EQ(format.heading(), ">JOBID               NAME|%!US;\n");
  EXPECT_EQ(format.line(waiting(), now), ">6                    dep|%!ro;\n");
  EXPECT_EQ(listed("%", waiting()), "%\n");
  EXPECT_EQ(listed("plain", waiting()), "plain\n");
}

TEST(SqueueFormat, Names) {
  const auto format =
      format_of_names(squeue_fields(), "JobID:10,ArrayJobID:.10 ,StateCompact:4,Name");
  ASSERT_TRUE(format.has_value());
  EXPECT_EQ(format->heading(), "JOBID     ARRAY_JOB_ ST  NAME                \n");
  EXPECT_EQ(format->line(waiting(), now), "6                  6 PD  dep                 \n");
  EXPECT_FALSE(format_of_names(squeue_fields(), "JobID,Foo").has_value());
}

TEST(SqueueFormat, EachLetterAndNameIsOneField) {
  std::set<std::string> seen;
  for (const auto& field : squeue_fields()) {
    EXPECT_TRUE(field.letter == '\0' || seen.insert(std::string(1, field.letter)).second)
        << field.letter;
    EXPECT_TRUE(*field.name == '\0' || seen.insert(field.name).second) << field.name;
  }
}

std::string accounted(const std::string& format, const SacctRow& row, const SacctStyle& style) {
  const auto columns = parse_sacct_format(format);
  EXPECT_TRUE(columns.has_value()) << format;
  return columns ? sacct_line(*columns, style, row, now) : "";
}

TEST(SacctFormat, ATableIsCutWithAPlus) {
  const SlurmJob job = folded({element("3"), element("5"), element("17")}, 0)[0];
  const auto columns = parse_sacct_format("jobid,JobName,state%12,ExitCode%-9");
  ASSERT_TRUE(columns.has_value());
  EXPECT_EQ(sacct_heading(*columns, {}),
            "JobID           JobName        State ExitCode  \n"
            "------------ ---------- ------------ --------- \n");
  EXPECT_EQ(sacct_line(*columns, {}, {&job, false}, now),
            "2_[3,5,17%1]        arr      PENDING 0:0       \n");
  EXPECT_EQ(accounted("JobID%8", {&job, false}, {}), "2_[3,5,+ \n");
}

TEST(SacctFormat, AStepHasWhatIsItsOwn) {
  const SlurmJob job = running();
  const SacctStyle style{.kind = SacctStyle::Kind::parsable2};
  const std::string format = "JobID,JobIDRaw,JobName,Partition,User,State,NodeList,AllocCPUS";
  EXPECT_EQ(accounted(format, {&job, false}, style), "1|1|one|work|root|RUNNING|n[1-2]|2\n");
  EXPECT_EQ(accounted(format, {&job, true}, style), "1.batch|1.batch|batch|||RUNNING|n[1-2]|2\n");
  EXPECT_EQ(accounted("JobID,State", {&job, false}, {.kind = SacctStyle::Kind::parsable}),
            "1|RUNNING|\n");
}

TEST(SacctFormat, ACancelledJobSaysByWhom) {
  SlurmJob job = running();
  job.state = JobState::cancelled;
  job.cancelled_by = "root";
  const SacctStyle style{.kind = SacctStyle::Kind::parsable2, .delimiter = ";"};
  EXPECT_EQ(accounted("State,ExitCode", {&job, false}, style), "CANCELLED by 0;0:15\n");
  EXPECT_EQ(accounted("State", {&job, true}, style), "CANCELLED\n");
  EXPECT_EQ(accounted("State", {&job, false}, {}), "CANCELLED+ \n");
}

TEST(SacctFormat, WhatIsNoFieldIsRefused) {
  for (const char* text : {"JobID,Foo", "State%", "State%x", "State%0", "State%9999999999"})
    EXPECT_FALSE(parse_sacct_format(text).has_value()) << text;
}

TEST(SlurmTexts, MemoryAndResources) {
  EXPECT_EQ(memory_text(1500), "1500M");
  EXPECT_EQ(memory_text(2048), "2G");
  SlurmJob job = running();
  job.cpus_per_task = 2;
  job.gpus_per_task = 1;
  job.memory_per_task_bytes = (std::int64_t{3} << 30) + 1;
  EXPECT_EQ(tres_text(job), "cpu=4,mem=6146M,node=2,billing=4,gres/gpu=2");
  EXPECT_EQ(memory_per_cpu_mib(job), 1537);
}

}  // namespace
}  // namespace sovren::cli
