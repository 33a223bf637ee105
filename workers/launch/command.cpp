// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/command.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <sstream>
#include <string_view>

#include "core/base/check.h"
#include "workers/launch/environment.h"
#include "workers/launch/head_command.h"
#include "workers/launch/process_tree.h"
#include "workers/launch/user_command.h"

namespace sovren::workers {
namespace {

/// Variables by which a process finds the MPI job or Slurm step it belongs to, and our own.
bool is_left_out(std::string_view variable, const CommandSetting& setting) {
  if (setting.site && variable.starts_with("SLURM_")) return is_of_slurm_step(variable);
  static constexpr std::array<std::string_view, 12> prefixes{
      "OMPI_COMM_",    "OMPI_UNIVERSE_", "OMPI_MCA_orte_", "OMPI_MCA_ess",
      "OMPI_MCA_pmix", "OMPI_APP_",      "PMIX_",          "PMI_",
      "SLURM_",        "SOVREN_JOB_ID=", "SOVREN_RANK=",   "SOVREN_ATTEMPT"};
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return variable.starts_with(prefix); });
}

std::string as_text(double value) {
  std::ostringstream text;
  text.precision(17);
  text << value;
  return text.str();
}

void add_other_nodes(std::vector<std::string>& argv, const AttemptOrder& order,
                     const CommandSetting& setting) {
  std::string hosts;
  for (const Slot& slot : order.slots)
    hosts += (hosts.empty() ? "" : ",") + slot.node + ":" + std::to_string(slot.ranks);
  // Attached: a daemon that left its parent would count as left over.
  argv.insert(argv.end(), {"--host", hosts, "--map-by", "slot", "--leave-session-attached"});
  argv.insert(argv.end(), {"--mca", "btl", "self,vader,tcp"});
  for (const auto& [name, value] : other_nodes_parameters(setting))
    argv.insert(argv.end(), {"--mca", name, value});
}

/// Are the ranks on several nodes of a site? Those on one are as on our own.
bool is_over_site(const CommandSetting& setting) {
  return setting.site && setting.site->nodes > 1;
}

void add_mpirun(std::vector<std::string>& argv, const AttemptOrder& order,
                const CommandSetting& setting) {
  const auto add = [&](std::initializer_list<const char*> words) {
    argv.insert(argv.end(), words.begin(), words.end());
  };
  argv.push_back(setting.programs.mpirun);
  if (setting.is_root) add({"--allow-run-as-root"});
  add({"-n"});
  argv.push_back(std::to_string(order.ranks));
  // How many ranks a core may carry has been decided before: mpirun need not judge again.
  add({"--oversubscribe", "--bind-to", "none"});
  if (!is_over_site(setting))
    add({"--mca", "pml", "ob1", "--mca", "btl_vader_single_copy_mechanism", "none"});
  // When a rank ends with 85, mpirun ends the others too; by default it gives them a second or two
  // first. Ours have nothing left to do then: what they had to say is said before they exit.
  add({"--mca", "odls_base_sigkill_timeout", "0"});
  if (is_over_site(setting)) {
    const std::vector<std::string> options = site_mpirun_options();
    argv.insert(argv.end(), options.begin(), options.end());
  } else if (order.slots.size() > 1) {
    add_other_nodes(argv, order, setting);
  } else {
    add({"--mca", "btl", "self,vader", "--mca", "plm", "isolated", "--mca", "ras", "^slurm",
         "--mca", "orte_tmpdir_base", setting.private_dir.c_str()});
  }
  if (order.ranks > setting.cpus) add({"--mca", "mpi_yield_when_idle", "1"});
}

std::vector<std::string> rank_words(const AttemptOrder& order, const CommandSetting& setting) {
  std::vector<std::string> words{setting.programs.rank,
                                 "--dir",
                                 order.dir,
                                 "--job",
                                 std::to_string(order.job.value),
                                 "--attempt",
                                 std::to_string(order.attempt),
                                 "--ranks",
                                 std::to_string(order.ranks),
                                 "--oldest-set-job",
                                 std::to_string(order.oldest_set_job.value),
                                 "--mtbf",
                                 as_text(order.mtbf_s),
                                 "--report",
                                 setting.report_socket};
  if (!order.sequence.empty())
    words.insert(words.end(), {"--sequence", sequence_folder(order) + "/" + order.sequence});
  return words;
}

/// What the ranks on the other nodes are to find in their environment, too; their GPUs they learn
/// there.
void add_exports(std::vector<std::string>& argv, const Environment& environment,
                 const AttemptOrder& order) {
  const auto* command = std::get_if<CommandSpec>(&order.spec.kind);
  for (const std::string& name : environment.names()) {
    const bool is_ours =
        name.starts_with("SOVREN_") || name.starts_with("SLURM_") || name.ends_with("_NUM_THREADS");
    const bool is_local = name == cookie_variable || name == launch_socket_variable;
    const bool is_key = name == order.spec.checkpoint.key_env;
    if ((is_ours && !is_local) || is_key ||
        (command != nullptr && command->environment.contains(name)))
      argv.insert(argv.end(), {"-x", name});
  }
}

/// What every attempt of the user finds in its environment, whatever its kind.
Environment environment_of(const AttemptOrder& order, const CommandSetting& setting,
                           std::span<const std::string> inherited) {
  Environment environment;
  for (const std::string& variable : inherited)
    if (!is_left_out(variable, setting)) environment.add(variable);
  if (setting.user) {
    environment.set("USER", setting.user->name);
    environment.set("LOGNAME", setting.user->name);
    environment.set("HOME", setting.user->home);
    environment.set("SHELL", setting.user->shell);
  }
  if (setting.gpus) {
    std::string list;
    for (const std::string& gpu : *setting.gpus) list += (list.empty() ? "" : ",") + gpu;
    environment.set("CUDA_VISIBLE_DEVICES", list);
  }
  environment.set("SOVREN_JOB_ID", std::to_string(order.job.value));
  environment.set("SOVREN_ATTEMPT", std::to_string(order.attempt));
  environment.set("SOVREN_CHECKPOINT_DIR", order.dir + "/checkpoints");
  environment.set(cookie_variable, setting.cookie);
  return environment;
}

}  // namespace

Result<Command> make_command(const AttemptOrder& order, const CommandSetting& setting,
                             std::span<const std::string> inherited) {
  SOVREN_CHECK(order.ranks >= 1, "an attempt has at least one rank");
  const bool is_on_head = is_started_on_head(order);
  const bool is_by_srun =
      order.ranks > 1 && !is_on_head && setting.site && setting.site->by == SiteLaunch::By::srun;
  const bool is_by_mpirun = order.ranks > 1 && !is_on_head && !is_by_srun;
  if (is_by_mpirun && setting.programs.mpirun.empty())
    return fail({.code = Code::input_missing,
                 .what = "mpirun is not on PATH, and a job of " + std::to_string(order.ranks) +
                         " ranks needs it",
                 .hint = "install openmpi-bin, let SOVREN_MPIRUN name mpirun, or use --ranks 1"});
  Command command{.user = setting.user};
  Environment environment = environment_of(order, setting, inherited);
  std::vector<std::string> program;
  if (const auto* spec = std::get_if<CommandSpec>(&order.spec.kind)) {
    add_user_variables(environment, order, *spec, setting);
    if (is_on_head && !setting.site) add_head_variables(environment, order, setting);
    SOVREN_TRY(words, user_words(order, *spec, setting, environment));
    program = std::move(words);
    command.input = spec->input;
    command.folder = spec->folder.empty() ? order.dir : spec->folder;
  } else {
    program = rank_words(order, setting);
    // Ranks are the parallelism: a BLAS that starts threads of its own would oversubscribe the
    // cores.
    for (const char* threads : {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"})
      if (!environment.find(threads)) environment.set(threads, "1");
  }
  const bool is_command = std::holds_alternative<CommandSpec>(order.spec.kind);
  if (is_by_mpirun && order.spec.resources.gpus_per_rank > 0)
    environment.set("SOVREN_GPUS_PER_RANK", std::to_string(order.spec.resources.gpus_per_rank));
  if (is_by_mpirun && (is_command || order.spec.resources.gpus_per_rank > 0))
    add_rank_shell(program);
  if (is_by_srun && is_command) add_srun_shell(program);
  if (order.slots.size() > 1) {
    environment.set(launch_socket_variable, setting.launch_socket);
    environment.set(head_variable, order.node);
    environment.set("TMPDIR", setting.private_dir);
  }
  if (is_by_mpirun) add_mpirun(command.argv, order, setting);
  if (is_by_srun) command.argv = srun_words(order, *setting.site, setting.cpus);
  if (is_by_srun && order.ranks > setting.cpus)
    environment.set("OMPI_MCA_mpi_yield_when_idle", "1");
  if (is_by_mpirun && (order.slots.size() > 1 || is_over_site(setting)))
    add_exports(command.argv, environment, order);
  command.argv.insert(command.argv.end(), program.begin(), program.end());
  command.environment = std::move(environment).variables();
  return command;
}

// Daemons on the other nodes are started through our agents. A cut cable is noticed within 10 s,
// where TCP alone would take 8 minutes. Names of nodes need not be known to the resolver.
std::vector<std::pair<const char*, std::string>> other_nodes_parameters(
    const CommandSetting& setting) {
  std::vector<std::pair<const char*, std::string>> parameters{{"plm", "rsh"},
                                                              {"plm_rsh_agent", setting.rsh_agent},
                                                              {"plm_rsh_no_tree_spawn", "1"},
                                                              {"orte_keep_fqdn_hostnames", "1"},
                                                              {"oob_tcp_keepalive_time", "3"},
                                                              {"oob_tcp_keepalive_intvl", "2"},
                                                              {"oob_tcp_keepalive_probes", "3"}};
  if (!setting.subnet.empty())
    for (const char* name : {"btl_tcp_if_include", "oob_tcp_if_include"})
      parameters.emplace_back(name, setting.subnet);
  return parameters;
}

std::string sequence_folder(const AttemptOrder& order) {
  if (order.sequence.empty()) return {};
  const std::string jobs = order.dir.substr(0, order.dir.rfind('/'));
  return jobs + "/" + std::to_string(order.array_job.value) + "/sequence";
}

Command make_assist_command(const AssistOrder& order, const CommandSetting& setting,
                            std::span<const std::string> inherited) {
  AttemptOrder part{.job = order.job, .attempt = order.attempt};
  part.dir = order.dir;
  Environment environment = environment_of(part, setting, inherited);
  environment.set("TMPDIR", setting.private_dir);
  return {.argv = {"/bin/sh", "-c", order.command},
          .environment = std::move(environment).variables(),
          .user = setting.user};
}

Result<int> signal_number(const std::string& name) {
  const std::string_view bare = std::string_view(name).substr(name.starts_with("SIG") ? 3 : 0);
  for (int number = 1; number < SIGRTMIN; ++number)
    if (const char* known = ::sigabbrev_np(number); known != nullptr && bare == known)
      return number;
  return fail({.code = Code::refused,
               .what = "there is no signal '" + name + "'",
               .hint = "checkpoint_signal is one of USR1, USR2, TERM, INT, HUP, ..."});
}

}  // namespace sovren::workers
