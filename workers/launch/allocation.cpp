// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/allocation.h"

#include "core/text/json.h"

namespace sovren::workers {

std::string print_allocation(const Allocation& allocation) {
  text::Json nodes = text::Json::array();
  for (const Allocation::Node& node : allocation.nodes)
    nodes.push_back(
        {{"name", node.name}, {"tasks", node.tasks}, {"cpus", node.cpus}, {"gpus", node.gpus}});
  return text::dump_json({{"job", allocation.job},
                          {"array_job", allocation.array_job},
                          {"array_task", allocation.array_task},
                          {"job_name", allocation.job_name},
                          {"user", allocation.user},
                          {"job_dir", allocation.job_dir},
                          {"mpirun", allocation.mpirun},
                          {"nodes", nodes}});
}

Result<Allocation> parse_allocation(const std::string& written) {
  SOVREN_TRY(json, text::parse_json(written, "allocation"));
  Allocation read;
  SOVREN_TRY(job, text::get_int(json, "job"));
  SOVREN_TRY(array_job, text::get_int(json, "array_job"));
  read.job = job;
  read.array_job = array_job;
  const std::pair<const char*, std::string*> texts[] = {{"array_task", &read.array_task},
                                                        {"job_name", &read.job_name},
                                                        {"user", &read.user},
                                                        {"job_dir", &read.job_dir},
                                                        {"mpirun", &read.mpirun}};
  for (const auto& [name, to] : texts) {
    SOVREN_TRY(value, text::get_string(json, name));
    *to = std::move(value);
  }
  if (!json.contains("nodes") || !json["nodes"].is_array() || json["nodes"].empty())
    return fail({.code = Code::data_invalid, .what = "an allocation has nodes"});
  for (const text::Json& node : json["nodes"]) {
    SOVREN_TRY(name, text::get_string(node, "name"));
    SOVREN_TRY(tasks, text::get_int(node, "tasks"));
    SOVREN_TRY(cpus, text::get_int(node, "cpus"));
    SOVREN_TRY(gpus, text::get_int(node, "gpus"));
    read.nodes.push_back({.name = std::move(name),
                          .tasks = static_cast<int>(tasks),
                          .cpus = static_cast<int>(cpus),
                          .gpus = static_cast<int>(gpus)});
  }
  return read;
}

}  // namespace sovren::workers
