// SPDX-License-Identifier: Apache-2.0
// sovren nodes, drain, resume, partitions.
#include "cli/client.h"
#include "cli/listing.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

using text::Json;

Rows partition_rows(const Json& partitions) {
  Rows rows{{"PARTITION", "STATE", "NODES", "CPUS", "GPUS", "PRIORITY", "TIME LIMIT"}};
  for (const Json& each : partitions) {
    const double limit_s = number_of(each, "time_limit_s");
    const Json names = each.value("nodes", Json::array());
    rows.push_back({text_of(each, "name") + (each.value("is_default", false) ? "*" : ""),
                    text_of(each, "state"),
                    text_of(each, "nodes_up") + "/" + std::to_string(names.size()),
                    text_of(each, "cpus_used") + "/" + text_of(each, "cpus"),
                    text_of(each, "gpus_used") + "/" + text_of(each, "gpus"),
                    text_of(each, "priority"), limit_s > 0 ? format_duration(limit_s) : "none"});
  }
  return rows;
}

Rows pool_rows(const Json& pools) {
  Rows rows{{"POOL", "NODES", "MIN-MAX", "COMING", "QUEUED", "LEAVING", "SCALE ON", "NOW", "NOTE"}};
  for (const Json& each : pools)
    rows.push_back({text_of(each, "name"), text_of(each, "nodes_up"),
                    text_of(each, "min_nodes") + "-" + text_of(each, "max_nodes"),
                    text_of(each, "coming"), text_of(each, "queued"), text_of(each, "leaving"),
                    text_of(each, "scale_on"), format_count(number_of(each, "value")),
                    text_of(each, "note")});
  return rows;
}

// "ask render for 2 nodes: queue_seconds > 0.1, and jobs wait"
std::string action_words(const Json& each) {
  const std::string action = text_of(each, "action");
  const std::string pool = text_of(each, "pool");
  const std::string why = text_of(each, "why");
  const std::string because = why.empty() ? "" : ": " + why;
  if (action == "ask") {
    const std::string nodes = text_of(each, "nodes");
    return "ask for " + nodes + (nodes == "1" ? " node" : " nodes") + " of pool " + pool + because;
  }
  if (action == "release")
    return "release allocation " + text_of(each, "allocation") + " of pool " + pool + because;
  if (action == "note")
    return "pool " + pool + (why.empty() ? ": nothing stands in its way any more" : because);
  return action + " node " + text_of(each, "node") + because;
}

Result<int> print_plan(const Arguments& arguments, const Json& answer) {
  if (arguments.has("json")) return print_text(text::dump_json(answer, 2) + "\n");
  std::string text = format_table(pool_rows(answer["pools"])) + "\n";
  for (const Json& each : answer["actions"]) text += "would " + action_words(each) + "\n";
  if (answer["actions"].empty()) text += "nothing to do\n";
  return print_text(text);
}

// The answers' nodes, as the listing has them.
Result<int> change_nodes(const Arguments& arguments, const std::string& verb,
                         const Parameters& parameters) {
  SOVREN_TRY(client, Client::create(arguments));
  Json nodes = Json::array();
  for (const std::string& name : arguments.operands) {
    SOVREN_TRY(answer, client.post(target_of("/v1/nodes/" + percent_encoded(name) + "/" + verb,
                                             parameters)));
    nodes.push_back(answer["node"]);
  }
  return print_answer(arguments, {{"schema", "sovren.nodes/1"}, {"nodes", nodes}},
                      node_rows(nodes));
}

}  // namespace

Result<int> list_nodes(const Arguments& arguments) {
  SOVREN_TRY(client, Client::create(arguments));
  SOVREN_TRY(answer, client.get("/v1/nodes"));
  return print_answer(arguments, answer, node_rows(answer["nodes"]));
}

Result<int> drain_nodes(const Arguments& arguments) {
  return change_nodes(arguments, "drain", {{"why", arguments.text("reason")}});
}

Result<int> resume_nodes(const Arguments& arguments) {
  return change_nodes(arguments, "resume", {});
}

Result<int> list_partitions(const Arguments& arguments) {
  SOVREN_TRY(client, Client::create(arguments));
  if (arguments.has("plan")) {
    SOVREN_TRY(plan, client.get("/v1/pools?plan=1"));
    return print_plan(arguments, plan);
  }
  SOVREN_TRY(answer, client.get("/v1/partitions"));
  SOVREN_TRY(pools, client.get("/v1/pools"));
  answer["pools"] = pools["pools"];
  if (arguments.has("json") || pools["pools"].empty())
    return print_answer(arguments, answer, partition_rows(answer["partitions"]));
  return print_text(format_table(partition_rows(answer["partitions"])) + "\n" +
                    format_table(pool_rows(pools["pools"])));
}

}  // namespace sovren::cli
