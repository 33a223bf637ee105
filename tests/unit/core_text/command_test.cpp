// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/text/job_file.h"
#include "tests/unit/core_text/parsing.h"

namespace sovren::text {
namespace {

using testing_text::errors_of;
using testing_text::spec_of;

const std::string head = "kind = \"command\"\n[command]\n";
const std::string argv = head + "argv = [\"./simulate\", \"-n\", \"3\"]\n";

CommandSpec command_of(const std::string& text, const std::vector<Override>& overrides = {}) {
  const JobSpec spec = spec_of(text, overrides);
  const auto* command = std::get_if<CommandSpec>(&spec.kind);
  return command != nullptr ? *command : CommandSpec{.argv = {spec.name}};
}

TEST(Command, ReadsEveryKey) {
  const CommandSpec expected{.argv = {"./simulate", "-n", "3"},
                             .environment = {{"A", "1"}, {"_b2", "x y"}},
                             .checkpoint_signal = "USR1",
                             .input = "/base/me/in.txt",
                             .folder = "/base/runs"};
  EXPECT_EQ(command_of(argv + "environment = { A = \"1\", _b2 = \"x y\" }\n"
                              "checkpoint_signal = \"SIGUSR1\"\n"
                              "stdin = \"in.txt\"\nfolder = \"../runs\"\n"),
            expected);
}

TEST(Command, ReadsAScriptOfManyLines) {
  EXPECT_EQ(command_of(head + "script = '''\n#!/bin/sh\necho ${HOME} $$\n'''").script,
            "#!/bin/sh\necho ${HOME} $$\n");
  const std::string script = "#!/bin/sh\n" + std::string(100'000, 'x');
  EXPECT_EQ(command_of(head + "script = '''" + script + "'''").script, script);
}

// In a file of dotted keys the section may stand above the kind.
TEST(Command, MayStandAboveItsKind) {
  EXPECT_EQ(command_of("command.argv = [\"true\"]\nkind = \"command\"\n").argv,
            std::vector<std::string>{"true"});
}

TEST(Command, IsSetByOverrides) {
  const std::vector<Override> overrides{{"kind", "command"},
                                        {"command.argv", "[\"true\"]"},
                                        {"command.environment.N", "5"},
                                        {"command.checkpoint_signal", "TERM"}};
  const CommandSpec command = command_of("", overrides);
  EXPECT_EQ(command.argv, std::vector<std::string>{"true"});
  EXPECT_EQ(command.environment.at("N"), "5");
  EXPECT_EQ(command.checkpoint_signal, "TERM");
}

TEST(Command, NeedsExactlyOneProgram) {
  EXPECT_EQ(errors_of("kind = \"command\"\n"),
            "job.toml:1:1: command has neither argv nor script\n"
            "  hint: write in [command]: argv = [\"./simulate\", \"--steps\", \"100\"]\n");
  EXPECT_EQ(errors_of(head).substr(0, 13), "job.toml:2:2:");
  EXPECT_EQ(errors_of(argv + "script = \"true\""),
            "job.toml:4:10: command has both argv and script\n"
            "  hint: one of them is what is run\n");
}

TEST(Command, NamesWhatIsWrongWithItsValues) {
  const auto expect = [](const std::string& text, const std::string& errors) {
    EXPECT_EQ(errors_of(text), errors) << text;
  };
  const std::string argv_must =
      "job.toml:3:8: command.argv must be a list of 1 to 10000 texts, of which the first names a "
      "program, got ";
  const std::string argv_hint = "\n  hint: write: argv = [\"./simulate\", \"--steps\", \"100\"]\n";
  expect(head + "argv = \"true\"", argv_must + "string 'true'" + argv_hint);
  expect(head + "argv = []", argv_must + "an empty list" + argv_hint);
  EXPECT_NE(errors_of(head + "argv = [\"\"]"), "");
  EXPECT_NE(errors_of(head + "argv = [\"a\", 3]"), "");
  EXPECT_NE(errors_of(head + "argv = [\"a\\u0000\"]"), "");
  expect(head + "script = \"\"",
         "job.toml:3:10: command.script must be a script of 1 to 262144 "
         "bytes, got string ''\n");
  EXPECT_NE(errors_of(head + "script = \"a\\u0000\""), "");
  EXPECT_NE(errors_of(head + "script = \"#!/bin/sh\\r\\ntrue\\r\\n\"").find("dos2unix"),
            std::string::npos);
  expect(argv + "environment = { \"A B\" = \"1\" }",
         "job.toml:4:17: command.environment: a variable's name must be letters, digits and _ (or "
         "that of a bash function), got "
         "\"A B\"\n");
  expect(argv + "environment = { A = 1 }",
         "job.toml:4:21: command.environment.A must be text, got 1\n  hint: write: A = \"...\"\n");
  expect(argv + "checkpoint_signal = \"KILL\"",
         "job.toml:4:21: command.checkpoint_signal must be one of USR1, USR2, TERM, INT, HUP, "
         "QUIT, CONT, ALRM, URG, got string 'KILL'\n"
         "  hint: write: checkpoint_signal = \"USR1\"\n");
  EXPECT_NE(errors_of(argv + "checkpoint_signal = \"usr1\"").find("did you mean 'USR1'?"),
            std::string::npos);
}

TEST(Command, IsMissedWhereOnlyItsSectionStands) {
  EXPECT_EQ(errors_of("[command]\nargv = [\"true\"]\nfoldr = \"x\""),
            "job.toml:1:1: kind is missing\n  hint: write: kind = \"command\"\n"
            "job.toml:3:1: unknown key 'foldr' in [command]\n  hint: did you mean 'folder'?\n");
  EXPECT_EQ(errors_of(argv + "[causal_analysis]\ndata = \"x\""),
            "job.toml:4:2: [causal_analysis] does not belong to kind 'command'\n");
}

TEST(Command, ChangesItsFactsWithWhatIsRunOnly) {
  const auto digest = [](const std::vector<Override>& overrides) {
    return facts_digest(spec_facts(spec_of(argv, overrides)));
  };
  const std::string plain = digest({});
  EXPECT_EQ(digest({{"command.checkpoint_signal", "USR1"}, {"resources.ranks", "3"}}), plain);
  EXPECT_NE(digest({{"command.argv", "[\"./simulate\"]"}}), plain);
  EXPECT_NE(digest({{"command.environment.A", "1"}}), plain);
}

TEST(Command, LeavesTheShellItsBracesInAnArray) {
  const JobSpec spec = spec_of("name = \"j-${frame}\"\n" + head +
                               "script = 'echo ${HOME} ${frame} $${x ${'\n[array]\nframe = "
                               "\"5-6\"\ncolor = [\"red\"]");
  const auto jobs = expand_array(spec);
  ASSERT_TRUE(jobs) << to_text(jobs.error());
  ASSERT_EQ(jobs->size(), 2U);
  const auto& second = std::get<CommandSpec>((*jobs)[1].kind);
  EXPECT_EQ(second.script, "echo ${HOME} 6 $${x ${");
  EXPECT_EQ(second.environment, (std::map<std::string, std::string>{{"SLURM_ARRAY_TASK_ID", "1"},
                                                                    {"SLURM_ARRAY_TASK_COUNT", "2"},
                                                                    {"SLURM_ARRAY_TASK_MAX", "1"},
                                                                    {"SLURM_ARRAY_TASK_MIN", "0"},
                                                                    {"SLURM_ARRAY_TASK_STEP", "1"},
                                                                    {"SOVREN_ARRAY_COLOR", "red"},
                                                                    {"SOVREN_ARRAY_FRAME", "6"}}));
}

TEST(Command, OfOneNumberedAxisHasItsValueAsTaskId) {
  const auto job = expand_element(spec_of(argv + "environment = { SOVREN_ARRAY_N = \"mine\" }\n"
                                                 "[array]\nn = \"10-20:5\""),
                                  2);
  ASSERT_TRUE(job);
  const auto& environment = std::get<CommandSpec>(job->kind).environment;
  EXPECT_EQ(environment.at("SLURM_ARRAY_TASK_ID"), "20");
  for (const auto& [name, value] :
       {std::pair{"COUNT", "3"}, {"MIN", "10"}, {"MAX", "20"}, {"STEP", "5"}})
    EXPECT_EQ(environment.at(std::string("SLURM_ARRAY_TASK_") + name), value) << name;
  EXPECT_EQ(environment.at("SOVREN_ARRAY_N"), "mine");
}

TEST(Command, StepOfAnArrayIsSlurms) {  // seen with Slurm 22.05
  const std::pair<const char*, const char*> cases[] = {
      {"3", "1"}, {"1,4,9", "1"}, {"0-6:3,7", "3"}, {"4-6,8", "1"}, {"0-3", "1"}};
  for (const auto& [range, step] : cases) {
    const auto job = expand_element(spec_of(argv + "[array]\nn = \"" + range + "\""), 0);
    ASSERT_TRUE(job);
    EXPECT_EQ(std::get<CommandSpec>(job->kind).environment.at("SLURM_ARRAY_TASK_STEP"), step)
        << range;
  }
}

}  // namespace
}  // namespace sovren::text
