// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/views.h"

#include <algorithm>

#include "core/text/file_pattern.h"
#include "core/text/job_file.h"

namespace sovren::api {
namespace {

using text::Json;

Json time_or_null(Instant at) {
  return at.ms == 0 ? Json(nullptr) : Json(format_utc(at));
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json resources_view(const Resources& asked) {
  return {{"nodes", asked.nodes},
          {"ranks", asked.ranks},
          {"ranks_min", or_null(asked.ranks_min)},
          {"ranks_max", or_null(asked.ranks_max)},
          {"cpus_per_rank", asked.cpus_per_rank},
          {"gpus_per_rank", asked.gpus_per_rank},
          {"memory_per_rank_bytes", asked.memory_per_rank_bytes},
          {"time_limit_s", or_null(asked.time_limit_s)},
          {"exclusive", asked.exclusive}};
}

Json progress_view(const Progress& progress) {
  Json metrics = Json::object();
  for (const auto& [name, value] : progress.metrics) metrics[name] = value;
  return {{"step", progress.step}, {"fraction", progress.fraction}, {"phase", progress.phase},
          {"done", progress.done}, {"total", progress.total},       {"unit", progress.unit},
          {"metrics", metrics}};
}

Json array_view(const ArrayCount& count) {
  Json states = Json::object();
  for (const auto& [state, jobs] : count.states) states[std::string(state_name(state))] = jobs;
  return {{"elements", count.elements}, {"states", states}};
}

Json slots_view(const std::vector<Slot>& slots) {
  Json nodes = Json::array();
  for (const Slot& slot : slots) nodes.push_back({{"node", slot.node}, {"ranks", slot.ranks}});
  return nodes;
}

void add_live(Json& view, const Job& job, const engine::Live& live, Detail detail) {
  if (live.progress) view["progress"] = progress_view(*live.progress);
  if (detail == Detail::row) return;
  view["backend"] = live.backend;
  view["devices"] = live.devices;
  view["warnings"] = live.warnings;
  if (!live.preview.empty() && job.state != JobState::completed)
    view["preview"] = job.dir + "/" + live.preview;
  if (!live.finished) return;
  Json metrics = Json::object();
  for (const auto& [name, value] : live.finished->metrics) metrics[name] = value;
  view["metrics"] = metrics;
}

// Names of files as they are for this job, seen from its first rank.
Json command_view(const CommandSpec& command, const Job& job, const std::string& array_task) {
  const text::PatternValues values{.job = job.id.value,
                                   .array_job = job.element < 0 ? 0 : job.array_job.value,
                                   .array_task = array_task,
                                   .node_name = job.node(),
                                   .user = job.user,
                                   .job_name = job_name(job)};
  const auto path = [&](const std::string& name) {
    return name.empty() ? name : text::expand_pattern(name, values);
  };
  return {{"argv", command.argv},
          {"arguments", command.arguments},
          {"is_script", command.argv.empty()},
          {"start", command.start == CommandSpec::Start::head ? "head" : "ranks"},
          {"folder", command.folder},
          {"stdin", path(command.input)},
          {"output", path(command.output)},
          {"error", path(command.error)},
          {"checkpoint_signal", command.checkpoint_signal}};
}

void add_details(Json& view, const Job& job, const JobContext& context) {
  view["after"] = job.spec->after;
  view["array_running_max"] = job.spec->array_max_running;
  view["labels"] = job.spec->labels;
  view["comment"] = job.spec->comment;
  view["dir"] = job.dir;
  view["resources"] = resources_view(job.spec->resources);
  view["can_checkpoint"] = can_checkpoint(*job.spec);
  view["requeue"] = job.spec->retry.requeue;
  if (const auto* command = std::get_if<CommandSpec>(&job.spec->kind))
    view["command"] = command_view(*command, job, context.array_task);
  view["checkpoints"] = {{"sealed", job.seals},
                         {"last_step", job.sealed_step},
                         {"size_bytes", job.sealed_bytes},
                         {"seal_s", job.seal_s},
                         {"blocked_s", job.blocked_s},
                         {"restored", job.restores},
                         {"restore_s", job.restore_s},
                         {"skipped", job.skipped_seals},
                         {"slowdown_s", job.slowdown_s},
                         {"lost_s", job.lost_s},
                         {"interval_s", job.plan.interval_s},
                         {"mtbf_s", job.plan.mtbf_s},
                         {"expected_overhead", job.plan.expected_overhead},
                         {"actual_overhead", actual_overhead(job)}};
  view["failures"] = job.failures;
  view["preemptions"] = job.preemptions;
  view["stop_requested"] =
      job.stop_requested ? Json(request_name(*job.stop_requested)) : Json(nullptr);
  view["stop_by"] = job.stop_by;
  view["exit_code"] = job.exit_code;
  view["digest"] = job.digest;
  if (job.error) view["error"] = text::error_to_json(*job.error);
}

bool is_in(const Partition& partition, const Node& node) {
  if (!partition.nodes.empty() &&
      std::ranges::find(partition.nodes, node.name) == partition.nodes.end())
    return false;
  return std::ranges::all_of(partition.labels, [&](const auto& label) {
    const auto found = node.resources.labels.find(label.first);
    return found != node.resources.labels.end() && found->second == label.second;
  });
}

Json partition_view(const Partition& partition, const std::map<std::string, Node>& nodes) {
  Json names = Json::array();
  int nodes_up = 0;
  std::int64_t cpus = 0, cpus_used = 0, gpus = 0, gpus_used = 0;
  for (const auto& [name, node] : nodes) {
    if (!is_in(partition, node)) continue;
    names.push_back(name);
    if (!node.is_up) continue;
    ++nodes_up;
    cpus += node.resources.cpus;
    cpus_used += node.cpus_used;
    gpus += node.resources.gpus;
    gpus_used += node.gpus_used;
  }
  return {{"name", partition.name},
          {"state", partition.is_up ? "UP" : "DOWN"},
          {"is_default", partition.is_default},
          {"priority", partition.priority},
          {"nodes", names},
          {"nodes_up", nodes_up},
          {"cpus", cpus},
          {"cpus_used", cpus_used},
          {"gpus", gpus},
          {"gpus_used", gpus_used},
          {"default_time_limit_s", or_null(partition.default_time_limit_s)},
          {"time_limit_s", or_null(partition.limits.time_limit_s)}};
}

}  // namespace

std::string job_name(const Job& job) {
  if (job.element < 0 || job.spec->name.find("${") == std::string::npos) return job.spec->name;
  const auto element = text::expand_element(*job.spec, job.element);
  return element ? element->name : job.spec->name;
}

std::string TaskNames::of(const Job& job) {
  if (job.element < 0) return "";
  if (!names_ || &*spec_ != &*job.spec) {
    spec_ = job.spec;
    names_.emplace(spec_->array);
  }
  return job.element < text::array_size(*spec_) ? names_->name(job.element)
                                                : std::to_string(job.element);
}

Json job_view(const Job& job, const JobContext& context, Detail detail) {
  const JobSpec& spec = *job.spec;
  Json view = {{"id", job.id.value},
               {"name", job_name(job)},
               {"user", job.user},
               {"kind", kind_name(spec.kind)},
               {"state", state_name(job.state)},
               {"reason", context.reason},
               {"why", context.why},
               {"is_held", job.is_held},
               {"attempts", job.attempts},
               {"nodes", slots_view(job.slots)},
               {"ranks", job.ranks == 0 ? spec.resources.ranks : job.ranks},
               {"partition", spec.partition},
               {"qos", spec.qos},
               {"account", spec.account},
               {"priority", spec.priority},
               {"submitted_at", time_or_null(job.submitted_at)},
               {"not_before", time_or_null(job.not_before)},
               {"started_at", time_or_null(job.started_at)},
               {"ended_at", time_or_null(job.ended_at)},
               {"queue_s", job.queue_s},
               {"run_s", job.run_s}};
  if (job.element >= 0) {
    view["array_job"] = job.array_job.value;
    view["element"] = job.element;
    view["array_task"] = context.array_task;
  }
  if (context.array != nullptr) {
    view["name"] = spec.name;
    view["array"] = array_view(*context.array);
  }
  if (context.live != nullptr && context.live->attempt == job.attempts)
    add_live(view, job, *context.live, detail);
  if (detail == Detail::full) add_details(view, job, context);
  return view;
}

Json record_view(const JobRecord& record) {
  Json view = {{"id", record.id.value},
               {"name", record.name},
               {"user", record.user},
               {"kind", record.kind},
               {"state", state_name(record.state)},
               {"reason", ""},
               {"why", record.why},
               {"attempts", record.attempts},
               {"ranks", record.ranks},
               {"nodes_count", record.nodes},
               {"partition", record.partition},
               {"qos", record.qos},
               {"account", record.account},
               {"submitted_at", time_or_null(record.submitted_at)},
               {"started_at", time_or_null(record.started_at)},
               {"ended_at", time_or_null(record.ended_at)},
               {"queue_s", record.queue_s},
               {"run_s", record.run_s},
               {"cpu_s", record.cpu_s},
               {"gpu_s", record.gpu_s},
               {"preemptions", record.preemptions},
               {"checkpoints",
                {{"sealed", record.seals},
                 {"blocked_s", record.blocked_s},
                 {"restore_s", record.restore_s}}},
               {"exit_code", record.exit_code},
               {"digest", record.digest},
               {"dir", record.dir}};
  if (record.element >= 0) {
    view["array_job"] = record.array_job.value;
    view["element"] = record.element;
  }
  return view;
}

std::string_view node_state(const Node& node) {
  if (!node.is_up) return "DOWN";
  if (node.is_drained()) return node.attempts > 0 ? "DRAINING" : "DRAINED";
  if (node.attempts == 0) return "IDLE";
  return node.is_exclusive || node.cpus_used >= node.resources.cpus ? "ALLOCATED" : "MIXED";
}

Json node_view(const Node& node) {
  return {{"name", node.name},
          {"state", node_state(node)},
          {"why", node.is_up ? node.drained_why : node.down_why},
          {"drained_by", node.drained_by},
          {"attempts", node.attempts},
          {"failures", node.failures},
          {"cpus", node.resources.cpus},
          {"cpus_used", node.cpus_used},
          {"gpus", node.resources.gpus},
          {"gpus_used", node.gpus_used},
          {"memory_bytes", node.resources.memory_bytes},
          {"memory_used_bytes", node.memory_used_bytes},
          {"labels", node.resources.labels}};
}

Json partition_views(const Site& site, const std::map<std::string, Node>& nodes) {
  Json views = Json::array();
  if (site.partitions.empty())
    views.push_back(partition_view({.name = "default", .is_default = true}, nodes));
  for (const Partition& partition : site.partitions)
    views.push_back(partition_view(partition, nodes));
  return views;
}

}  // namespace sovren::api
