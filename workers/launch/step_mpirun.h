// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "workers/launch/step_run.h"

namespace sovren::workers {

/// The mpirun of a step, ready for exec.
struct MpirunCall {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  ///< "NAME=value"
};

/// Starts `sovren srun-task` for each task, on the nodes of the layout in its order. The variables
/// of this process go along to all nodes; how these are reached, the attempt's own OMPI_MCA_* say.
MpirunCall mpirun_call(const StepPlan& plan, const std::vector<std::string>& argv,
                       const StepRun& run);

[[noreturn]] void exec_mpirun(const MpirunCall& call);

/// "srun: error: n1: task 0: Exited with exit code 3" on standard error.
void tell_failure(const StepPlan& plan, int task, int code);

}  // namespace sovren::workers
