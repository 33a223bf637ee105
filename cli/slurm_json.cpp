// SPDX-License-Identifier: Apache-2.0
#include "cli/slurm_json.h"

#include <cstdlib>

#include "cli/users.h"
#include "core/text/hosts.h"
#include "core/text/json.h"

namespace sovren::cli {
namespace {

using text::Json;

std::int64_t seconds_of(Instant at) {
  return at.ms / 1000;
}

// Slurm has wait statuses here: an exit code times 256, or a signal.
int wait_status(const SlurmJob& job) {
  return job.exit_code > 128 ? job.exit_code - 128 : job.exit_code << 8;
}

void add_array(Json& view, const SlurmJob& job) {
  const bool is_folded = job.task.starts_with('[');
  view["array_job_id"] = job.array_job;
  view["array_task_id"] =
      job.array_job == 0 || is_folded ? Json(nullptr) : Json(std::atoll(job.task.c_str()));
  view["array_max_tasks"] = job.array_running_max;
  view["array_task_string"] = is_folded ? job.task.substr(1, job.task.size() - 2) : "";
}

void add_times(Json& view, const SlurmJob& job) {
  const bool is_waiting = job.state == JobState::pending;
  view["submit_time"] = seconds_of(job.submitted);
  view["eligible_time"] = seconds_of(std::max(job.submitted, job.not_before));
  view["start_time"] = is_waiting ? 0 : seconds_of(job.started);
  view["end_time"] = seconds_of(end_of(job));
  view["time_limit"] =
      job.time_limit_s ? Json(static_cast<std::int64_t>(*job.time_limit_s / 60)) : Json(nullptr);
}

Json job_json(const SlurmJob& job) {
  const UserIds ids = user_ids(job.user);
  const bool is_waiting = job.state == JobState::pending;
  const std::int64_t memory = memory_per_cpu_mib(job);
  const std::string nodes = is_waiting ? "" : text::compress_hosts(job.nodes);
  Json view = {{"account", job.account},
               {"batch_flag", true},
               {"batch_host", is_waiting || job.nodes.empty() ? "" : job.nodes.front()},
               {"cluster", "sovren"},
               {"command", job.command},
               {"comment", job.comment},
               {"cpus", cpus_of(job)},
               {"cpus_per_task", job.cpus_per_task},
               {"current_working_directory", job.folder},
               {"dependency", job.dependency},
               {"derived_exit_code", 0},
               {"exit_code", wait_status(job)},
               {"features", job.features},
               {"group_id", ids.gid},
               {"group_name", ids.group},
               {"job_id", job.id},
               {"job_state", state_name(job.state)},
               {"memory_per_cpu", memory == 0 ? Json(nullptr) : Json(memory)},
               {"memory_per_node", nullptr},
               {"name", job.name},
               {"node_count", job.nodes_count},
               {"nodes", nodes},
               {"partition", job.partition},
               {"priority", job.priority},
               {"qos", job.qos},
               {"requeue", job.may_requeue},
               {"restart_cnt", job.restarts},
               {"standard_error", job.error},
               {"standard_input", job.input},
               {"standard_output", job.output},
               {"state_description", ""},
               {"state_reason", job.reason},
               {"tasks", job.tasks},
               {"tres_alloc_str", is_waiting ? "" : tres_text(job)},
               {"tres_req_str", tres_text(job)},
               {"user_id", ids.uid},
               {"user_name", job.user}};
  add_array(view, job);
  add_times(view, job);
  return view;
}

}  // namespace

std::string squeue_json(const std::vector<SlurmJob>& jobs) {
  Json list = Json::array();
  for (const SlurmJob& job : jobs) list.push_back(job_json(job));
  const Json plugin = {{"type", "openapi/v0.0.38"}, {"name", "Slurm OpenAPI v0.0.38"}};
  const Json version = {{"major", 22}, {"micro", 8}, {"minor", 5}};
  return text::dump_json(
      {{"meta", {{"plugin", plugin}, {"Slurm", {{"version", version}, {"release", "22.05.8"}}}}},
       {"errors", Json::array()},
       {"jobs", list}},
      2);
}

}  // namespace sovren::cli
