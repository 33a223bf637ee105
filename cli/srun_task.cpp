// SPDX-License-Identifier: Apache-2.0
// sovren srun-task COMMAND...: what the mpirun of an srun starts on the nodes.
#include "cli/command.h"
#include "workers/launch/step_run.h"

namespace sovren::cli {

Result<int> start_step_task(const Arguments& arguments) {
  return workers::run_step_task(arguments.operands);
}

}  // namespace sovren::cli
