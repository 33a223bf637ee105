// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/slurm_variables.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "core/base/units.h"
#include "core/model/state.h"
#include "core/text/hosts.h"
#include "workers/launch/head_command.h"

namespace sovren::workers {
namespace {

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;

std::string names_of(const std::vector<Slot>& slots) {
  std::vector<std::string> names;
  for (const Slot& slot : slots) names.push_back(slot.node);
  return text::compress_hosts(names);
}

/// Numbers, as Slurm has them: the ids that CUDA knows GPUs by may be other names.
std::string gpu_numbers(const std::vector<std::string>& gpus) {
  std::string list;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    const bool is_number =
        !gpus[i].empty() && gpus[i].find_first_not_of("0123456789") == std::string::npos;
    list += (list.empty() ? "" : ",") + (is_number ? gpus[i] : std::to_string(i));
  }
  return list;
}

class Setter {
 public:
  explicit Setter(Environment& environment) : environment_(environment) {}
  void operator()(std::string_view name, std::string_view value) { environment_.set(name, value); }
  void operator()(std::string_view name, const std::string& value) {
    environment_.set(name, value);
  }
  void operator()(std::string_view name, const char* value) { environment_.set(name, value); }
  void operator()(std::string_view name, std::int64_t value) {
    environment_.set(name, std::to_string(value));
  }

 private:
  Environment& environment_;
};

void add_job(Setter& set, const AttemptOrder& order, const CommandSpec& spec,
             const CommandSetting& setting) {
  set("SLURM_JOB_ID", order.job.value);
  set("SLURM_JOBID", order.job.value);
  set("SLURM_JOB_NAME", order.spec.name);
  set("SLURM_CLUSTER_NAME", "sovren");
  set("SLURM_SUBMIT_DIR", spec.folder.empty() ? order.dir : spec.folder);
  set("SLURM_JOB_UID", setting.user ? setting.user->uid : ::geteuid());
  set("SLURM_JOB_GID", setting.user ? setting.user->gid : ::getegid());
  const std::pair<const char*, const std::string*> texts[] = {
      {"SLURM_JOB_PARTITION", &order.spec.partition},
      {"SLURM_JOB_ACCOUNT", &order.spec.account},
      {"SLURM_JOB_QOS", &order.spec.qos},
      {"SLURM_JOB_USER", &order.user}};
  for (const auto& [name, text] : texts)
    if (!text->empty()) set(name, *text);
  if (order.attempt > 1) set("SLURM_RESTART_COUNT", std::int64_t{order.attempt} - 1);
  set("SLURM_JOB_START_TIME", setting.now_s);
  if (order.spec.resources.time_limit_s)
    set("SLURM_JOB_END_TIME",
        setting.now_s + static_cast<std::int64_t>(*order.spec.resources.time_limit_s));
  if (order.element < 0) return;
  set("SLURM_ARRAY_JOB_ID", order.array_job.value);
  set("SLURM_ARRAY_TASK_ID", order.element);
}

void add_nodes(Setter& set, const AttemptOrder& order, const CommandSetting& setting) {
  const std::vector<Slot> slots = slots_of(order);
  const Resources& resources = order.spec.resources;
  std::vector<int> tasks, cpus;
  for (const Slot& slot : slots) {
    tasks.push_back(slot.ranks);
    cpus.push_back(slot.ranks * std::max(1, resources.cpus_per_rank));
  }
  cpus[0] = cpus_held(resources, slots[0].ranks, setting.cpus);
  set("SLURM_NTASKS", order.ranks);
  set("SLURM_NPROCS", order.ranks);
  set("SLURM_TASKS_PER_NODE", counts_text(tasks));
  set("SLURM_JOB_CPUS_PER_NODE", counts_text(cpus));
  set("SLURM_CPUS_ON_NODE", cpus[0]);
  for (const char* name : {"SLURM_JOB_NUM_NODES", "SLURM_NNODES"}) set(name, std::ssize(slots));
  for (const char* name : {"SLURM_JOB_NODELIST", "SLURM_NODELIST"}) set(name, names_of(slots));
  set("SLURMD_NODENAME", order.node);
  set("SLURM_NODEID", std::int64_t{0});
  set("SLURM_TOPOLOGY_ADDR", order.node);
  set("SLURM_TOPOLOGY_ADDR_PATTERN", "node");
  if (resources.memory_per_rank_bytes > 0)
    set("SLURM_MEM_PER_NODE", slots[0].ranks * resources.memory_per_rank_bytes / mebibyte);
  if (resources.gpus_per_rank <= 0) return;
  set("SLURM_GPUS", std::int64_t{order.ranks} * resources.gpus_per_rank);
  set("SLURM_GPUS_ON_NODE", std::int64_t{slots[0].ranks} * resources.gpus_per_rank);
  if (setting.gpus) set("SLURM_JOB_GPUS", gpu_numbers(*setting.gpus));
}

}  // namespace

void add_slurm_variables(Environment& environment, const AttemptOrder& order,
                         const CommandSpec& spec, const CommandSetting& setting) {
  Setter set(environment);
  add_job(set, order, spec, setting);
  add_nodes(set, order, setting);
  const bool is_head = spec.start == CommandSpec::Start::head;
  // To a batch script it is only told when it was asked for.
  if (!is_head || order.spec.resources.cpus_per_rank > 1)
    set("SLURM_CPUS_PER_TASK", std::max(1, order.spec.resources.cpus_per_rank));
  if (is_head) set("ENVIRONMENT", "BATCH");
  add_task_variables(environment, order);
}

void add_task_variables(Environment& environment, const AttemptOrder& order) {
  if (order.ranks > 1 && !is_started_on_head(order)) return;  // each learns its own
  for (const char* name : {"SLURM_PROCID", "SLURM_LOCALID", "SLURM_GTIDS"})
    environment.set(name, "0");
}

std::string counts_text(const std::vector<int>& counts) {
  std::string text;
  for (std::size_t begin = 0, end = 0; begin < counts.size(); begin = end) {
    while (end < counts.size() && counts[end] == counts[begin]) ++end;
    text += (text.empty() ? "" : ",") + std::to_string(counts[begin]);
    if (end - begin > 1) text += "(x" + std::to_string(end - begin) + ")";
  }
  return text;
}

std::vector<Slot> slots_of(const AttemptOrder& order) {
  if (!order.slots.empty()) return order.slots;
  return {{.node = order.node, .ranks = order.ranks}};
}

}  // namespace sovren::workers
