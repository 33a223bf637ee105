// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/head_command.h"

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

bool is_started_on_head(const AttemptOrder& order) {
  const auto* spec = std::get_if<CommandSpec>(&order.spec.kind);
  return spec != nullptr && spec->start == CommandSpec::Start::head;
}

}  // namespace sovren::workers
