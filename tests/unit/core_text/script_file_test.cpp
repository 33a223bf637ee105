// SPDX-License-Identifier: Apache-2.0
#include "core/text/script_file.h"

#include <gtest/gtest.h>

namespace sovren::text {
namespace {

ScriptJob job_of(const std::string& text, const std::vector<Override>& overrides = {}) {
  const auto job = parse_script({"dir/job.sh", text, "/base/me"}, overrides);
  EXPECT_TRUE(job) << to_text(job.error().front());
  return job ? *job : ScriptJob{};
}

std::string script_errors_of(const std::string& lines) {
  const auto job = parse_script({"job.sh", "#!/bin/sh\n" + lines, "/base/me"});
  std::string all;
  if (!job)
    for (const Error& error : job.error()) all += to_text(error) + "\n";
  return all;
}

TEST(Script, IsToldFromAJobFileByItsFirstLine) {
  EXPECT_TRUE(is_script("#!/bin/sh\n"));
  EXPECT_FALSE(is_script("# a comment\nkind = \"command\""));
  EXPECT_FALSE(is_script(""));
}

TEST(Script, IsACommandWithItsWholeText) {
  const std::string text = "#!/bin/bash\necho ${HOME}\n";
  const ScriptJob job = job_of(text);
  JobSpec expected;
  expected.name = "job.sh";
  expected.kind = CommandSpec{.script = text};
  EXPECT_EQ(job.spec, expected) << print_job_file(job.spec);
  EXPECT_FALSE(job.is_held);
  EXPECT_TRUE(job.warnings.empty());
}

TEST(Script, ReadsItsDirectives) {
  const ScriptJob job = job_of(R"(#!/bin/sh
# A comment
#SOVREN --ranks 4 --time-limit=1h --exclusive   # a note, with --nodes 9
#SOVREN	--set resources.memory_per_rank=2GiB labels.region=eu-west-1 qos=high

#SOVREN --name "my job" --comment 'it"s' --after ok:12,singleton --hold
#SOVREN --array 0-99%8 --checkpoint-signal USR1 --begin 2026-11-24T08:00:00Z --account 77
#SOVRENX --ranks 5
echo run
)");
  const JobSpec& spec = job.spec;
  EXPECT_EQ(spec.resources.ranks, 4);
  EXPECT_EQ(spec.resources.nodes, 1);
  EXPECT_EQ(spec.resources.time_limit_s, 3600);
  EXPECT_TRUE(spec.resources.exclusive);
  EXPECT_EQ(spec.resources.memory_per_rank_bytes, std::int64_t{2} << 30);
  EXPECT_EQ(spec.labels.at("region"), "eu-west-1");
  EXPECT_EQ(spec.qos, "high");
  EXPECT_EQ(spec.name, "my job");
  EXPECT_EQ(spec.comment, "it\"s");
  EXPECT_EQ(spec.after, "ok:12,singleton");
  EXPECT_EQ(spec.begin, "2026-11-24T08:00:00Z");
  EXPECT_EQ(spec.account, "77");
  EXPECT_TRUE(job.is_held);
  ASSERT_EQ(array_size(spec), 100);
  EXPECT_EQ(spec.array[0].name, "task");
  EXPECT_EQ(spec.array_max_running, 8);
  EXPECT_EQ(std::get<CommandSpec>(spec.kind).checkpoint_signal, "USR1");
  const auto element = expand_element(spec, 7);
  ASSERT_TRUE(element);
  EXPECT_EQ(std::get<CommandSpec>(element->kind).environment.at("SOVREN_ARRAY_TASK"), "7");
  EXPECT_EQ(std::get<CommandSpec>(element->kind).environment.at("SLURM_ARRAY_TASK_ID"), "7");
}

TEST(Script, MayNameItsAxis) {
  const ScriptJob job = job_of("#!/bin/sh\n#SOVREN --array frame=1-240:2\nrender ${frame}\n");
  EXPECT_EQ(job.spec.array[0].name, "frame");
  EXPECT_EQ(job.spec.array_max_running, 0);
  const auto element = expand_element(job.spec, 1);
  ASSERT_TRUE(element);
  EXPECT_NE(std::get<CommandSpec>(element->kind).script.find("render 3\n"), std::string::npos);
}

TEST(Script, IsOverriddenByTheCommandLine) {
  const std::vector<Override> overrides{{"resources.ranks", "2"}, {"name", "other"}};
  const ScriptJob job = job_of("#!/bin/sh\n#SOVREN --ranks 4 --name mine\n", overrides);
  EXPECT_EQ(job.spec.resources.ranks, 2);
  EXPECT_EQ(job.spec.name, "other");
}

TEST(Script, NamesWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"#SOVREN --rank 4",
       "job.sh:2:9: there is no option --rank\n  hint: did you mean --ranks?\n"},
      {"#SOVREN --ranks four",
       "job.sh:2:9: resources.ranks must be a whole number from 1 to 100000, got string 'four'\n"
       "  hint: write: ranks = 4\n"},
      {"#SOVREN --ranks", "job.sh:2:9: --ranks needs a value\n"},
      {"#SOVREN --ranks --hold", "job.sh:2:9: --ranks needs a value\n"},
      {"#SOVREN é 4",
       "job.sh:2:9: 'é' is neither --option nor key=value\n"
       "  hint: write: #SOVREN --ranks 4, or: #SOVREN resources.ranks=4\n"
       "job.sh:2:11: '4' is neither --option nor key=value\n"
       "  hint: write: #SOVREN --ranks 4, or: #SOVREN resources.ranks=4\n"},
      {"#SOVREN --name \"x", "job.sh:2:16: a quote is not closed\n"},
      {"#SOVREN --set ranks",
       "job.sh:2:9: 'ranks' is neither --option nor key=value\n"
       "  hint: write: #SOVREN --ranks 4, or: #SOVREN resources.ranks=4\n"},
      {"#SOVREN resources.rnks=4",
       "job.sh:2:9: unknown key 'rnks' in [resources]\n  hint: did you mean 'ranks'?\n"},
      {"#\n#SOVREN --after 12",
       "job.sh:3:9: after must be a list such as \"ok:12,any:13\" (after, any, ok, notok, corr, "
       "singleton), got 12\n"},
  };
  for (const auto& [lines, errors] : cases) EXPECT_EQ(script_errors_of(lines), errors) << lines;
  const auto array = script_errors_of("#SOVREN --array 9-1");
  EXPECT_TRUE(array.starts_with("job.sh:2:9: array.task must be a range")) << array;
}

TEST(Script, RefusesTextThatNoShellWouldRun) {
  for (const std::string& text :
       {"#!/bin/sh\n" + std::string(200'000, '\x1b'), std::string("#!/bin/sh\r\ntrue\r\n"),
        std::string("#!/bin/sh\n\0", 11), std::string("#!/bin/sh\n\xff"),
        "#!/bin/sh\n" + std::string(300'000, 'x')}) {
    const auto job = parse_script({"job.sh", text, "/"});
    ASSERT_FALSE(job);
    EXPECT_EQ(job.error().front().code, Code::spec_invalid);
    EXPECT_TRUE(job.error().front().where.starts_with("job.sh:1:1"));
  }
}

TEST(Script, WarnsOfDirectivesThatItDoesNotRead) {
  const ScriptJob late = job_of("#!/bin/sh\ntrue\n#SOVREN --ranks 4\n");
  EXPECT_EQ(late.spec.resources.ranks, 1);
  ASSERT_EQ(late.warnings.size(), 1U);
  EXPECT_NE(late.warnings[0].find("below the first command"), std::string::npos);
  EXPECT_TRUE(
      job_of("#!/bin/sh\n#SBATCH -n 4\ntrue\n").warnings.empty());  // who submits reads them
}

TEST(Script, TellsWhichKeysItsLinesSet) {
  const auto keys = directive_keys({"job.sh",
                                    "#!/bin/sh\n"
                                    "#SOVREN --ranks 4 --set labels.region=x --array 0-9%2 --hold\n"
                                    "#SOVREN labels='{a=\"b\"}' --nonsense 1 --ranks four\n"
                                    "true\n#SOVREN --nodes 2\n",
                                    "/"});
  EXPECT_EQ(keys, (std::set<std::string, std::less<>>{"array.task", "array_max_running", "labels.a",
                                                      "labels.region", "resources.ranks"}));
}

}  // namespace
}  // namespace sovren::text
