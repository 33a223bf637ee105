// SPDX-License-Identifier: Apache-2.0
// docs/openapi.json has the same routes as the server, with the same scopes and parameters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "tests/unit/api/api_world.h"

namespace sovren::api {
namespace {

using text::Json;

Json openapi() {
  const char* source = std::getenv("SOVREN_SOURCE");
  std::ostringstream text;
  text << std::ifstream(std::string(source == nullptr ? "." : source) + "/docs/openapi.json")
              .rdbuf();
  auto json = text::parse_json(text.str(), "openapi.json");
  if (!json) throw std::runtime_error(to_text(json.error()));
  return *json;
}

TEST(OpenApi, HasTheRoutesAndTheirScopes) {
  std::set<std::string> documented;
  const Json paths = openapi()["paths"];
  for (const auto& [path, methods] : paths.items())
    for (const auto& [method, operation] : methods.items()) {
      std::string line = method + " " + path;
      for (const Json& scheme : operation["security"])
        line += " " + scheme["token"][0].get<std::string>();
      documented.insert(line);
    }
  std::set<std::string> served;
  ApiWorld world;
  for (const Route& route : world.api().routes()) {
    std::string line = route.method == "GET" ? "get " : "post ";
    line += route.pattern;
    if (route.scope) line.append(" ").append(name(*route.scope));
    served.insert(line);
  }
  EXPECT_EQ(documented, served);
}

/// Something that the schema allows; empty: the parameter is of the path or a header.
std::string example(const Json& parameter) {
  const Json& schema = parameter["schema"];
  if (schema.contains("enum")) return schema["enum"][0].get<std::string>();
  if (schema.value("format", "") == "date-time") return "2026-01-01T00:00:00Z";
  if (parameter["name"] == "state") return "COMPLETED";
  return schema["type"] == "string" ? "x" : schema["type"] == "number" ? "0" : "1";
}

TEST(OpenApi, QueriesThatItNamesAreKnown) {
  ApiWorld world;
  world.submit({{"hold", true}});
  const Json paths = openapi()["paths"];
  for (const auto& [path, methods] : paths.items()) {
    if (!methods.contains("get")) continue;
    std::string target = path;
    for (const char* hole : {"{id}", "{name}", "{node}"})
      if (const auto at = target.find(hole); at != std::string::npos)
        target.replace(at, std::string_view(hole).size(), hole == std::string("{id}") ? "1" : "n1");
    for (const Json& parameter : methods["get"]["parameters"])
      if (parameter["in"] == "query") {
        const std::string query =
            "?" + parameter["name"].get<std::string>() + "=" + example(parameter);
        const Answer answer = world.call("HEAD", target + query);
        EXPECT_NE(answer.status, 400) << target << query;
      }
  }
}

TEST(OpenApi, AnswersHaveTheMembersThatItRequires) {
  ApiWorld world;
  world.submit({{"hold", true}});
  const Json schemas = openapi()["components"]["schemas"];
  const Json job = world.get("/v1/jobs/1").json["job"];
  const std::set<std::string> may_be_missing{"array", "array_job", "array_task", "element",
                                             "progress"};
  for (const auto& [key, schema] : schemas["Job"]["properties"].items())
    EXPECT_TRUE(job.contains(key) || may_be_missing.contains(key)) << key;
  const Json node = world.get("/v1/nodes").json["nodes"][0];
  for (const auto& [key, schema] : schemas["Node"]["properties"].items())
    EXPECT_TRUE(node.contains(key)) << key;
  const Json partition = world.get("/v1/partitions").json["partitions"][0];
  for (const auto& [key, schema] : schemas["Partition"]["properties"].items())
    EXPECT_TRUE(partition.contains(key)) << key;
  const Json explanation = world.get("/v1/explain/1").json;
  for (const auto& [key, schema] : schemas["Explanation"]["properties"].items())
    EXPECT_TRUE(explanation.contains(key)) << key;
}

}  // namespace
}  // namespace sovren::api
