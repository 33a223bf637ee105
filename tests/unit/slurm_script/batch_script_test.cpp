// SPDX-License-Identifier: Apache-2.0
#include "slurm/script/batch_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/text/job_file.h"

namespace sovren::slurm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

JobSpec spec_of(const std::string& toml) {
  auto spec = text::parse_job_file({.name = "job.toml", .text = toml, .base_dir = "/shared"});
  EXPECT_TRUE(spec) << (spec ? "" : to_text(spec.error().front()));
  return spec ? *spec : JobSpec{};
}

constexpr const char* analysis = R"(
kind = "causal-analysis"
[causal_analysis]
data = "data.csv"
)";
constexpr const char* plain_command = R"(
kind = "command"
[command]
argv = ["true"]
)";

ScriptSetting setting() {
  return {.job_file = "/shared/job.toml", .dir = "/shared/job.sovren", .programs_dir = "/opt/bin"};
}

std::string text_of(const std::string& toml, const ScriptSetting& how = setting()) {
  const auto script = batch_script(spec_of(toml), how);
  EXPECT_TRUE(script) << (script ? "" : to_text(script.error()));
  return script ? script->text : "";
}

// Of the file in tests/golden, which people read in reviews.
void expect_golden(const std::string& name, const std::string& text) {
  const char* source = std::getenv("SOVREN_SOURCE");
  ASSERT_NE(source, nullptr);
  std::ifstream file(std::string(source) + "/tests/golden/slurm/" + name);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << "if that is wanted: tests/golden/slurm/" << name;
}

TEST(BatchScript, OfAnAnalysisIsTheGoldenOne) {
  ScriptSetting how = setting();
  how.seal_s = 12.25;
  how.mark = "sovren:0123456789abcdef";
  expect_golden("analysis.sbatch", text_of(R"(
name = "enso"
partition = "general"
account = "climate"
qos = "high"
after = "ok:12,any:13,notok:14,after:15,corr:16,singleton"
begin = "2026-11-23T15:00:00Z"
comment = "second try"
labels = { region = "eu-west-1", ib = "yes" }
)" + std::string(analysis) + R"(
[resources]
nodes = 2
ranks = 4
cpus_per_rank = 3
gpus_per_rank = 1
memory_per_rank = "2GiB"
time_limit = "30h"
exclusive = true
)",
                                           how));
}

TEST(BatchScript, OfAnArrayIsTheGoldenOne) {
  ScriptSetting how = setting();
  how.launcher = RankLauncher::mpirun;
  how.continuation = Continuation::submit;
  how.run_options = {"--set", "name=it's"};
  how.notes = {"No srun was found."};
  expect_golden("array.sbatch", text_of(R"(
name = "frames"
priority = -10
array_max_running = 8
)" + std::string(analysis) + R"(
[array]
frame = "1-240"
)",
                                        how));
}

TEST(BatchScript, OfACommandThatCannotCheckpointIsTheGoldenOne) {
  expect_golden("command.sbatch", text_of(plain_command));
}

TEST(BatchScript, ACommandWithACheckpointSignalComesBack) {
  const std::string text = text_of(std::string(plain_command) + "checkpoint_signal = \"USR1\"\n");
  EXPECT_THAT(text, HasSubstr("--signal=B:USR1@120\n"));
  EXPECT_THAT(text, HasSubstr("scontrol requeue"));
}

TEST(BatchScript, RequeueAloneSubmitsNothing) {
  ScriptSetting how = setting();
  how.continuation = Continuation::requeue;
  EXPECT_THAT(text_of(analysis, how), Not(HasSubstr("sbatch --parsable")));
}

TEST(BatchScript, TheWarningIsTwoSealsAndAMarginButAQuarterOfTheLimitAtMost) {
  EXPECT_EQ(warning_s({}, {}), 120);
  EXPECT_EQ(warning_s({}, 3600.0), 120);
  EXPECT_EQ(warning_s({}, 60.0), 15);
  EXPECT_EQ(warning_s({}, 1.0), 1);
  EXPECT_EQ(warning_s(0.0, {}), 30);
  EXPECT_EQ(warning_s(12.25, {}), 55);
  EXPECT_EQ(warning_s(500.0, 3600.0), 900);
  EXPECT_EQ(warning_s(1e9, {}), 65535);  // sbatch takes no more
}

TEST(BatchScript, OfAJobWithoutALimitTheWarningKnowsThePartitions) {
  ScriptSetting how = setting();
  how.limit_s = 60;
  EXPECT_THAT(text_of(analysis, how), HasSubstr("--signal=B:USR1@15\n"));
}

TEST(BatchScript, MemoryOfARankIsSharedAmongItsCoresAndRoundedUp) {
  const auto asked = [](const std::string& resources) {
    return text_of(std::string(analysis) + "[resources]\n" + resources);
  };
  EXPECT_THAT(asked("memory_per_rank = \"1MiB\""), HasSubstr("--mem-per-cpu=1M\n"));
  EXPECT_THAT(asked("memory_per_rank = \"100B\"\ncpus_per_rank = 8"),
              HasSubstr("--mem-per-cpu=1M\n"));
  EXPECT_THAT(asked("memory_per_rank = \"10MiB\"\ncpus_per_rank = 3"),
              HasSubstr("--mem-per-cpu=4M\n"));
  EXPECT_THAT(asked(""), Not(HasSubstr("--mem")));
}

TEST(BatchScript, TimesAreSlurms) {
  const auto asked = [](const std::string& limit) {
    return text_of(std::string(analysis) + "[resources]\ntime_limit = \"" + limit + "\"");
  };
  EXPECT_THAT(asked("90s"), HasSubstr("--time=00:01:30\n"));
  EXPECT_THAT(asked("1500ms"), HasSubstr("--time=00:00:02\n"));
  EXPECT_THAT(asked("30h"), HasSubstr("--time=1-06:00:00\n"));
}

// sbatch reads a line of directives much as a shell does, but for backslashes within quotes.
TEST(BatchScript, NoTextBreaksOutOfItsLine) {
  const std::string text =
      text_of("comment = \"it's \\\\ # $(touch /tmp/x)\\nrm -rf /\"\n" + std::string(analysis));
  EXPECT_THAT(text, HasSubstr("#SBATCH --comment='it'\\''s \\\\ # $(touch /tmp/x) rm -rf /'\n"));
}

TEST(BatchScript, PathsWithOddLettersArePassedOn) {
  ScriptSetting how = setting();
  how.dir = "/shared/50% of 'it'";
  const std::string text = text_of(analysis, how);
  EXPECT_THAT(text, HasSubstr("--output='/shared/50%% of '\\''it'\\''/logs/slurm-%j.log'\n"));
  EXPECT_THAT(text, HasSubstr("dir='/shared/50% of '\\''it'\\'''\n"));
}

TEST(BatchScript, AFolderThatSlurmCannotNameIsRefused) {
  ScriptSetting how = setting();
  how.dir = "/shared/a\\b";
  const auto script = batch_script(spec_of(analysis), how);
  ASSERT_FALSE(script);
  EXPECT_EQ(script.error().code, Code::refused);
  EXPECT_EQ(script.error().where, "/shared/a\\b");
}

TEST(BatchScript, ALabelThatIsNotOneWordIsRefused) {
  const auto script =
      batch_script(spec_of("labels = { site = \"a b\" }\n" + std::string(analysis)), setting());
  ASSERT_FALSE(script);
  EXPECT_EQ(script.error().code, Code::refused);
  EXPECT_THAT(script.error().what, HasSubstr("site = \"a b\""));
}

TEST(BatchScript, WhatSlurmHasNoEqualForIsSaidInWarningsAndInTheScript) {
  const auto script =
      batch_script(spec_of("priority = 5\ndeadline = \"2026-11-24T08:00:00Z\"\n" +
                           std::string(analysis) + "[resources]\nranks = 4\nranks_min = 2\n"),
                   setting());
  ASSERT_TRUE(script);
  EXPECT_THAT(script->warnings, ElementsAre(HasSubstr("range of ranks"), HasSubstr("priority = 5"),
                                            HasSubstr("deadline")));
  for (const std::string& warning : script->warnings)
    EXPECT_THAT(script->text, HasSubstr("# Note: " + warning + "\n"));
  EXPECT_THAT(script->text, Not(HasSubstr("--deadline")));
  EXPECT_THAT(script->text, Not(HasSubstr("--nice")));
}

}  // namespace
}  // namespace sovren::slurm
