// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/port/launcher.h"

namespace sovren::workers {

/// An allocation of Slurm's that this process is in. The ranks of its attempts are started over all
/// of its nodes by the site's own means: `srun --mpi=pmix`, or mpirun, which asks Slurm for its
/// nodes and starts its daemons by srun.
struct SiteLaunch {
  enum class By { srun, mpirun };
  By by = By::srun;
  std::string srun;  ///< program; needed by srun only
  int nodes = 1;     ///< of the allocation
};

/// The first srun on PATH. Errors: input_missing.
Result<std::string> find_srun();

/// Variables of the one step or task of Slurm's that this process may be: a step that it starts is
/// another. All else that Slurm says of the allocation holds for it too.
bool is_of_slurm_step(std::string_view variable);

/// srun and its options. One block of ranks after the other in the order of the nodes: rank 0 is on
/// the first, where this process is. One rank that fails ends the others.
///
/// cpus   of the allocation; with more ranks than those can carry, they share them.
/// Source srun(1) of 22.05: --cpus-per-task is not taken from the allocation any more.
std::vector<std::string> srun_words(const AttemptOrder& order, const SiteLaunch& site, int cpus);

/// Options of mpirun on the nodes of the allocation; which network they talk over, the site's
/// configuration of Open MPI knows.
std::vector<std::string> site_mpirun_options();

/// Tells each task of srun its number, as add_rank_shell() does for mpirun.
void add_srun_shell(std::vector<std::string>& words);

}  // namespace sovren::workers
