// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/slurm_script/batch_reading.h"

namespace sovren::slurm {
namespace {

using Variables = std::map<std::string, std::string>;

BatchSource submission(const std::string& export_option) {
  BatchSource source = source_of(export_option.empty() ? "" : "#SBATCH " + export_option + "\n");
  source.environment = {{"PATH", "/bin"},
                        {"EDITOR", "vi"},
                        {"SLURM_JOB_ID", "7"},
                        {"SOVREN_TOKEN", "secret"},
                        {"OMPI_COMM_WORLD_RANK", "0"},
                        {"PMIX_RANK", "0"},
                        {"CUDA_VISIBLE_DEVICES", "3"},
                        {"PWD", "/somewhere"},
                        {"BASH_FUNC_module%%", "() {  eval `x`\n}"},
                        {"ESC", "\x1b[0m"}};
  return source;
}

Variables variables_of(const BatchSource& source) {
  return std::get<CommandSpec>(spec_of(source).kind).environment;
}

TEST(BatchEnvironment, IsThatOfTheSubmission) {
  const Variables all{{"PATH", "/bin"},
                      {"EDITOR", "vi"},
                      {"BASH_FUNC_module%%", "() {  eval `x`\n}"},
                      {"ESC", "\x1b[0m"}};
  EXPECT_EQ(variables_of(submission("")), all);
  EXPECT_EQ(variables_of(submission("--export=ALL")), all);
}

TEST(BatchEnvironment, IsWhatIsNamed) {
  EXPECT_EQ(variables_of(submission("--export=NONE")), Variables{});
  EXPECT_EQ(variables_of(submission("--export=\"EDITOR,A=1,B='2,3',NOT_THERE\"")),
            (Variables{{"EDITOR", "vi"}, {"A", "1"}, {"B", "2,3"}}));
  // The later one counts; a name that is given is handed on, whatever it says.
  EXPECT_EQ(variables_of(submission("--export=ALL,EDITOR=ed,SLURM_X=1")).at("EDITOR"), "ed");
  EXPECT_EQ(variables_of(submission("--export=EDITOR=ed,ALL")).at("EDITOR"), "vi");
  EXPECT_EQ(variables_of(submission("--export=ALL,SLURM_X=1")).at("SLURM_X"), "1");
  EXPECT_EQ(errors_of(submission("--export==1")), "job.sh:2:9: --export: '=1' names no variable\n");
}

TEST(BatchEnvironment, OfAFileComesFirst) {
  BatchSource source = submission("--export-file=vars --export=EDITOR,A=2");
  source.read_file = [](const std::string& path) -> Result<std::string> {
    if (path != "vars") return fail({.code = Code::input_missing, .what = "no " + path});
    return std::string("A=1\0X=a\nb\0odd\0EDITOR=ed\0", 24);
  };
  EXPECT_EQ(variables_of(source), (Variables{{"A", "2"}, {"X", "a\nb"}, {"EDITOR", "vi"}}));
  source = submission("--export-file=gone");
  EXPECT_EQ(errors_of(source), "job.sh:2:9: --export-file: no file is read\n");
}

TEST(BatchEnvironment, SaysWhatItLeavesOut) {
  BatchSource source = submission("--export=NONE");
  EXPECT_EQ(warnings_of(source), "");
  source = submission("");
  source.environment.emplace_back("LATIN", "\xe9");
  source.environment.emplace_back("a.b", "1");
  source.environment.emplace_back("LONG", std::string(std::size_t{1} << 17, 'x'));
  EXPECT_EQ(warnings_of(source), "variables that the job does not get: LATIN, a.b, LONG\n");
  EXPECT_EQ(variables_of(source).count("LATIN"), 0U);
}

TEST(BatchEnvironment, HasAtMostSoManyVariables) {
  BatchSource source = source_of("");
  for (int i = 0; i < 980; ++i) source.environment.emplace_back("V" + std::to_string(i), "x");
  EXPECT_EQ(variables_of(source).size(), 980U);
  source.environment.emplace_back("ONE_MORE", "x");
  EXPECT_EQ(errors_of(source),
            "job.sh:1:1: the job would get 981 variables of the environment, of which it takes at "
            "most 980 (name those that it needs: --export=PATH,HOME,...)\n");
}

}  // namespace
}  // namespace sovren::slurm
