// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/command.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include "core/base/check.h"
#include "workers/launch/process_tree.h"

namespace sovren::workers {
namespace {

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

/// Variables by which a process finds the MPI job or Slurm step it belongs to, and our own.
bool is_left_out(std::string_view variable) {
  static constexpr std::array<std::string_view, 12> prefixes{
      "OMPI_COMM_",    "OMPI_UNIVERSE_", "OMPI_MCA_orte_", "OMPI_MCA_ess",
      "OMPI_MCA_pmix", "OMPI_APP_",      "PMIX_",          "PMI_",
      "SLURM_",        "SOVREN_JOB_ID=", "SOVREN_RANK=",   "SOVREN_ATTEMPT"};
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return starts_with(variable, prefix); });
}

bool has(std::span<const std::string> environment, std::string_view name) {
  return std::any_of(environment.begin(), environment.end(), [&](const std::string& variable) {
    return starts_with(variable, std::string(name) + "=");
  });
}

std::string as_text(double value) {
  std::ostringstream text;
  text.precision(17);
  text << value;
  return text.str();
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
  add({"--mca", "pml", "ob1", "--mca", "btl", "self,vader"});
  add({"--mca", "btl_vader_single_copy_mechanism", "none"});
  add({"--mca", "plm", "isolated"});
  // When a rank ends with 85, mpirun ends the others too; by default it gives them a second or two
  // first. Ours have nothing left to do then: what they had to say is said before they exit.
  add({"--mca", "odls_base_sigkill_timeout", "0"});
  add({"--mca", "orte_tmpdir_base", setting.private_dir.c_str()});
  if (order.ranks > setting.cpus) add({"--mca", "mpi_yield_when_idle", "1"});
}

}  // namespace

Result<Command> make_command(const AttemptOrder& order, const CommandSetting& setting,
                             std::span<const std::string> inherited) {
  SOVREN_CHECK(order.ranks >= 1, "an attempt has at least one rank");
  if (order.ranks > 1 && setting.programs.mpirun.empty())
    return fail({.code = Code::input_missing,
                 .what = "mpirun is not on PATH, and a job of " + std::to_string(order.ranks) +
                         " ranks needs it",
                 .hint = "install openmpi-bin, let SOVREN_MPIRUN name mpirun, or use --ranks 1"});
  Command command;
  if (order.ranks > 1) add_mpirun(command.argv, order, setting);
  const std::vector<std::string> rank{setting.programs.rank,
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
  command.argv.insert(command.argv.end(), rank.begin(), rank.end());

  for (const std::string& variable : inherited)
    if (!is_left_out(variable)) command.environment.push_back(variable);
  const auto set = [&](std::string_view name, const std::string& value) {
    command.environment.push_back(std::string(name) + "=" + value);
  };
  // Ranks are the parallelism: a BLAS that starts threads of its own would oversubscribe the cores.
  for (const char* threads : {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"})
    if (!has(command.environment, threads)) set(threads, "1");
  set("SOVREN_JOB_ID", std::to_string(order.job.value));
  set("SOVREN_ATTEMPT", std::to_string(order.attempt));
  set("SOVREN_CHECKPOINT_DIR", order.dir + "/checkpoints");
  set(cookie_variable, setting.cookie);
  return command;
}

}  // namespace sovren::workers
