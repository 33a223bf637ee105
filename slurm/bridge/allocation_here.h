// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/model/event.h"

namespace sovren::slurm {

/// The allocation of Slurm's that this process was started in.
struct AllocationHere {
  std::string site_job;   ///< as squeue shows it: "1234", of an array "1234_7"
  int restart = 0;        ///< how often the site has requeued it
  std::string continues;  ///< site job of which this submission is the continuation; empty: none
  int nodes = 1;
  NodeResources resources;  ///< of all its nodes together; memory_bytes 0: the site does not say
};

/// Value of an environment variable; none where it is not set.
using Variable = std::function<std::optional<std::string>(const std::string& name)>;

/// The environment of this process.
std::optional<std::string> own_variable(const std::string& name);

/// From what Slurm tells in SLURM_* (sbatch(1), "OUTPUT ENVIRONMENT VARIABLES"), and
/// SOVREN_CONTINUES of our batch scripts.
///
/// Errors   usage: not in an allocation; or not on its first node, where rank 0 will be; or a
///          variable that does not read as Slurm writes it.
Result<AllocationHere> allocation_here(const Variable& variable = own_variable);

/// "4(x2),2" -> 10: a number for each node, as Slurm shortens such lists. Errors: usage.
Result<int> sum_over_nodes(const std::string& list);

}  // namespace sovren::slurm
