// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/site_launch.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "workers/launch/programs.h"

namespace sovren::workers {

Result<std::string> find_srun() {
  std::string found = program_on_path("srun");
  if (!found.empty()) return found;
  return fail({.code = Code::input_missing,
               .what = "srun is not on PATH",
               .hint = "load the site's Slurm module, or use --launcher mpirun"});
}

bool is_of_slurm_step(std::string_view variable) {
  static constexpr std::array<std::string_view, 14> prefixes{
      "SLURM_STEP_",   "SLURM_STEPID=",   "SLURM_STEPMGR=",  "SLURM_PROCID=", "SLURM_LOCALID=",
      "SLURM_NODEID=", "SLURM_TASK_PID=", "SLURM_GTIDS=",    "SLURM_SRUN_",   "SLURM_LAUNCH_NODE",
      "SLURM_UMASK=",  "SLURM_PMIX",      "SLURM_MPI_TYPE=", "SLURM_CPU_BIND"};
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return variable.starts_with(prefix); });
}

std::vector<std::string> srun_words(const AttemptOrder& order, const SiteLaunch& site, int cpus) {
  const Resources& resources = order.spec.resources;
  const int per_rank = std::max(1, resources.cpus_per_rank);
  std::vector<std::string> words{site.srun,
                                 "--mpi=pmix",
                                 "--nodes=" + std::to_string(std::min(site.nodes, order.ranks)),
                                 "--ntasks=" + std::to_string(order.ranks),
                                 "--distribution=block",
                                 "--kill-on-bad-exit=1",
                                 "--export=ALL"};
  if (std::int64_t{order.ranks} * per_rank <= cpus)
    words.push_back("--cpus-per-task=" + std::to_string(per_rank));
  else
    words.push_back("--overcommit");
  if (resources.gpus_per_rank > 0)
    words.push_back("--gpus-per-task=" + std::to_string(resources.gpus_per_rank));
  return words;
}

std::vector<std::string> site_mpirun_options() {
  // Between the daemons as on our own nodes: a cut cable is noticed within 10 s.
  return {"--map-by",
          "slot",
          "--mca",
          "oob_tcp_keepalive_time",
          "3",
          "--mca",
          "oob_tcp_keepalive_intvl",
          "2",
          "--mca",
          "oob_tcp_keepalive_probes",
          "3"};
}

void add_srun_shell(std::vector<std::string>& words) {
  words.insert(words.begin(), {"/bin/sh", "-c", "export SOVREN_RANK=$SLURM_PROCID; exec \"$@\"",
                               "sovren-rank-shell"});
}

}  // namespace sovren::workers
