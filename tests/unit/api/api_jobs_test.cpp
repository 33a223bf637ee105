// SPDX-License-Identifier: Apache-2.0
// Submitting, listing, showing and acting on jobs, through the socket and down to the log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tests/unit/api/api_world.h"

namespace sovren::api {
namespace {

using testing::HasSubstr;
using text::Json;

std::vector<std::int64_t> ids(const Json& jobs) {
  std::vector<std::int64_t> all;
  for (const Json& job : jobs) all.push_back(job["id"].get<std::int64_t>());
  return all;
}

std::string id_text(std::int64_t id) {
  return std::to_string(id);
}

class ApiJobs : public testing::Test {
 protected:
  Json job(std::int64_t id) { return world_.get("/v1/jobs/" + id_text(id)).json["job"]; }
  /// More than the node has: it waits.
  std::int64_t submit_waiting(const std::string& user = "") {
    return world_.submit({{"hold", true}}, user);
  }

  ApiWorld world_;
};

TEST_F(ApiJobs, SubmittedJobIsShown) {
  const Answer answer = world_.post(
      "/v1/jobs", text::dump_json(Json{{"text", ApiWorld::job_file()}, {"hold", true}}));
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.json["schema"], "sovren.submitted/1");
  EXPECT_EQ(answer.json["jobs"], Json({1}));
  const Json shown = job(1);
  EXPECT_EQ(shown["name"], "quick");
  EXPECT_EQ(shown["state"], "PENDING");
  EXPECT_EQ(shown["reason"], "JobHeldUser");
  EXPECT_EQ(shown["dir"], world_.jobs_dir() + "/1");
  EXPECT_EQ(shown["submitted_at"], "2027-01-15T08:00:00.000Z");
}

TEST_F(ApiJobs, BareJobFileIsTaken) {
  const Answer answer = world_.call("POST", "/v1/jobs", ApiWorld::job_file(), "",
                                    {{"Content-Type", "application/toml"}});
  EXPECT_EQ(answer.status, 201) << answer.json;
}

TEST_F(ApiJobs, ArrayIsOneSubmission) {
  const Answer answer = world_.post(
      "/v1/jobs",
      text::dump_json(Json{{"text", ApiWorld::job_file("") + "[array]\nframe = \"1-3\"\n"},
                           {"overrides", {{{"key", "name"}, {"value", "frame-${frame}"}}}},
                           {"hold", true}}));
  ASSERT_EQ(answer.status, 201) << answer.json;
  EXPECT_EQ(answer.json["jobs"], Json({1, 2, 3}));
  EXPECT_EQ(job(2)["name"], "frame-2");
  EXPECT_EQ(world_.get("/v1/jobs/1_2").json["job"]["name"], "frame-3");
  submit_waiting();
  EXPECT_EQ(ids(world_.get("/v1/jobs?array=1").json["jobs"]), (std::vector<std::int64_t>{1, 2, 3}));
  const Answer cancelled = world_.post("/v1/jobs/1/cancel?array=1");
  EXPECT_EQ(cancelled.status, 200) << cancelled.json;
  EXPECT_EQ(cancelled.json["jobs"], 3);
  EXPECT_EQ(job(3)["state"], "CANCELLED");
  EXPECT_EQ(job(4)["state"], "PENDING");
}

TEST_F(ApiJobs, FoldedArrayIsOneRowWithItsCounts) {
  const auto submit_array = [&](const std::string& frames) {
    const Json body{{"text", ApiWorld::job_file("") + "[array]\nframe = \"" + frames + "\"\n"},
                    {"overrides", {{{"key", "name"}, {"value", "frame-${frame}"}}}},
                    {"hold", true}};
    ASSERT_EQ(world_.post("/v1/jobs", text::dump_json(body)).status, 201);
  };
  submit_waiting();     // 1
  submit_array("1-3");  // 2 to 4
  submit_array("1-4");  // 5 to 8
  submit_waiting();     // 9
  world_.post("/v1/jobs/3/cancel");
  const Json all = world_.get("/v1/jobs?fold=1").json["jobs"];
  EXPECT_EQ(ids(all), (std::vector<std::int64_t>{1, 2, 5, 9}));
  EXPECT_EQ(all[1]["array"],
            (Json{{"elements", 3}, {"states", {{"PENDING", 2}, {"CANCELLED", 1}}}}));
  EXPECT_EQ(all[1]["name"], "frame-${frame}");
  EXPECT_FALSE(all[0].contains("array"));
  const Json cancelled = world_.get("/v1/jobs?fold=1&state=CANCELLED").json["jobs"];
  EXPECT_EQ(ids(cancelled), std::vector<std::int64_t>{3}) << "the first that fits";
  EXPECT_EQ(cancelled[0]["array"]["elements"], 3) << "but all are counted";
  // Each array once, whatever the size of the pages and the order.
  for (const std::string order : {"oldest", "newest"}) {
    std::vector<std::int64_t> arrays;
    Json page{{"next", 0}};
    while (!page["next"].is_null()) {
      page = world_
                 .get("/v1/jobs?fold=1&limit=1&order=" + order +
                      "&after=" + id_text(page["next"].get<std::int64_t>()))
                 .json;
      for (const Json& each : page["jobs"])
        arrays.push_back(each.value("array_job", each["id"].get<std::int64_t>()));
    }
    EXPECT_THAT(arrays, testing::UnorderedElementsAre(1, 2, 5, 9)) << order;
  }
  EXPECT_EQ(world_.get("/v1/jobs?fold=2").status, 400);
}

TEST_F(ApiJobs, DryRunChangesNothing) {
  const Json body = {{"text", ApiWorld::job_file()}, {"dry_run", true}};
  const Answer fits = world_.post("/v1/jobs", text::dump_json(body));
  EXPECT_EQ(fits.status, 200);
  EXPECT_EQ(fits.json["is_dry_run"], true);
  EXPECT_EQ(fits.json["count"], 1);
  Json large = body;
  large["overrides"] = {{{"key", "resources.cpus_per_rank"}, {"value", "64"}}};
  const Answer never = world_.post("/v1/jobs", text::dump_json(large));
  EXPECT_EQ(never.status, 409);
  EXPECT_EQ(never.json["code"], "refused");
  EXPECT_EQ(world_.get("/v1/jobs").json["jobs"], Json::array());
}

TEST_F(ApiJobs, JobThatCanNeverRunIsRefusedWithWhatWould) {
  const Answer answer = world_.post(
      "/v1/jobs",
      text::dump_json(Json{{"text", ApiWorld::job_file()},
                           {"overrides", {{{"key", "resources.gpus_per_rank"}, {"value", "1"}}}}}));
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.json["code"], "refused");
  EXPECT_NE(answer.json["hint"], "");
}

TEST_F(ApiJobs, AllErrorsOfAJobFileAreTold) {
  const Answer answer = world_.post(
      "/v1/jobs", text::dump_json(Json{{"text", "kind = \"command\"\nnam = 1\nqso = 2\n"}}));
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.json["code"], "spec_invalid");
  EXPECT_GE(answer.json["errors"].size(), 2U);
}

TEST_F(ApiJobs, SameKeyMakesNoSecondJob) {
  const std::string body = text::dump_json(Json{{"text", ApiWorld::job_file()}});
  const auto submit = [&](const std::string& key, const std::string& with,
                          const std::string& user = "") {
    return world_.call("POST", "/v1/jobs", with, user, {{"Idempotency-Key", key}});
  };
  const Answer first = submit("k1", body);
  const Answer again = submit("k1", body);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.json["is_repeat"], true);
  EXPECT_EQ(again.json["jobs"], first.json["jobs"]);
  EXPECT_EQ(
      submit("k1", text::dump_json(Json{{"text", ApiWorld::job_file()}, {"hold", true}})).status,
      409);
  EXPECT_EQ(submit("k1", body, "bob").json["jobs"], Json({2})) << "another user's key";
  EXPECT_EQ(submit("k2", body).json["jobs"], Json({3}));
  EXPECT_EQ(submit("no blanks", body).status, 400);
  EXPECT_EQ(submit(std::string(201, 'k'), body).status, 400);
}

TEST_F(ApiJobs, ManyClientsSubmitAtOnce) {
  std::mutex mutex;
  std::set<std::int64_t> seen;
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c)
    clients.emplace_back([&] {
      const auto client = world_.client();
      for (int i = 0; i < 50; ++i) {
        const auto reply = client->call("POST", "/v1/jobs",
                                        text::dump_json(Json{{"text", ApiWorld::job_file()}}), 60);
        ASSERT_TRUE(reply) << to_text(reply.error());
        const auto answer = text::parse_json(reply->body, "answer");
        ASSERT_TRUE(answer);
        const std::lock_guard lock(mutex);
        seen.insert((*answer)["jobs"][0].get<std::int64_t>());
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(seen.size(), 400U);
  EXPECT_EQ(*seen.rbegin(), 400);
}

TEST_F(ApiJobs, ListsComeInPages) {
  for (int i = 0; i < 5; ++i) submit_waiting(i == 2 ? "bob" : "");
  const Json page = world_.get("/v1/jobs?limit=2").json;
  EXPECT_EQ(page["schema"], "sovren.jobs/1");
  EXPECT_EQ(ids(page["jobs"]), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(page["next"], 2);
  EXPECT_EQ(ids(world_.get("/v1/jobs?limit=2&after=2").json["jobs"]),
            (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(world_.get("/v1/jobs?limit=2&after=4").json["next"], nullptr);
  const Json newest = world_.get("/v1/jobs?limit=2&order=newest").json;
  EXPECT_EQ(ids(newest["jobs"]), (std::vector<std::int64_t>{5, 4}));
  EXPECT_EQ(ids(world_.get("/v1/jobs?limit=9&order=newest&after=4").json["jobs"]),
            (std::vector<std::int64_t>{3, 2, 1}));
  EXPECT_EQ(ids(world_.get("/v1/jobs?user=bob").json["jobs"]), (std::vector<std::int64_t>{3}));
  world_.post("/v1/jobs/1/cancel");
  EXPECT_EQ(ids(world_.get("/v1/jobs?state=final").json["jobs"]), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(ids(world_.get("/v1/jobs?state=PENDING,RUNNING").json["jobs"]),
            (std::vector<std::int64_t>{2, 3, 4, 5}));
  for (const char* wrong : {"state=WAITING", "limit=0", "limit=1001", "order=random", "stat=open",
                            "after=-1", "state=open&state=final", "state=open,PENDING"})
    EXPECT_EQ(world_.get("/v1/jobs?" + std::string(wrong)).status, 400) << wrong;
}

TEST_F(ApiJobs, HeldIsReleasedAndCancelled) {
  const std::int64_t id = submit_waiting();
  const std::string path = "/v1/jobs/" + id_text(id);
  EXPECT_EQ(world_.post(path + "/release").json["job"]["state"], "RUNNING");
  EXPECT_EQ(world_.post(path + "/checkpoint").status, 200);
  const Json cancelled = world_.post(path + "/cancel").json["job"];
  EXPECT_EQ(cancelled["stop_requested"], "cancel");
  const std::int64_t other = submit_waiting();
  EXPECT_EQ(world_.post("/v1/jobs/" + id_text(other) + "/cancel").json["job"]["state"],
            "CANCELLED");
  const Answer again = world_.post("/v1/jobs/" + id_text(other) + "/cancel");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.json["code"], "refused");
  EXPECT_EQ(world_.post("/v1/jobs/" + id_text(other) + "/requeue").json["job"]["state"], "RUNNING");
}

TEST_F(ApiJobs, AnotherUsersJobIsNotTouched) {
  const std::int64_t bobs = submit_waiting("bob");
  const std::int64_t adas = submit_waiting("ada");
  for (const char* verb : {"cancel", "hold", "release", "requeue", "checkpoint", "preempt"}) {
    const Answer answer = world_.post("/v1/jobs/" + id_text(bobs) + "/" + verb, "", "ada");
    EXPECT_EQ(answer.status, 403) << verb;
    EXPECT_EQ(answer.json["code"], "refused");
    EXPECT_THAT(answer.json["detail"].get<std::string>(), HasSubstr("user bob's"));
  }
  EXPECT_EQ(job(bobs)["state"], "PENDING");
  EXPECT_EQ(world_.get("/v1/jobs/" + id_text(bobs), "ada").status, 200) << "looking is open";
  EXPECT_EQ(world_.post("/v1/jobs/" + id_text(adas) + "/cancel", "", "ada").status, 200);
  EXPECT_EQ(world_.post("/v1/jobs/" + id_text(bobs) + "/cancel").status, 200) << "an operator";
}

TEST_F(ApiJobs, UnknownJobsAreNotFound) {
  for (const char* path : {"/v1/jobs/7", "/v1/explain/7", "/v1/jobs/7/logs", "/v1/jobs/7/events",
                           "/v1/jobs/7/checkpoints"})
    EXPECT_EQ(world_.get(path).status, 404) << path;
  EXPECT_EQ(world_.post("/v1/jobs/7/cancel").status, 404);
  EXPECT_EQ(world_.get("/v1/jobs/seven").status, 400);
}

TEST_F(ApiJobs, LongPollIsAnsweredByTheEvent) {
  const std::int64_t id = submit_waiting();
  Answer ended;
  std::thread waiter(
      [&] { ended = world_.get("/v1/jobs/" + id_text(id) + "?wait=60&state=final"); });
  world_.post("/v1/jobs/" + id_text(id) + "/cancel");
  waiter.join();
  EXPECT_EQ(ended.json["job"]["state"], "CANCELLED");
}

TEST_F(ApiJobs, LongPollEndsWithWhatThereIs) {
  const std::int64_t id = submit_waiting();
  const Answer late = world_.get("/v1/jobs/" + id_text(id) + "?wait=0.1&state=RUNNING");
  EXPECT_EQ(late.status, 200);
  EXPECT_EQ(late.json["job"]["state"], "PENDING");
  EXPECT_EQ(world_.get("/v1/jobs/7?wait=60").status, 404) << "nothing to wait for";
}

TEST_F(ApiJobs, ListWaitsForAnythingNew) {
  submit_waiting();
  const Json seen = world_.get("/v1/jobs").json;
  Json next;
  std::thread waiter(
      [&] { next = world_.get("/v1/jobs?wait=60&since=" + seen["seq"].dump()).json; });
  world_.post("/v1/jobs/1/cancel");
  waiter.join();
  EXPECT_GT(next["seq"], seen["seq"]);
  EXPECT_EQ(next["jobs"][0]["state"], "CANCELLED");
}

TEST_F(ApiJobs, FullDiskRefusesAndTheDaemonLives) {
  const std::int64_t id = submit_waiting();
  world_.log().is_full = true;
  const Answer refused =
      world_.post("/v1/jobs", text::dump_json(Json{{"text", ApiWorld::job_file()}}));
  EXPECT_EQ(refused.status, 507);
  EXPECT_EQ(refused.json["code"], "storage_io");
  EXPECT_EQ(world_.post("/v1/jobs/" + id_text(id) + "/cancel").status, 507);
  EXPECT_EQ(job(id)["state"], "PENDING");
  world_.log().is_full = false;
  EXPECT_EQ(world_.submit(), id + 1);
}

TEST_F(ApiJobs, HostileBodiesAreRefused) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  for (const std::string& body : {deep, "{\"text\":" + deep + "}", std::string("{}"),
                                  std::string(R"({"text":"a","text":"b"})"),
                                  std::string(R"({"text":7})"), std::string("\xff\xfe")})
    EXPECT_EQ(world_.post("/v1/jobs", body).status, 400) << body.substr(0, 40);
  EXPECT_EQ(world_.post("/v1/jobs", R"({"text":"","user":"root"})").status, 400);
  EXPECT_EQ(world_.submit(), 1);
}

TEST_F(ApiJobs, StolenAndExpiredTokensAreRefused) {
  const std::string old = *TokenFile::create(
      world_.folder().at("tokens"), {.name = "old", .user = "bob", .scopes = {Scope::read}},
      Instant{1'700'000'000'000});
  for (const std::string& token : {old, std::string("sovren_stolen")}) {
    auto client = HttpClient::create({.address = world_.folder().at("s"), .token = token});
    const auto reply = (*client)->call("GET", "/v1/jobs", "", 60);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 401);
  }
}

}  // namespace
}  // namespace sovren::api
