// SPDX-License-Identifier: Apache-2.0
#include "cli/slurm_queue.h"

#include <algorithm>

#include "cli/client.h"
#include "cli/listing.h"
#include "cli/users.h"

namespace sovren::cli {
namespace {

using text::Json;

Instant moment_of(const Json& job, const char* key) {
  const auto at = parse_utc(text_of(job, key));
  return at ? *at : Instant();
}

std::int64_t whole_of(const Json& job, const char* key, std::int64_t otherwise = 0) {
  const std::string text = text_of(job, key);
  return text.empty() ? otherwise : static_cast<std::int64_t>(number_of(job, key));
}

// Why a job that has ended did so, in Slurm's words.
std::string reason_of(JobState state, const std::string& waiting) {
  switch (state) {
    case JobState::pending:
      return waiting.empty() ? "None" : waiting;
    case JobState::failed:
      return "NonZeroExitCode";
    case JobState::timeout:
      return "TimeLimit";
    case JobState::node_fail:
      return "NodeDown";
    case JobState::out_of_memory:
      return "OutOfMemory";
    default:
      return "None";
  }
}

std::string joined(const Json& words) {
  std::string line;
  if (words.is_array())
    for (const Json& word : words)
      if (word.is_string()) line += (line.empty() ? "" : " ") + word.get<std::string>();
  return line;
}

void add_files(SlurmJob& job, const Json& from) {
  const std::string dir = text_of(from, "dir");
  const std::string log = dir.empty() ? "" : dir + "/logs/rank-0000.log";
  const auto text = [&](const char* key, const std::string& otherwise) {
    const std::string value = text_of(from, key);
    return value.empty() ? otherwise : value;
  };
  job.folder = text("/command/folder", dir);
  job.input = text("/command/stdin", "/dev/null");
  job.output = text("/command/output", log);
  job.error = text("/command/error", job.output);
  if (from.contains("command")) job.command = joined(from["command"].value("argv", Json()));
  job.checkpoint_signal =
      text("/command/checkpoint_signal", from.contains("command") ? "" : "USR1");
}

void add_resources(SlurmJob& job, const Json& from) {
  if (const auto nodes = from.find("nodes"); nodes != from.end() && nodes->is_array())
    for (const Json& slot : *nodes) job.nodes.push_back(text_of(slot, "node"));
  const std::int64_t asked = whole_of(from, "/resources/nodes", whole_of(from, "nodes_count", 1));
  job.nodes_count = job.nodes.empty() ? asked : static_cast<std::int64_t>(job.nodes.size());
  job.tasks = whole_of(from, "ranks", 1);
  job.cpus_per_task = std::max<std::int64_t>(1, whole_of(from, "/resources/cpus_per_rank", 1));
  job.gpus_per_task = whole_of(from, "/resources/gpus_per_rank");
  job.memory_per_task_bytes = whole_of(from, "/resources/memory_per_rank_bytes");
  job.is_exclusive = text_of(from, "/resources/exclusive") == "true";
  job.cpu_s = number_of(from, "cpu_s");
  if (!text_of(from, "/resources/time_limit_s").empty())
    job.time_limit_s = number_of(from, "/resources/time_limit_s");
}

bool is_in(const std::vector<std::string>& list, const std::string& value) {
  return list.empty() || std::ranges::find(list, value) != list.end();
}

Result<std::vector<SlurmJob>> load(Client& client, const Parameters& parameters) {
  SOVREN_TRY(answer, client.list("/v1/jobs", parameters, "jobs", 0));
  std::vector<SlurmJob> jobs;
  for (const Json& job : answer["jobs"]) jobs.push_back(slurm_job_of(job));
  return jobs;
}

}  // namespace

SlurmJob slurm_job_of(const Json& from) {
  SlurmJob job;
  job.id = whole_of(from, "id");
  job.array_job = whole_of(from, "array_job");
  job.task = text_of(from, "array_task");
  if (job.array_job != 0 && job.task.empty()) job.task = text_of(from, "element");
  job.array_running_max = whole_of(from, "array_running_max");
  job.name = text_of(from, "name");
  job.user = text_of(from, "user");
  job.account = text_of(from, "account");
  job.partition = text_of(from, "partition");
  if (job.partition.empty()) job.partition = "default";
  job.qos = text_of(from, "qos");
  job.comment = text_of(from, "comment");
  job.dependency = text_of(from, "after");
  if (const auto labels = from.find("labels"); labels != from.end() && labels->is_object())
    for (const auto& [name, value] : labels->items())
      job.features += (job.features.empty() ? "" : "&") + name + "=" + text_of(*labels, name);
  job.state = state_of(text_of(from, "state")).value_or(JobState::pending);
  job.reason = reason_of(job.state, text_of(from, "reason"));
  job.priority = whole_of(from, "priority");
  job.restarts = std::max<std::int64_t>(0, whole_of(from, "attempts") - 1);
  job.exit_code = static_cast<int>(whole_of(from, "exit_code"));
  job.can_checkpoint = text_of(from, "can_checkpoint") == "true";
  job.submitted = moment_of(from, "submitted_at");
  job.not_before = moment_of(from, "not_before");
  job.started = moment_of(from, "started_at");
  job.ended = moment_of(from, "ended_at");
  job.run_s = number_of(from, "run_s");
  job.may_requeue = text_of(from, "requeue") != "false";
  job.is_record = !from.contains("resources");
  job.cancelled_by = text_of(from, "stop_by");
  add_resources(job, from);
  add_files(job, from);
  return job;
}

bool SlurmSelection::fits(const SlurmJob& job) const {
  const auto is_there = [&](const std::string& node) { return is_in(nodes, node); };
  return (states.empty() || states.contains(job.state)) && is_in(users, job.user) &&
         is_in(names, job.name) && is_in(partitions, job.partition) &&
         is_in(accounts, job.account) && is_in(qos, job.qos) &&
         (nodes.empty() || std::ranges::any_of(job.nodes, is_there));
}

SlurmSelection selection_of(const SlurmWords& words) {
  SlurmSelection selection{.users = slurm_list(words.text("user")),
                           .names = slurm_list(words.text("name")),
                           .partitions = slurm_list(words.text("partition")),
                           .accounts = slurm_list(words.text("account")),
                           .qos = slurm_list(words.text("qos"))};
  for (std::string& user : selection.users) user = user_named(user);
  if (words.has("me")) selection.users = {own_user()};
  return selection;
}

Result<std::vector<SlurmId>> slurm_ids_of(const std::string& list) {
  std::vector<SlurmId> ids;
  for (const std::string& word : slurm_list(list)) {
    auto id = parse_slurm_id(word);
    if (!id) return fail({.code = Code::usage, .what = "Invalid job id: " + word});
    ids.push_back(*std::move(id));
  }
  return ids;
}

SlurmQueue::SlurmQueue(Client client) : client_(std::make_unique<Client>(std::move(client))) {}
SlurmQueue::SlurmQueue(SlurmQueue&&) noexcept = default;
SlurmQueue::~SlurmQueue() = default;

Result<SlurmQueue> SlurmQueue::create() {
  SOVREN_TRY(client, Client::create({}));
  return SlurmQueue(std::move(client));
}

Result<std::vector<SlurmNode>> SlurmQueue::nodes() {
  SOVREN_TRY(answer, client_->get("/v1/nodes"));
  SOVREN_TRY(list, text::get_member(answer, "nodes"));
  std::vector<SlurmNode> nodes;
  for (const Json& node : *list) nodes.push_back(slurm_node_of(node));
  return nodes;
}

Result<std::vector<SlurmPartition>> SlurmQueue::partitions() {
  SOVREN_TRY(answer, client_->get("/v1/partitions"));
  SOVREN_TRY(list, text::get_member(answer, "partitions"));
  std::vector<SlurmPartition> partitions;
  for (const Json& partition : *list) partitions.push_back(slurm_partition_of(partition));
  return partitions;
}

Result<std::vector<SlurmJob>> SlurmQueue::jobs_of(const SlurmId& id) {
  const std::string number = std::to_string(id.job);
  SOVREN_TRY(jobs, load(*client_, {{"array", number}, {"details", "1"}}));
  std::erase_if(jobs, [&](const SlurmJob& job) { return !id.has_task(job.task); });
  if (!jobs.empty() || !id.tasks.empty()) return jobs;
  auto answer = client_->get("/v1/jobs/" + number);  // it may have ended long ago
  if (answer) jobs.push_back(slurm_job_of((*answer)["job"]));
  if (!answer && answer.error().code != Code::not_found) return fail(std::move(answer).error());
  return jobs;
}

Result<std::vector<SlurmJob>> SlurmQueue::jobs(const SlurmSelection& selection) {
  std::vector<SlurmJob> jobs;
  if (selection.ids.empty()) {
    std::string states;
    for (const JobState state : selection.states)
      states += (states.empty() ? "" : ",") + std::string(state_name(state));
    SOVREN_TRY(found,
               load(*client_, {{"state", states},
                               {"user", selection.users.size() == 1 ? selection.users[0] : ""},
                               {"details", "1"}}));
    jobs = std::move(found);
  }
  for (const SlurmId& id : selection.ids) {
    SOVREN_TRY(found, jobs_of(id));
    jobs.insert(jobs.end(), found.begin(), found.end());
  }
  std::erase_if(jobs, [&](const SlurmJob& job) { return !selection.fits(job); });
  std::ranges::stable_sort(jobs, {}, &SlurmJob::id);
  const auto same = [](const SlurmJob& a, const SlurmJob& b) { return a.id == b.id; };
  jobs.erase(std::unique(jobs.begin(), jobs.end(), same), jobs.end());
  return jobs;
}

}  // namespace sovren::cli
