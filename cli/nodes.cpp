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
  SOVREN_TRY(answer, client.get("/v1/partitions"));
  return print_answer(arguments, answer, partition_rows(answer["partitions"]));
}

}  // namespace sovren::cli
