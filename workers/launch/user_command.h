// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "workers/launch/command.h"
#include "workers/launch/environment.h"

namespace sovren::workers {

/// The variables that a command finds: SOVREN_* and those of Slurm that scripts use, then the ones
/// that the job file sets. docs/job-file.md lists them.
void add_user_variables(Environment& environment, const AttemptOrder& order,
                        const CommandSpec& spec);

/// Program and arguments of one rank: argv, its program looked up on the PATH that the command will
/// have, or the script. With several ranks, a line of shell gives each its SOVREN_RANK and GPUs.
/// Errors: input_missing: the program is not there; refused: a signal that mpirun does not pass on.
Result<std::vector<std::string>> user_words(const AttemptOrder& order, const CommandSpec& spec,
                                            const CommandSetting& setting,
                                            const Environment& environment);

}  // namespace sovren::workers
