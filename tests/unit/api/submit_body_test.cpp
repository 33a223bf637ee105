// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/submit_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text/json.h"

namespace sovren::api {
namespace {

using testing::HasSubstr;
using text::Json;

const std::string file = R"(
schema = 1
name = "sleepy"
kind = "command"
[command]
argv = ["sleep", "1"]
stdin = "in.txt"
)";

Request json_request(const std::string& body) {
  return {.method = "POST", .headers = {{"content-type", "application/json"}}, .body = body};
}

tl::expected<SubmitBody, text::Errors> parse(const Json& members) {
  Json body = {{"text", file}};
  body.update(members);
  return parse_submit(json_request(text::dump_json(body)));
}

TEST(SubmitBody, ReadsTheJobFileAndWhatStandsBesideIt) {
  const auto body = parse({{"name", "a.toml"},
                           {"base_dir", "/data"},
                           {"overrides", {{{"key", "resources.ranks"}, {"value", "3"}}}},
                           {"after", "ok:12"},
                           {"hold", true},
                           {"dry_run", true}});
  ASSERT_TRUE(body) << to_text(body.error().front());
  EXPECT_EQ(body->spec->name, "sleepy");
  EXPECT_EQ(std::get<CommandSpec>(body->spec->kind).input, "/data/in.txt");
  EXPECT_EQ(body->spec->resources.ranks, 3);
  EXPECT_EQ(body->spec->after, "ok:12");
  EXPECT_TRUE(body->is_held);
  EXPECT_TRUE(body->is_dry_run);
}

TEST(SubmitBody, TakesABareJobFile) {
  const auto body = parse_submit({.headers = {{"content-type", "application/toml"}}, .body = file});
  ASSERT_TRUE(body) << to_text(body.error().front());
  EXPECT_EQ(body->spec->name, "sleepy");
  EXPECT_FALSE(body->is_held);
}

TEST(SubmitBody, TakesABatchScript) {
  const std::string script =
      "#!/bin/sh\n#SOVREN --ranks 2 --array 0-3 --hold\necho hello\n#SOVREN --nodes 2\n";
  const auto body = parse({{"text", script}, {"name", "hello.sh"}, {"array", "5-6%1"}});
  ASSERT_TRUE(body) << to_text(body.error().front());
  EXPECT_EQ(std::get<CommandSpec>(body->spec->kind).script, script);
  EXPECT_EQ(body->spec->resources.ranks, 2);
  EXPECT_EQ(body->spec->array[0].values, (std::vector<std::string>{"5", "6"}));
  EXPECT_TRUE(body->is_held);
  EXPECT_EQ(body->warnings.size(), 1U);
  EXPECT_TRUE(parse_submit({.headers = {{"content-type", "text/plain"}}, .body = script}));
}

TEST(SubmitBody, ArrayGivesValuesToTheFilesAxisOrToOneNamedTask) {
  const auto with_task = parse({{"array", "0-99%8"}});
  ASSERT_TRUE(with_task) << to_text(with_task.error().front());
  ASSERT_EQ(with_task->spec->array.size(), 1U);
  EXPECT_EQ(with_task->spec->array[0].name, "task");
  EXPECT_EQ(with_task->spec->array[0].values.size(), 100U);
  EXPECT_EQ(with_task->spec->array_max_running, 8);
  const auto with_axis = parse({{"text", file + "[array]\nframe = \"1-3\"\n"}, {"array", "5-6"}});
  ASSERT_TRUE(with_axis) << to_text(with_axis.error().front());
  EXPECT_EQ(with_axis->spec->array[0].name, "frame");
  EXPECT_EQ(with_axis->spec->array[0].values, (std::vector<std::string>{"5", "6"}));
  EXPECT_FALSE(parse({{"text", file + "[array]\na = \"1-3\"\nb = \"1-2\"\n"}, {"array", "5-6"}}));
  for (const char* wrong : {"x-y", "0-99%", "0-99%x", "%3"})
    EXPECT_FALSE(parse({{"array", wrong}})) << wrong;
}

TEST(SubmitBody, AllErrorsOfAJobFileAreTold) {
  const auto body = parse({{"text", "schema = 1\nkind = \"command\"\nnam = 1\nqso = 2\n"}});
  ASSERT_FALSE(body);
  EXPECT_GE(body.error().size(), 2U);
  EXPECT_EQ(body.error().front().code, Code::spec_invalid);
}

TEST(SubmitBody, HostileBodiesAreRefused) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  for (const std::string& wrong :
       {std::string(), std::string("[]"), std::string("null"), std::string("{"), deep,
        R"({"text":)" + deep + "}", std::string("{}"), std::string(R"({"text":1})"),
        std::string(R"({"text":"a","text":"b"})"), std::string(R"({"text":"","user":"root"})"),
        std::string(R"({"text":"","hold":"yes"})"), std::string(R"({"text":"","hold":1})"),
        std::string(R"({"text":"","overrides":{}})"), std::string(R"({"text":"","overrides":[1]})"),
        std::string(R"({"text":"","overrides":[{"key":"a"}]})"),
        std::string(R"({"text":"","overrides":[{"key":"a","value":"b","c":"d"}]})"),
        std::string("{\"text\":\"\xff\"}"), std::string(R"({"text":"","base_dir":"x"})")}) {
    const auto body = parse_submit(json_request(wrong));
    ASSERT_FALSE(body) << wrong.substr(0, 60);
    const Code code = body.error().front().code;
    EXPECT_TRUE(code == Code::data_invalid || code == Code::usage) << wrong.substr(0, 60);
  }
}

}  // namespace
}  // namespace sovren::api
