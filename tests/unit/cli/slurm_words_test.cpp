// SPDX-License-Identifier: Apache-2.0
// The words of Slurm's programs, read as these read them.
#include "cli/slurm_words.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace sovren::cli {
namespace {

using Value = SlurmOption::Value;

constexpr SlurmOption options[] = {
    {.name = "noheader", .letter = 'h'},
    {.name = "jobs", .letter = 'j', .value = Value::optional},
    {.name = "format", .letter = 'o', .value = Value::required, .variable = "SOVREN_TEST_FORMAT"},
    {.name = "start"},
    {.name = "states", .letter = 't', .value = Value::required},
    {.name = "name", .letter = 'n', .value = Value::required},
    {.name = "jobname", .value = Value::required, .means = "name"},
};
constexpr SlurmProgram squeue{
    .name = "squeue", .operands = "", .summary = "Lists jobs.", .options = options};
constexpr SlurmProgram sbatch{.name = "sbatch",
                              .operands = "SCRIPT",
                              .summary = "Submits.",
                              .options = options,
                              .order = SlurmProgram::Options::leading};

SlurmWords read(const SlurmProgram& program, const std::vector<std::string>& words) {
  auto read = read_slurm_words(program, words);
  EXPECT_TRUE(read.has_value());
  return read ? *read : SlurmWords();
}

std::string complaint(const std::vector<std::string>& words) {
  testing::internal::CaptureStderr();
  const auto read = read_slurm_words(squeue, words);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_FALSE(read.has_value());
  EXPECT_TRUE(!read && is_told(read.error()));
  return text;
}

TEST(SlurmWords, LettersMayBeJoinedAndNamesShortened) {
  const SlurmWords words = read(squeue, {"-hj12", "--form=%i", "--states", "PD"});
  EXPECT_TRUE(words.has("noheader"));
  EXPECT_EQ(words.text("jobs"), "12");
  EXPECT_EQ(words.text("format"), "%i");
  EXPECT_EQ(words.text("states"), "PD");
  EXPECT_FALSE(words.has("start"));
}

TEST(SlurmWords, AnOptionalValueIsPartOfItsWord) {
  const SlurmWords words = read(squeue, {"-j", "12"});
  EXPECT_TRUE(words.has("jobs"));
  EXPECT_EQ(words.text("jobs"), "");
  EXPECT_EQ(words.operands, std::vector<std::string>{"12"});
}

TEST(SlurmWords, TheLastValueCountsAndSpellingsAreOneOption) {
  EXPECT_EQ(read(squeue, {"-n", "a", "--jobname=b"}).text("name"), "b");
}

TEST(SlurmWords, AScriptKeepsItsOwnOptions) {
  const std::vector<std::string> words{"-n", "a", "job.sh", "-h", "--foo"};
  EXPECT_EQ(read(sbatch, words).operands, (std::vector<std::string>{"job.sh", "-h", "--foo"}));
  EXPECT_TRUE(read(squeue, {"x", "-h"}).has("noheader"));
}

TEST(SlurmWords, AVariableStandsInForAnOptionThatIsNotGiven) {
  ::setenv("SOVREN_TEST_FORMAT", "%j", 1);
  EXPECT_EQ(read(squeue, {}).text("format"), "%j");
  EXPECT_EQ(read(squeue, {"-o", "%i"}).text("format"), "%i");
  ::unsetenv("SOVREN_TEST_FORMAT");
  EXPECT_FALSE(read(squeue, {}).has("format"));
}

TEST(SlurmWords, WhatIsWrongIsToldAsSlurmTellsIt) {
  EXPECT_EQ(complaint({"--foo"}),
            "squeue: unrecognized option '--foo'\nTry \"squeue --help\" for more information\n");
  EXPECT_EQ(complaint({"-q"}),
            "squeue: invalid option -- 'q'\nTry \"squeue --help\" for more information\n");
  EXPECT_EQ(complaint({"--sta"}),
            "squeue: option '--sta' is ambiguous; possibilities: '--start' '--states'\n"
            "Try \"squeue --help\" for more information\n");
}

TEST(SlurmWords, HelpAndVersionAreAnswered) {
  testing::internal::CaptureStdout();
  EXPECT_TRUE(read(squeue, {"--help"}).is_answered);
  const std::string help = testing::internal::GetCapturedStdout();
  EXPECT_NE(help.find("  -t, --states=VALUE\n"), std::string::npos) << help;
  EXPECT_NE(help.find("  -j, --jobs[=VALUE]\n"), std::string::npos) << help;
  testing::internal::CaptureStdout();
  EXPECT_TRUE(read(squeue, {"-V"}).is_answered);
  EXPECT_TRUE(testing::internal::GetCapturedStdout().starts_with("slurm 22.05.8 "));
}

}  // namespace
}  // namespace sovren::cli
