// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/head_command.h"

#include <algorithm>

#include "core/model/state.h"
#include "workers/launch/slurm_variables.h"

namespace sovren::workers {
namespace {

class MpiParameters {
 public:
  explicit MpiParameters(Environment& environment) : environment_(environment) {}
  void operator()(const char* name, const std::string& value) {
    environment_.set("OMPI_MCA_" + std::string(name), value);
  }

 private:
  Environment& environment_;
};

}  // namespace

void add_head_variables(Environment& environment, const AttemptOrder& order,
                        const CommandSetting& setting) {
  if (!setting.shims.empty())
    environment.set("PATH", setting.shims + ":" +
                                std::string(environment.find("PATH").value_or("/usr/bin:/bin")));
  if (setting.is_root)
    for (const char* name : {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"})
      environment.set(name, "1");
  environment.set(allocation_variable, allocation_file_of(setting));
  MpiParameters set(environment);
  set("orte_default_hostfile", host_file_of(setting));
  // As for our own ranks (command.cpp): others may hold the first cores.
  set("hwloc_base_binding_policy", "none");
  set("btl_vader_single_copy_mechanism", "none");
  if (order.ranks > setting.cpus) set("mpi_yield_when_idle", "1");
  if (order.slots.size() <= 1) {
    set("plm", "isolated");
    set("orte_tmpdir_base", setting.private_dir);
    return;
  }
  for (const auto& [name, value] : other_nodes_parameters(setting)) set(name, value);
  set("orte_leave_session_attached", "1");
}

std::string host_file_text(const AttemptOrder& order) {
  // By its own name a single node need not be known to the resolver.
  if (order.slots.size() <= 1) return "localhost slots=" + std::to_string(order.ranks) + "\n";
  std::string text;
  for (const Slot& slot : order.slots)
    text += slot.node + " slots=" + std::to_string(slot.ranks) + "\n";
  return text;
}

std::string host_file_of(const CommandSetting& setting) {
  return setting.private_dir + "/hosts";
}

Allocation allocation_of(const AttemptOrder& order, const CommandSetting& setting) {
  const Resources& resources = order.spec.resources;
  Allocation allocation{.job = order.job.value,
                        .array_job = order.array_job.value,
                        .job_name = order.spec.name,
                        .user = order.user,
                        .job_dir = order.dir,
                        .mpirun = setting.programs.mpirun};
  if (order.element >= 0) allocation.array_task = std::to_string(order.element);
  if (const auto* spec = std::get_if<CommandSpec>(&order.spec.kind))
    if (const auto task = spec->environment.find("SLURM_ARRAY_TASK_ID");
        order.element >= 0 && task != spec->environment.end())
      allocation.array_task = task->second;
  for (const Slot& slot : slots_of(order))
    allocation.nodes.push_back({.name = slot.node,
                                .tasks = slot.ranks,
                                .cpus = slot.ranks * std::max(1, resources.cpus_per_rank),
                                .gpus = slot.ranks * resources.gpus_per_rank});
  allocation.nodes[0].cpus = cpus_held(resources, allocation.nodes[0].tasks, setting.cpus);
  return allocation;
}

std::string allocation_file_of(const CommandSetting& setting) {
  return setting.private_dir + "/allocation.json";
}

bool is_started_on_head(const AttemptOrder& order) {
  const auto* spec = std::get_if<CommandSpec>(&order.spec.kind);
  return spec != nullptr && spec->start == CommandSpec::Start::head;
}

}  // namespace sovren::workers
