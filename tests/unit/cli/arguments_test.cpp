// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

Result<Arguments> parse(std::string_view command, std::vector<std::string> words) {
  return parse_arguments(**find_command(command), words);
}

TEST(Arguments, TakesOptionsInAnyOrderAndBothForms) {
  const auto a = parse("run", {"--ranks=4", "job.toml", "--set", "a.b=1", "--set=c.d=2", "--json"});
  ASSERT_TRUE(a);
  EXPECT_THAT(a->operands, testing::ElementsAre("job.toml"));
  EXPECT_EQ(a->text("ranks"), "4");
  EXPECT_THAT(a->all("set"), testing::ElementsAre("a.b=1", "c.d=2"));
  EXPECT_TRUE(a->has("json"));
  EXPECT_FALSE(a->has("quiet"));
}

TEST(Arguments, TakesADashForStandardInput) {
  const auto a = parse("run", {"-"});
  ASSERT_TRUE(a) << to_text(a.error());
  EXPECT_THAT(a->operands, testing::ElementsAre("-"));
}

TEST(Arguments, TakesTheLetterOfAnOption) {
  for (const char* word : {"-f", "--follow"}) {
    const auto a = parse("logs", {"12", word});
    ASSERT_TRUE(a) << to_text(a.error());
    EXPECT_TRUE(a->has("follow"));
    EXPECT_THAT(a->operands, testing::ElementsAre("12"));
  }
  EXPECT_FALSE(parse("logs", {"12", "-x"}));
}

TEST(Arguments, RefusesWhatTheTableDoesNotHave) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"--rank", "4", "x"},
                                             {"--ranks"},
                                             {"--json=yes", "x"},
                                             {},
                                             {"a", "b"},
                                             {"--backend", "gpu", "x"},
                                             {"--dir", "--json", "x"},
                                             {"--ranks", "1", "--ranks", "2", "x"}}) {
    const auto a = parse("run", words);
    ASSERT_FALSE(a) << testing::PrintToString(words);
    EXPECT_EQ(a.error().code, Code::usage);
    EXPECT_FALSE(a.error().hint.empty());
  }
}

TEST(Arguments, NumbersAreCheckedAgainstTheirRange) {
  const auto a = parse("generate", {"causal", "--variables", "12x"});
  ASSERT_TRUE(a);
  EXPECT_FALSE(a->number("variables", 10, 1, 100));
  EXPECT_EQ(a->number("length", 1000, 1, 10'000), 1000);
  EXPECT_FALSE(parse("generate", {"causal", "--seed", "-1"})->number("seed", 1, 0, 10));
  EXPECT_FALSE(parse("generate", {"causal", "--seed", "99999999999999999999"})
                   ->number("seed", 1, 0, INT64_MAX));
}

TEST(Commands, EachHasHelpThatNamesItsOptions) {
  for (const Command& command : commands()) {
    const std::string help = help_of(command);
    EXPECT_THAT(help, testing::StartsWith("usage: sovren " + std::string(command.name)));
    EXPECT_FALSE(command.summary.empty());
    for (const Option& option : command.options)
      EXPECT_THAT(help, testing::HasSubstr("--" + std::string(option.name)));
    for (std::size_t end = 0, start = 0; end != std::string::npos; start = end + 1) {
      end = help.find('\n', start);
      EXPECT_LE(help.substr(start, end - start).size(), 120U) << help.substr(start, end - start);
    }
  }
}

TEST(Terminal, FormatsForPeople) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-123), "-123");
  EXPECT_EQ(format_seconds(1.23), "1.2 s");
  EXPECT_EQ(format_seconds(200), "3 min 20 s");
  EXPECT_EQ(format_seconds(59.9), "60 s");
  EXPECT_EQ(format_seconds(3600), "1 h 00 min");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_table({{"A", "B"}, {"xxx", "1"}, {"µ", "2"}}), "A    B\nxxx  1\nµ    2\n");
}

}  // namespace
}  // namespace sovren::cli
