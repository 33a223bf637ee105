// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include "scheduler/api/query.h"
#include "tests/unit/api/http_world.h"

namespace sovren::api {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class FixedClock : public Clock {
 public:
  Instant now() override { return {1'800'000'000'000}; }
};

std::string user_of(std::uint32_t uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry ? entry->pw_name : "uid" + std::to_string(uid);
}

class AccessTest : public testing::Test {
 protected:
  std::string token(const std::string& name, std::set<Scope> scopes,
                    std::optional<Instant> expires = {}) const {
    return *TokenFile::create(folder_.at("tokens"),
                              {.name = name, .user = "ada", .scopes = std::move(scopes)}, expires);
  }
  Access access(std::vector<std::string> operators = {}) {
    return {std::move(operators), folder_.at("tokens"), clock_};
  }

  const TestFolder folder_;
  FixedClock clock_;
};

constexpr std::uint32_t nobody = 65534;  // Debian's, and of no right here

TEST_F(AccessTest, LocalUserMayReadAndSubmit) {
  const auto caller = access().identify({.peer = Peer{.uid = nobody}});
  ASSERT_TRUE(caller) << to_text(caller.error());
  EXPECT_EQ(caller->user, user_of(nobody));
  EXPECT_EQ(caller->scopes, (std::set{Scope::read, Scope::submit}));
  EXPECT_TRUE(caller->may_act_for(user_of(nobody)));
  EXPECT_FALSE(caller->may_act_for("ada"));
}

TEST_F(AccessTest, DaemonsUserAndNamedOperatorsMayOperate) {
  const auto daemon = access().identify({.peer = Peer{.uid = ::geteuid()}});
  ASSERT_TRUE(daemon);
  EXPECT_TRUE(daemon->may(Scope::operate) && daemon->may(Scope::node));
  EXPECT_TRUE(daemon->may_act_for("ada"));
  const auto named = access({user_of(nobody)}).identify({.peer = Peer{.uid = nobody}});
  ASSERT_TRUE(named);
  EXPECT_TRUE(named->may(Scope::operate));
  EXPECT_FALSE(named->may(Scope::node));
}

TEST_F(AccessTest, UserWithoutANameIsKnownByNumber) {
  EXPECT_EQ(access().identify({.peer = Peer{.uid = 3'999'999'999}})->user, "uid3999999999");
}

TEST_F(AccessTest, TokenSaysWhoAndWhat) {
  Access access = this->access();
  const auto caller = access.identify({.bearer = token("laptop", {Scope::read})});
  ASSERT_TRUE(caller) << to_text(caller.error());
  EXPECT_EQ(caller->user, "ada");
  EXPECT_FALSE(caller->may(Scope::submit));
  EXPECT_FALSE(caller->may_act_for("ada")) << "to read is not to act";
}

TEST_F(AccessTest, TokenOfALocalUserTakesAwayItsOtherRights) {
  const auto caller =
      access().identify({.peer = Peer{.uid = 0}, .bearer = token("t", {Scope::read})});
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->scopes, std::set{Scope::read});
}

TEST_F(AccessTest, StrangersAreRefused) {
  for (const Identity& stranger : {Identity{}, Identity{.address = "192.0.2.1"},
                                   Identity{.address = "192.0.2.1", .bearer = "sovren_stolen"},
                                   Identity{.bearer = token("old", {Scope::read}, clock_.now())}}) {
    const auto caller = access().identify(stranger);
    ASSERT_FALSE(caller);
    EXPECT_EQ(caller.error().code, Code::refused);
  }
}

class RouterTest : public AccessTest {
 protected:
  RouterTest()
      : server_([this](Request request, Responder responder) {
          router_.handle(std::move(request), std::move(responder));
        }) {}

  static Route route(std::string_view method, std::string_view pattern,
                     std::optional<Scope> scope) {
    return {method, pattern, scope, [pattern](Call call) {
              std::string text = std::string(pattern) + " by " + call.caller.user + ":";
              for (const std::string& each : call.parameters) text += " " + each;
              call.responder.send({.body = text});
            }};
  }
  std::string answer_to(const std::string& request) {
    RawClient client = server_.raw();
    client.send(request);
    return client.read_reply();
  }
  std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }

  Router router_{
      {route("GET", "/", std::nullopt), route("GET", "/v1/jobs", Scope::read),
       route("POST", "/v1/jobs", Scope::submit), route("GET", "/v1/jobs/{id}", Scope::read),
       route("POST", "/v1/jobs/{id}/cancel", Scope::submit),
       route("POST", "/v1/nodes/{name}/drain", Scope::operate)},
      access()};
  UnixServer server_;
};

TEST_F(RouterTest, FindsTheRouteAndItsParameters) {
  const std::string me = user_of(::geteuid());
  EXPECT_THAT(answer_to(get("/")), HasSubstr("/ by :"));
  EXPECT_THAT(answer_to(get("/v1/jobs?x=1")), HasSubstr("/v1/jobs by " + me + ":"));
  EXPECT_THAT(answer_to(get("/v1/jobs/12")), HasSubstr("/v1/jobs/{id} by " + me + ": 12"));
  EXPECT_THAT(answer_to(post("/v1/jobs/a%2Fb/cancel", "")), HasSubstr("cancel by " + me + ": a/b"));
}

TEST_F(RouterTest, WhatIsNotThereIsSaid) {
  for (const char* target : {"/v2/jobs", "/v1", "/v1/jobs/12/cancel/now", "/v1/jobs/12/explode"})
    EXPECT_THAT(answer_to(get(target)),
                AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr(R"("code":"not_found")")))
        << target;
  EXPECT_THAT(answer_to("DELETE /v1/jobs HTTP/1.1\r\nHost: t\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, POST\r\n")));
}

TEST_F(RouterTest, ScopesAreEnforced) {
  const std::string reader = bearer(token("reader", {Scope::read}));
  EXPECT_THAT(answer_to(get("/v1/jobs", reader)), HasSubstr("by ada"));
  const std::string length = "Content-Length: 0\r\n";
  for (const char* target : {"/v1/jobs", "/v1/jobs/1/cancel", "/v1/nodes/n/drain"})
    EXPECT_THAT(answer_to("POST " + std::string(target) + " HTTP/1.1\r\nHost: t\r\n" + length +
                          reader + "\r\n"),
                AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr(R"("code":"refused")")))
        << target;
  EXPECT_THAT(answer_to(get("/v1/jobs", bearer("sovren_wrong"))),
              AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("WWW-Authenticate: Bearer\r\n")));
  EXPECT_THAT(answer_to(get("/", bearer("sovren_wrong"))), StartsWith("HTTP/1.1 200 "));
}

Target target(const std::string& text) {
  return *parse_target(text);
}

TEST(Query, ReadsWhatItIsAskedFor) {
  const Target asked = target("/?state=RUNNING&limit=7&wait=2.5");
  Query query(asked);
  EXPECT_EQ(query.text("state"), "RUNNING");
  EXPECT_EQ(query.text("user", "all"), "all");
  EXPECT_EQ(query.whole("limit", 100, 1, 1000), 7);
  EXPECT_EQ(query.whole("after", -1, 0, 10), -1);
  EXPECT_EQ(query.seconds("wait", 0, 60), 2.5);
  EXPECT_TRUE(query.finish());
}

TEST(Query, RefusesWhatItCannotRead) {
  for (const char* text : {"/?limit=", "/?limit=x", "/?limit=0", "/?limit=1001", "/?limit=7x",
                           "/?limit=99999999999999999999", "/?limit=1.5"}) {
    const Target asked = target(text);
    EXPECT_FALSE(Query(asked).whole("limit", 100, 1, 1000)) << text;
  }
  for (const char* text : {"/?wait=-1", "/?wait=61", "/?wait=nan", "/?wait=inf", "/?wait="}) {
    const Target asked = target(text);
    EXPECT_FALSE(Query(asked).seconds("wait", 0, 60)) << text;
  }
}

TEST(Query, RefusesNamesThatAreUnknownOrStandTwice) {
  for (const char* text : {"/?limit=1&limt=2", "/?limit=1&limit=1"}) {
    const Target asked = target(text);
    Query query(asked);
    query.whole("limit", 1, 1, 10);
    EXPECT_FALSE(query.finish()) << text;
  }
}

TEST(JobIds, AreNumbersOrElements) {
  EXPECT_EQ(parse_job_id("12"), JobId{12});
  EXPECT_EQ(parse_job_id("12_5"), JobId{17});
  for (const char* wrong : {"", "0", "-1", "x", "12_", "_5", "12_-1", "1 2", "12_5_6", "1e3",
                            "9223372036854775807", "9223372036854775808"})
    EXPECT_FALSE(parse_job_id(wrong)) << wrong;
}

}  // namespace
}  // namespace sovren::api
