// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/step_plan.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/text/file_pattern.h"
#include "core/text/hosts.h"
#include "core/text/json.h"
#include "workers/launch/slurm_variables.h"

namespace sovren::workers {
namespace {

text::Json stream_json(const StepStream& stream) {
  return {{"file", stream.file}, {"only_task", stream.only_task}};
}

Result<StepStream> stream_of(const text::Json& json) {
  SOVREN_TRY(file, text::get_string(json, "file"));
  SOVREN_TRY(only_task, text::get_int(json, "only_task"));
  return StepStream{std::move(file), static_cast<int>(only_task)};
}

const Allocation::Node& node_at(const StepPlan& plan, std::size_t at) {
  return plan.allocation.nodes[static_cast<std::size_t>(plan.layout.nodes[at].place)];
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    parts.emplace_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string joined(const std::vector<int>& numbers) {
  std::string text;
  for (const int number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

std::vector<int> ints_of(const text::Json& json) {
  std::vector<int> numbers;
  for (const text::Json& number : json)
    if (number.is_number_integer()) numbers.push_back(number.get<int>());
  return numbers;
}

/// The parts that are simple values.
Result<void> take_scalars(const text::Json& json, StepPlan& plan) {
  SOVREN_TRY(number, text::get_int(json, "number"));
  SOVREN_TRY(tasks, text::get_int(json, "tasks"));
  plan.number = static_cast<int>(number);
  plan.layout.tasks = static_cast<int>(tasks);
  for (const auto& [name, to] : {std::pair<const char*, std::string*>{"folder", &plan.folder},
                                 {"name", &plan.name},
                                 {"exit_folder", &plan.exit_folder}}) {
    SOVREN_TRY(value, text::get_string(json, name));
    *to = std::move(value);
  }
  plan.is_labelled = json.value("is_labelled", false);
  plan.is_overlapping = json.value("is_overlapping", false);
  plan.is_ended_by_failure = json.value("is_ended_by_failure", false);
  if (json.contains("cpus_per_task")) plan.cpus_per_task = json["cpus_per_task"].get<int>();
  if (json.contains("gpus_per_task")) plan.gpus_per_task = json["gpus_per_task"].get<int>();
  return {};
}

}  // namespace

std::string print_step(const StepPlan& plan) {
  text::Json nodes = text::Json::array();
  for (std::size_t i = 0; i < plan.layout.nodes.size(); ++i) {
    const StepLayout::Node& node = plan.layout.nodes[i];
    nodes.push_back({{"place", node.place},
                     {"tasks", node.tasks},
                     {"cpus", node.cpus},
                     {"gpu_count", node.gpus},
                     {"gpus", plan.gpus[i]}});
  }
  text::Json json{{"allocation", print_allocation(plan.allocation)},
                  {"number", plan.number},
                  {"tasks", plan.layout.tasks},
                  {"nodes", nodes},
                  {"input", stream_json(plan.input)},
                  {"output", stream_json(plan.output)},
                  {"error", stream_json(plan.error)},
                  {"is_labelled", plan.is_labelled},
                  {"is_overlapping", plan.is_overlapping},
                  {"is_ended_by_failure", plan.is_ended_by_failure},
                  {"folder", plan.folder},
                  {"name", plan.name},
                  {"exit_folder", plan.exit_folder}};
  if (plan.cpus_per_task) json["cpus_per_task"] = *plan.cpus_per_task;
  if (plan.gpus_per_task) json["gpus_per_task"] = *plan.gpus_per_task;
  return text::dump_json(json);
}

Result<StepPlan> parse_step(const std::string& written) {
  SOVREN_TRY(json, text::parse_json(written, "step"));
  StepPlan plan;
  SOVREN_TRY(allocation, text::get_string(json, "allocation"));
  SOVREN_TRY(parsed, parse_allocation(allocation));
  plan.allocation = std::move(parsed);
  SOVREN_DO(take_scalars(json, plan));
  for (const auto& [name, to] : {std::pair<const char*, StepStream*>{"input", &plan.input},
                                 {"output", &plan.output},
                                 {"error", &plan.error}}) {
    if (!json.contains(name))
      return fail({.code = Code::data_invalid, .what = std::string("a step has ") + name});
    SOVREN_TRY(stream, stream_of(json[name]));
    *to = std::move(stream);
  }
  if (!json.contains("nodes") || !json["nodes"].is_array())
    return fail({.code = Code::data_invalid, .what = "a step has nodes"});
  for (const text::Json& node : json["nodes"]) {
    SOVREN_TRY(place, text::get_int(node, "place"));
    SOVREN_TRY(cpus, text::get_int(node, "cpus"));
    SOVREN_TRY(gpus, text::get_int(node, "gpu_count"));
    if (place < 0 || place >= std::ssize(plan.allocation.nodes))
      return fail({.code = Code::data_invalid, .what = "a step is on nodes of its allocation"});
    plan.layout.nodes.push_back({.place = static_cast<int>(place),
                                 .tasks = ints_of(node.value("tasks", text::Json::array())),
                                 .cpus = static_cast<int>(cpus),
                                 .gpus = static_cast<int>(gpus)});
    plan.gpus.push_back(ints_of(node.value("gpus", text::Json::array())));
  }
  return plan;
}

std::size_t node_of_task(const StepPlan& plan, int task) {
  for (std::size_t i = 0; i < plan.layout.nodes.size(); ++i)
    if (std::binary_search(plan.layout.nodes[i].tasks.begin(), plan.layout.nodes[i].tasks.end(),
                           task))
      return i;
  SOVREN_CHECK(false, "each task of a step has a node");
}

std::string file_of_task(const StepPlan& plan, const std::string& pattern, int task) {
  const std::size_t node = node_of_task(plan, task);
  return text::expand_pattern(
      pattern, {.job = plan.allocation.job,
                .array_job = plan.allocation.array_job,
                .array_task = plan.allocation.array_task,
                .step = plan.number,
                .rank = task,
                .node = static_cast<int>(node),
                .node_name = node_at(plan, node).name,
                .user = plan.allocation.user,
                .job_name = plan.name.empty() ? plan.allocation.job_name : plan.name});
}

std::vector<std::pair<std::string, std::string>> step_variables(const StepPlan& plan) {
  std::vector<std::string> names;
  std::vector<int> counts;
  for (std::size_t i = 0; i < plan.layout.nodes.size(); ++i) {
    names.push_back(node_at(plan, i).name);
    counts.push_back(static_cast<int>(plan.layout.nodes[i].tasks.size()));
  }
  const std::string nodes = std::to_string(names.size()), list = text::compress_hosts(names),
                    tasks = std::to_string(plan.layout.tasks), per_node = counts_text(counts),
                    number = std::to_string(plan.number);
  std::vector<std::pair<std::string, std::string>> variables{
      {"SLURM_STEP_ID", number},
      {"SLURM_STEPID", number},
      {"SLURM_STEP_NUM_TASKS", tasks},
      {"SLURM_STEP_NUM_NODES", nodes},
      {"SLURM_STEP_NODELIST", list},
      {"SLURM_STEP_TASKS_PER_NODE", per_node},
      {"SLURM_NTASKS", tasks},
      {"SLURM_NPROCS", tasks},
      {"SLURM_NNODES", nodes},
      {"SLURM_NODELIST", list},
      {"SLURM_TASKS_PER_NODE", per_node},
      {"SOVREN_RANKS", tasks}};
  if (!plan.name.empty()) variables.emplace_back("SLURM_JOB_NAME", plan.name);
  if (plan.cpus_per_task)
    variables.emplace_back("SLURM_CPUS_PER_TASK", std::to_string(*plan.cpus_per_task));
  return variables;
}

std::vector<std::pair<std::string, std::string>> task_variables(const StepPlan& plan, int task) {
  const std::size_t at = node_of_task(plan, task);
  const StepLayout::Node& node = plan.layout.nodes[at];
  const auto local = std::lower_bound(node.tasks.begin(), node.tasks.end(), task);
  std::vector<std::pair<std::string, std::string>> variables{
      {"SLURM_PROCID", std::to_string(task)},
      {"SLURM_LOCALID", std::to_string(local - node.tasks.begin())},
      {"SLURM_NODEID", std::to_string(at)},
      {"SLURM_GTIDS", joined(node.tasks)},
      {"SLURMD_NODENAME", node_at(plan, at).name},
      {"SOVREN_RANK", std::to_string(task)}};
  if (node.cpus > 0) variables.emplace_back("SLURM_CPUS_ON_NODE", std::to_string(node.cpus));
  return variables;
}

std::string gpus_of_task(const StepPlan& plan, int task, std::string_view visible) {
  const std::size_t at = node_of_task(plan, task);
  const std::vector<std::string> all = split(visible);
  std::vector<std::string> chosen;
  if (plan.is_overlapping)
    chosen.assign(all.begin(), all.begin() + std::min<std::ptrdiff_t>(plan.layout.nodes[at].gpus,
                                                                      std::ssize(all)));
  for (const int gpu : plan.gpus[at])
    if (gpu < std::ssize(all)) chosen.push_back(all[static_cast<std::size_t>(gpu)]);
  if (plan.gpus_per_task) {
    const auto& tasks = plan.layout.nodes[at].tasks;
    const auto local = std::lower_bound(tasks.begin(), tasks.end(), task) - tasks.begin();
    const auto first = std::min<std::ptrdiff_t>(local * *plan.gpus_per_task, std::ssize(chosen));
    const auto end = std::min<std::ptrdiff_t>(first + *plan.gpus_per_task, std::ssize(chosen));
    chosen = {chosen.begin() + first, chosen.begin() + end};
  }
  std::string list;
  for (const std::string& gpu : chosen) list += (list.empty() ? "" : ",") + gpu;
  return list;
}

}  // namespace sovren::workers
