// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/text/job_file.h"
#include "tests/unit/core_text/parsing.h"
#include "tests/unit/core_text/random_spec.h"

namespace sovren::text {
namespace {

using testing_text::causal_head;
using testing_text::errors_of;
using testing_text::spec_of;

std::vector<std::string> values(const std::string& toml) {
  const JobSpec spec = spec_of(causal_head + "[array]\nframe = " + toml);
  return spec.array.empty() ? std::vector<std::string>{spec.name} : spec.array[0].values;
}

TEST(Array, ReadsRangesAndLists) {
  using Values = std::vector<std::string>;
  EXPECT_EQ(values("\"3\""), (Values{"3"}));
  EXPECT_EQ(values("\"1-4\""), (Values{"1", "2", "3", "4"}));
  EXPECT_EQ(values("\"1-10:4\""), (Values{"1", "5", "9"}));
  EXPECT_EQ(values("\"1, 3 ,5-7,0\""), (Values{"1", "3", "5", "6", "7", "0"}));
  EXPECT_EQ(values("[\"red\", \"\", 1, -2.5, 1e3]"), (Values{"red", "", "1", "-2.5", "1000.0"}));
}

TEST(Array, PrintsRunsAsRanges) {
  const auto printed = [](const std::string& toml) {
    const std::string text = print_job_file(spec_of(causal_head + "[array]\nframe = " + toml));
    const std::size_t begin = text.find("frame = ") + 8;
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  EXPECT_EQ(printed("[1, 2, 3]"), "\"1-3\"");
  EXPECT_EQ(printed("[1, 3]"), "\"1,3\"");
  EXPECT_EQ(printed("[1, 3, 5, 6, 9]"), "\"1-5:2,6,9\"");
  EXPECT_EQ(printed("[5, 4, 4]"), "\"5,4,4\"");
  EXPECT_EQ(printed("[1, \"02\"]"), "[\"1\", \"02\"]");
}

TEST(Array, RefusesOtherValues) {
  for (const std::string toml : {"\"\"",
                                 "\"-3\"",
                                 "\"1-\"",
                                 "\"3-1\"",
                                 "\"1-3:0\"",
                                 "\"1:2\"",
                                 "\"1,,2\"",
                                 "\"red\"",
                                 "\"01\"",
                                 "\"1-3,\"",
                                 "\"0-100000\"",
                                 "\"0-999999999999999999\"",
                                 "\"9999999999999999999\"",
                                 "\"0-99999,5\"",
                                 "[]",
                                 "[true]",
                                 "[nan]",
                                 "[[1]]",
                                 "7",
                                 "true",
                                 "{}"}) {
    const std::string errors = errors_of(causal_head + "[array]\nframe = " + toml);
    EXPECT_TRUE(errors.starts_with("job.toml:5:")) << toml << ": " << errors;
  }
}

TEST(Array, HasAtMostAHundredThousandElements) {
  EXPECT_EQ(errors_of(causal_head + "[array]\na = \"0-99999\""), "");
  EXPECT_EQ(errors_of(causal_head + "[array]\na = \"1-1000\"\nb = \"1-101\""),
            "job.toml:4:1: [array] has more than 100000 elements\n");
}

TEST(Array, ExpandsTheLastAxisFastest) {
  const auto jobs = expand_array(spec_of(R"(
name = "j-${a}-${b}"
kind = "causal-analysis"
comment = "$${a} costs $5, ${a}${b}$"
labels = { frame = "${b}" }
[array]
a = "1-2"
b = ["x", "y/../z"]
[causal_analysis]
data = "in/${b}/d.csv"
variables = ["v${a}"]
)"));
  ASSERT_FALSE(jobs);  // a name must have no slash
  EXPECT_EQ(to_text(jobs.error()),
            "name must be 1 to 100 bytes without slashes that do not begin with '.' or '-', got "
            "string 'j-1-y/../z'");
  const auto fine = expand_array(spec_of(R"(
name = "j-${a}"
kind = "causal-analysis"
comment = "$${a} costs $5, ${a}${b}$"
labels = { frame = "${b}" }
[array]
a = "1-2"
b = ["x", "y/../z"]
[causal_analysis]
data = "in/${b}/d.csv"
variables = ["v${a}"]
)"));
  ASSERT_TRUE(fine) << to_text(fine.error());
  ASSERT_EQ(fine->size(), 4u);
  const JobSpec& last = (*fine)[3];
  EXPECT_EQ((*fine)[0].name, "j-1");
  EXPECT_EQ((*fine)[1].name, "j-1");
  EXPECT_EQ(last.name, "j-2");
  EXPECT_EQ(last.comment, "${a} costs $5, 2y/../z$");
  EXPECT_EQ(last.labels.at("frame"), "y/../z");
  EXPECT_EQ(std::get<CausalSpec>(last.kind).data, "/base/me/in/z/d.csv");
  EXPECT_EQ(std::get<CausalSpec>(last.kind).variables.at(0), "v2");
  EXPECT_TRUE(last.array.empty());
  for (const JobSpec& job : *fine) {
    EXPECT_TRUE(spec_of(print_job_file(job)) == job);
    EXPECT_EQ(expand_array(job).value(), std::vector<JobSpec>{job});  // elements are final
  }
}

TEST(Array, MakesOneElementAsItMakesAll) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const JobSpec spec = testing_text::random_spec(seed);
    const auto all = expand_array(spec);
    const auto checked = check_elements(spec);
    ASSERT_EQ(all.has_value(), checked.has_value()) << "seed " << seed;
    if (!all) {
      EXPECT_EQ(checked.error(), all.error());
      continue;
    }
    ASSERT_EQ(array_size(spec), static_cast<std::int64_t>(all->size()));
    for (std::int64_t i = 0; i < array_size(spec); i += 1 + i / 3) {
      const auto one = expand_element(spec, i);
      ASSERT_TRUE(one && *one == (*all)[static_cast<std::size_t>(i)]) << "seed " << seed;
    }
  }
}

TEST(Array, ElementsKeepEveryKeyThatNamesNoAxis) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    JobSpec spec = testing_text::random_spec(seed);
    if (print_job_file(spec).find("${") != std::string::npos ||
        std::holds_alternative<CommandSpec>(spec.kind))
      continue;
    spec.array = {{"a", {"1", "2"}}};
    JobSpec plain = spec;
    plain.array.clear();
    ASSERT_EQ(expand_element(spec, 1).value(), plain) << "seed " << seed;
  }
}

TEST(Array, WithoutOneTheJobIsItsOnlyElement) {
  const JobSpec spec = spec_of("comment = \"${x}\"\n" + causal_head);
  EXPECT_EQ(expand_array(spec).value(), std::vector<JobSpec>{spec});
  EXPECT_EQ(expand_element(spec, 0).value(), spec);
  EXPECT_EQ(array_size(spec), 1);
}

TEST(Array, WithoutOneAnAxisInATextIsNotExcused) {
  EXPECT_EQ(errors_of("begin = \"${x}\"\n" + causal_head),
            "job.toml:1:9: begin must be a time such as \"2026-11-23T15:00:00Z\", got string "
            "'${x}'\n");
}

TEST(Array, NamesAnUnknownAxisWhereItStands) {
  EXPECT_EQ(errors_of("comment = \"${fram}\"\n" + causal_head + "[array]\nframe = \"1-2\""),
            "job.toml:1:11: comment: '${fram}' names the axis 'fram', but [array] has only frame\n"
            "  hint: did you mean '${frame}'?\n");
  EXPECT_EQ(errors_of("comment = \"${zzz}\"\n" + causal_head + "[array]\na = \"1\"\nb = \"1\""),
            "job.toml:1:11: comment: '${zzz}' names the axis 'zzz', but [array] has only a, b\n"
            "  hint: write \"$${\" for a literal \"${\"\n");
  EXPECT_EQ(errors_of("comment = \"${a\"\n" + causal_head + "[array]\na = \"1\""),
            "job.toml:1:11: comment: '${a' has \"${\" without \"}\"\n");
}

TEST(Array, RefusesTextThatGrowsTooLong) {
  std::string comment;
  for (int i = 0; i < 500; ++i) comment += "${a}";
  const auto jobs = parse_job_file({"job.toml",
                                    "comment = \"" + comment + "\"\n" + causal_head +
                                        "[array]\na = [\"x\", \"" + std::string(1000, 'y') + "\"]",
                                    "/"});
  ASSERT_TRUE(jobs);
  const auto expanded = expand_array(*jobs);
  ASSERT_FALSE(expanded);
  EXPECT_NE(to_text(expanded.error()).find("too long once replaced"), std::string::npos);
}

}  // namespace
}  // namespace sovren::text
