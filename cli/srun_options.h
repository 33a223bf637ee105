// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/slurm_words.h"
#include "workers/launch/step_run.h"

namespace sovren::cli {

/// The options of srun 22.05, with the variables that stand in for them.
const SlurmProgram& srun_program();

/// What an srun inside an allocation was told.
struct SrunStep {
  workers::StepRequest request;
  workers::StepRun run;
  /// Files as they were named; relative ones against the folder of this process.
  workers::StepStream input, output, error;
  bool is_labelled = false;
  bool is_binding = true;                           ///< tasks of an exact step keep to its CPUs
  std::string folder;                               ///< --chdir; empty: this process's
  std::string name;                                 ///< --job-name
  std::string exports;                              ///< --export; "ALL"
  std::optional<int> cpus_per_task, gpus_per_task;  ///< as given
};

/// Errors: usage: a value that is wrong; refused: what does not exist here (--pty).
Result<SrunStep> read_srun(const SlurmWords& words);

}  // namespace sovren::cli
