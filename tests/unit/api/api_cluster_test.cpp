// SPDX-License-Identifier: Apache-2.0
// Agents, nodes, events, files and figures, through the socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/text/order_json.h"
#include "tests/unit/api/api_world.h"

namespace sovren::api {
namespace {

using testing::HasSubstr;
using text::Json;

class ApiCluster : public testing::Test {
 protected:
  std::vector<Order> orders(std::int64_t after, const std::string& wait = "60") {
    const auto reply = world_.client()->call(
        "GET", "/v1/agents/n1/orders?instance=i1&after=" + std::to_string(after) + "&wait=" + wait,
        "", 90);
    EXPECT_TRUE(reply && reply->status == 200);
    auto read = text::orders_from_json(reply->body);
    EXPECT_TRUE(read) << to_text(read.error());
    return read ? *read : std::vector<Order>();
  }
  /// News of job 1. acknowledged: up to where the agent need not tell them again.
  void tell(std::int64_t number, decltype(AttemptNews::what) what, std::int64_t acknowledged) {
    const NumberedNews news{number, {.job = JobId{1}, .attempt = 1, .what = std::move(what)}};
    const Answer answer =
        world_.post("/v1/agents/n1/news", text::news_to_json({.instance = "i1", .news = {news}}));
    EXPECT_EQ(answer.json["acknowledged"], acknowledged) << answer.json;
  }
  /// Takes job 1 to its end.
  void run_job() {
    ASSERT_EQ(world_.submit(), 1);
    ASSERT_EQ(orders(0).size(), 1U);
    const Progress progress{.step = 5, .fraction = 0.5, .metrics = {{"causal_chain_depth", 3}}};
    tell(1, ReportProgress{progress}, 1);
    tell(2, ReportFinished{.steps = 10, .digest = "d1gest"}, 1);  // durable with the exit only
    tell(3, AttemptExited{}, 3);
  }

  ApiWorld world_;
};

TEST_F(ApiCluster, AgentTakesOrdersAndTellsNews) {
  run_job();
  const Json job = world_.get("/v1/jobs/1?wait=60").json["job"];
  EXPECT_EQ(job["state"], "COMPLETED") << job;
  EXPECT_EQ(job["nodes"], Json({{{"node", "n1"}, {"ranks", 1}}}));
  EXPECT_EQ(job["progress"]["step"], 5);
  EXPECT_TRUE(orders(1, "0").empty()) << "without waiting there is nothing";
  EXPECT_TRUE(orders(1, "0.1").empty());
}

TEST_F(ApiCluster, OrdersWaitForAJob) {
  std::vector<Order> taken;
  std::thread agent([&] { taken = orders(0); });
  world_.submit();
  agent.join();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(std::get<AttemptOrder>(taken[0].what).dir, world_.jobs_dir() + "/1");
}

TEST_F(ApiCluster, AgentsMayBeNodesOnly) {
  for (const char* path : {"/v1/agents/n2", "/v1/agents/n2/news", "/v1/agents/n2/leave"})
    EXPECT_EQ(world_.post(path, "{}", "bob").status, 403) << path;
  EXPECT_EQ(world_.get("/v1/agents/n1/orders", "bob").status, 403);
  EXPECT_EQ(world_.post("/v1/agents/n2", "{}").status, 400);
  EXPECT_EQ(world_.post("/v1/agents/n1/news", "{\"instance\":1}").status, 400);
  EXPECT_EQ(world_.get("/v1/agents/n2/orders?instance=i9").status, 404) << "it has not said hello";
  const std::string hello = text::hello_to_json({.node = "n3", .instance = "i"});
  EXPECT_EQ(world_.post("/v1/agents/n2", hello).status, 400) << "another node's hello";
}

TEST_F(ApiCluster, NodesAreDrainedAndResumed) {
  Json node = world_.get("/v1/nodes").json["nodes"][0];
  EXPECT_EQ(node["name"], "n1");
  EXPECT_EQ(node["state"], "IDLE");
  EXPECT_EQ(node["cpus"], 4);
  node = world_.post("/v1/nodes/n1/drain?why=new%20disk").json["node"];
  EXPECT_EQ(node["state"], "DRAINED");
  EXPECT_EQ(node["why"], "new disk");
  world_.submit();
  const Json waiting = world_.get("/v1/explain/1").json;
  EXPECT_EQ(waiting["schema"], "sovren.explanation/1");
  EXPECT_EQ(waiting["job"]["state"], "PENDING");
  EXPECT_NE(waiting["reason"], "");
  EXPECT_EQ(waiting["nodes"][0]["node"], "n1");
  EXPECT_EQ(world_.post("/v1/nodes/n1/resume").json["node"]["drained_by"], "");
  EXPECT_EQ(world_.get("/v1/jobs/1?wait=60&state=RUNNING").json["job"]["state"], "RUNNING");
  EXPECT_EQ(world_.post("/v1/nodes/n2/drain").status, 404);
  EXPECT_EQ(world_.post("/v1/nodes/n1/drain", "", "bob").status, 403);
}

TEST_F(ApiCluster, AgentLeaves) {
  EXPECT_EQ(world_.post("/v1/agents/n1/leave?instance=i1").status, 200);
  EXPECT_EQ(world_.get("/v1/nodes").json["nodes"][0]["state"], "DOWN");
}

TEST_F(ApiCluster, PartitionsAreListed) {
  const Json all = world_.get("/v1/partitions").json;
  ASSERT_EQ(all["partitions"].size(), 1U);
  EXPECT_EQ(all["partitions"][0]["name"], "default");
  EXPECT_EQ(all["partitions"][0]["nodes"], Json({"n1"}));
  EXPECT_EQ(all["partitions"][0]["cpus"], 4);
}

TEST_F(ApiCluster, EndedJobsAreInTheHistory) {
  run_job();
  world_.submit({{"hold", true}}, "bob");
  world_.post("/v1/jobs/2/cancel");
  const Json all = world_.get("/v1/history").json;
  ASSERT_EQ(all["jobs"].size(), 2U) << all;
  const Json bobs = world_.get("/v1/history?user=bob").json["jobs"];
  ASSERT_EQ(bobs.size(), 1U);
  EXPECT_EQ(bobs[0]["id"], 2);
  EXPECT_EQ(bobs[0]["state"], "CANCELLED");
}

TEST_F(ApiCluster, EventsOfAJobComeAsTheyHappenAndAreResumed) {
  world_.submit({{"hold", true}});
  const auto client = world_.client();
  auto reader = client->events("/v1/jobs/1/events");
  ASSERT_TRUE(reader) << to_text(reader.error());
  auto event = reader->next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->event, "job_submitted");
  world_.post("/v1/jobs/1/cancel");
  event = reader->next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->event, "stop_requested");
  auto resumed = client->events("/v1/jobs/1/events", {{"Last-Event-ID", (*event)->id}});
  ASSERT_TRUE(resumed) << to_text(resumed.error());
  for (EventReader* each : {&*reader, &*resumed}) {
    event = each->next();
    ASSERT_TRUE(event && *event);
    EXPECT_EQ((*event)->event, "job_ended");
  }
  EXPECT_EQ(world_.call("GET", "/v1/events", "", "", {{"Last-Event-ID", "x"}}).status, 400);
}

TEST_F(ApiCluster, ReportsReachThoseWhoWatchTheJob) {
  world_.submit();
  ASSERT_EQ(orders(0).size(), 1U);
  auto reader = world_.client()->events("/v1/jobs/1/events");
  ASSERT_TRUE(reader) << to_text(reader.error());
  for (const char* name : {"job_submitted", "attempt_started"}) {
    auto event = reader->next();
    ASSERT_TRUE(event && *event);
    EXPECT_EQ((*event)->event, name);
  }
  tell(1, ReportProgress{{.step = 7, .fraction = 0.7}}, 1);
  auto event = reader->next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->event, "report");
  EXPECT_THAT((*event)->data, HasSubstr(R"("step":7)"));
}

TEST_F(ApiCluster, PreviewIsNamedUntilTheResultIsThere) {
  ASSERT_EQ(world_.submit(), 1);
  ASSERT_EQ(orders(0).size(), 1U);
  EXPECT_FALSE(world_.get("/v1/jobs/1").json["job"].contains("preview"));
  tell(1, ReportPreview{"preview/image.png"}, 1);
  const Json job = world_.get("/v1/jobs/1").json["job"];
  EXPECT_EQ(job["preview"], world_.jobs_dir() + "/1/preview/image.png") << job;
  tell(2, ReportFinished{.steps = 10, .digest = "d1gest"}, 1);
  tell(3, AttemptExited{}, 3);
  const Json ended = world_.get("/v1/jobs/1?wait=60").json["job"];
  EXPECT_EQ(ended["state"], "COMPLETED") << ended;
  EXPECT_FALSE(ended.contains("preview"));
}

TEST_F(ApiCluster, AllEventsAreWatchedFromNowOnOrFromOneOn) {
  auto now = world_.client()->events("/v1/events");
  auto all = world_.client()->events("/v1/events?after=0");
  ASSERT_TRUE(now && all);
  world_.submit({{"hold", true}});
  auto event = now->next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->event, "spec_added");
  event = all->next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->event, "node_joined");
  EXPECT_EQ((*event)->id, "1");
}

TEST_F(ApiCluster, LogsAreTheOwnersAndComeInParts) {
  world_.submit({{"hold", true}}, "bob");
  EXPECT_EQ(world_.get("/v1/jobs/1/logs", "bob").status, 404) << "not started";
  const std::string logs = world_.jobs_dir() + "/1/logs";
  std::filesystem::create_directories(logs);
  std::ofstream(logs + "/rank-0000.log") << "caf\xc3\xa9\n";
  const Json part = world_.get("/v1/jobs/1/logs?limit=4", "bob").json;
  EXPECT_EQ(part["schema"], "sovren.log/1");
  EXPECT_EQ(part["text"], "caf") << "a character is not cut";
  EXPECT_EQ(part["next"], 3);
  EXPECT_EQ(part["is_final"], false);
  EXPECT_EQ(world_.get("/v1/jobs/1/logs?offset=3", "bob").json["text"], "\xc3\xa9\n");
  EXPECT_EQ(world_.get("/v1/jobs/1/logs", "ada").status, 403);
  EXPECT_EQ(world_.get("/v1/jobs/1/logs?rank=1", "bob").status, 404);
  EXPECT_EQ(world_.get("/v1/jobs/1/logs?format=xml", "bob").status, 400);
  world_.post("/v1/jobs/1/cancel");
  EXPECT_EQ(world_.get("/v1/jobs/1/logs", "bob").json["is_final"], true);
  EXPECT_EQ(world_.get("/v1/jobs/1/logs?format=text").json, Json("caf\xc3\xa9\n"));
}

TEST_F(ApiCluster, CheckpointsAreListed) {
  world_.submit({{"hold", true}}, "bob");
  std::filesystem::create_directories(world_.jobs_dir() + "/1/checkpoints/gen-000010");
  const Json sets = world_.get("/v1/jobs/1/checkpoints", "bob").json;
  EXPECT_EQ(sets["checkpoints"], Json::array());
  EXPECT_EQ(sets["damaged"][0]["name"], "gen-000010");
  EXPECT_EQ(world_.get("/v1/jobs/1/checkpoints", "ada").status, 403);
}

TEST_F(ApiCluster, AliveAndReady) {
  EXPECT_EQ(world_.get("/healthz").json["status"], "ok");
  EXPECT_EQ(world_.get("/readyz").json["status"], "ok");
  const auto page = world_.client()->call("GET", "/", "", 60);
  ASSERT_TRUE(page);
  EXPECT_THAT(page->body, HasSubstr("<title>Sovren</title>"));
}

TEST_F(ApiCluster, MetricsTellTheFiguresAndPromtoolAgrees) {
  run_job();
  const auto reply = world_.client()->call("GET", "/metrics", "", 60);
  ASSERT_TRUE(reply) << to_text(reply.error());
  EXPECT_THAT(reply->body, HasSubstr("\nsovren_jobs{state=\"COMPLETED\"} 1\n"));
  EXPECT_THAT(reply->body, HasSubstr("\nsovren_nodes{state=\"IDLE\"} 1\n"));
  EXPECT_THAT(reply->body, HasSubstr("\nsovren_cpus 4\n"));
  EXPECT_THAT(reply->body, HasSubstr("\nsovren_jobs_submitted_total 1\n"));
  EXPECT_THAT(reply->body, HasSubstr("\nsovren_causal_chain_depth 3\n"));
  if (std::system("command -v promtool >/dev/null") != 0)
    GTEST_SKIP() << "SKIP: promtool (package prometheus) is not here";
  world_.folder().write("metrics", reply->body);
  EXPECT_EQ(std::system(("promtool check metrics < " + world_.folder().at("metrics")).c_str()), 0);
}

TEST_F(ApiCluster, RequestsAfterTheHostHasStoppedAreRefused) {
  const auto client = world_.client();
  ASSERT_TRUE(client->call("GET", "/healthz", "", 60));
  std::thread stopper([&] { world_.stop(); });
  stopper.join();
  const auto reply = client->call("GET", "/v1/jobs", "", 60);
  EXPECT_FALSE(reply);
}

TEST(ApiHistory, HasTheJobsThatTheStateHasForgotten) {
  constexpr std::int64_t day_ms = 86'400'000;
  ApiWorld world({{.id = {1}, .name = "a", .user = "ada", .ended_at = {10 * day_ms}, .run_s = 60},
                  {.id = {2}, .user = "bob", .state = JobState::failed, .ended_at = {20 * day_ms}},
                  {.id = {3}, .user = "ada", .ended_at = {30 * day_ms}}});
  const auto ids = [&](const std::string& query) {
    std::string all;
    const Json page = world.get("/v1/history" + query).json;
    for (const Json& job : page["jobs"]) all += job["id"].dump() + " ";
    return all;
  };
  EXPECT_EQ(world.get("/v1/history").json["schema"], "sovren.history/1");
  EXPECT_EQ(ids(""), "3 2 1 ");
  EXPECT_EQ(ids("?user=ada"), "3 1 ");
  EXPECT_EQ(ids("?state=FAILED"), "2 ");
  EXPECT_EQ(ids("?since=1970-01-21T00:00:00Z&until=1970-01-31T00:00:00Z"), "2 ");
  EXPECT_EQ(ids("?limit=1&after=3"), "2 ");
  EXPECT_EQ(world.get("/v1/history?limit=1").json["next"], 3);
  EXPECT_EQ(world.get("/v1/history").json["next"], nullptr);
  EXPECT_EQ(world.get("/v1/history?since=yesterday").status, 400);
  EXPECT_EQ(world.get("/v1/history?state=final").status, 400);
  const Json forgotten = world.get("/v1/jobs/1").json["job"];
  EXPECT_EQ(forgotten["name"], "a");
  EXPECT_EQ(forgotten["run_s"], 60);
  EXPECT_EQ(world.get("/v1/jobs/1?wait=60").json["job"]["state"], "COMPLETED");
}

}  // namespace
}  // namespace sovren::api
