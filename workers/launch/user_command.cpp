// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/user_command.h"

#include <algorithm>
#include <sstream>
#include <string_view>

#include "workers/launch/head_command.h"
#include "workers/launch/slurm_variables.h"

namespace sovren::workers {
namespace {

// Each rank of mpirun learns who it is, and takes its part of the attempt's GPUs on this node.
constexpr const char* rank_shell =
    "export SOVREN_RANK=$OMPI_COMM_WORLD_RANK SLURM_PROCID=$OMPI_COMM_WORLD_RANK "
    "SLURM_LOCALID=$OMPI_COMM_WORLD_LOCAL_RANK; "
    "if [ -n \"$SOVREN_GPUS_PER_RANK\" ]; then "
    "first=$((OMPI_COMM_WORLD_LOCAL_RANK * SOVREN_GPUS_PER_RANK + 1)); "
    "CUDA_VISIBLE_DEVICES=$(echo \"$CUDA_VISIBLE_DEVICES\" | "
    "cut -d, -f$first-$((first + SOVREN_GPUS_PER_RANK - 1))); fi; "
    "exec \"$@\"";

std::string node_list(const AttemptOrder& order) {
  std::string list;
  for (const Slot& slot : order.slots) list += (list.empty() ? "" : ",") + slot.node;
  return list.empty() ? order.node : list;
}

Result<std::string> find_program(const std::string& name, std::string_view path) {
  if (name.find('/') != std::string::npos) return name;  // exec says what is wrong with it
  std::istringstream folders{std::string(path)};
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const std::string file = (folder.empty() ? "." : folder) + "/" + name; is_program(file))
      return file;
  return fail({.code = Code::input_missing,
               .what = "the program " + name + " is not on the PATH of this node",
               .hint = "name it by its path, or set PATH in command.environment",
               .where = name});
}

Result<void> check_signal(const std::string& name) {
  if (name.empty() || name.ends_with("USR1") || name.ends_with("USR2")) return {};
  return fail({.code = Code::refused,
               .what = "mpirun does not pass SIG" + name + " on to the ranks",
               .hint = "with several ranks, checkpoint_signal is USR1 or USR2"});
}

}  // namespace

void add_user_variables(Environment& environment, const AttemptOrder& order,
                        const CommandSpec& spec, const CommandSetting& setting) {
  const auto set = [&](std::string_view name, std::int64_t value) {
    environment.set(name, std::to_string(value));
  };
  const std::int64_t nodes = std::max<std::int64_t>(1, std::ssize(order.slots));
  set("SOVREN_RANKS", order.ranks);
  set("SOVREN_NODES", nodes);
  environment.set("SOVREN_NODELIST", node_list(order));
  environment.set("SOVREN_JOB_DIR", order.dir);
  if (setting.site) {
    add_task_variables(environment, order);
  } else {
    add_slurm_variables(environment, order, spec, setting);
    // SLURM_JOB_ID makes mpirun, ours or one that the command starts, look for Slurm's own parts.
    for (const char* part : {"OMPI_MCA_ras", "OMPI_MCA_plm"}) environment.set(part, "^slurm");
  }
  if (order.element >= 0) {
    set("SOVREN_ARRAY_JOB_ID", order.array_job.value);
    set("SOVREN_ARRAY_TASK_ID", order.element);
  }
  if (order.ranks == 1) set("SOVREN_RANK", 0);
  for (const auto& [name, value] : spec.environment) environment.set(name, value);
}

Result<std::vector<std::string>> user_words(const AttemptOrder& order, const CommandSpec& spec,
                                            const CommandSetting& setting,
                                            const Environment& environment) {
  std::vector<std::string> words = spec.argv;
  if (words.empty()) {
    if (!spec.script.starts_with("#!")) words = {"/bin/sh"};
    words.push_back(setting.script);
    words.insert(words.end(), spec.arguments.begin(), spec.arguments.end());
  } else {
    SOVREN_TRY(program, find_program(words[0], environment.find("PATH").value_or("/usr/bin:/bin")));
    words[0] = program;
  }
  if (order.ranks == 1 || is_started_on_head(order)) return words;
  SOVREN_DO(check_signal(spec.checkpoint_signal));
  return words;
}

void add_rank_shell(std::vector<std::string>& words) {
  words.insert(words.begin(), {"/bin/sh", "-c", rank_shell, "sovren-rank-shell"});
}

}  // namespace sovren::workers
