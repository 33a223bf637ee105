// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/problem.h"

#include <gtest/gtest.h>

#include "core/text/json.h"

namespace sovren::api {
namespace {

TEST(Problem, EveryCodeHasAnErrorStatusWithAPhrase) {
  for (int i = 0; i <= static_cast<int>(Code::bug); ++i) {
    const int status = status_of(Error{.code = static_cast<Code>(i)});
    EXPECT_GE(status, 400);
    EXPECT_NE(reason_phrase(status), "Error") << status;
  }
}

TEST(Problem, WhatIsNotTheCallersIsForbidden) {
  EXPECT_EQ(status_of({.code = Code::refused}), 409);
  EXPECT_EQ(status_of(forbidden("not yours", "")), 403);
}

TEST(Problem, IsProblemJson) {
  const Response response =
      problem_of({.code = Code::spec_invalid, .what = "no \"ranks\"", .where = "job.toml:3:1"});
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.body,
            R"({"type":"about:blank","title":"Unprocessable Content","status":422,)"
            R"("detail":"no \"ranks\"","code":"spec_invalid","where":"job.toml:3:1"})"
            "\n");
}

TEST(Problem, ComesBackAsTheError) {
  const Error error{.code = Code::refused,
                    .what = "what",
                    .hint = "hint",
                    .where = "where",
                    .context = {"inner", "outer"}};
  EXPECT_EQ(error_of({409, problem_of(error).body}), error);
}

TEST(Problem, SeveralErrorsComeBackAsTheyWere) {
  const std::vector<Error> errors{
      {.code = Code::spec_invalid, .what = "a", .where = "job.toml:1:1"},
      {.code = Code::refused, .what = "b", .hint = "c"}};
  const Response response = problem_of(errors);
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(error_of({422, response.body}), errors[0]);
  EXPECT_EQ(errors_of({422, response.body}), errors);
  EXPECT_EQ(errors_of({409, problem_of(errors[1]).body}), std::vector{errors[1]});
}

TEST(Problem, PageOfAProxyIsUnreachable) {
  for (const char* body : {"", "<html>Bad gateway</html>", "[]", "{}", R"({"detail":1})"})
    EXPECT_EQ(error_of({502, body}).code, Code::unreachable) << body;
}

}  // namespace
}  // namespace sovren::api
