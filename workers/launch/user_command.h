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
                        const CommandSpec& spec, const CommandSetting& setting);

/// Program and arguments of one rank: argv, its program looked up on the PATH that the command will
/// have, or the script and its arguments.
/// Errors: input_missing: the program is not there; refused: a signal that mpirun does not pass on.
Result<std::vector<std::string>> user_words(const AttemptOrder& order, const CommandSpec& spec,
                                            const CommandSetting& setting,
                                            const Environment& environment);

/// Puts a line of shell before what mpirun starts, that tells each rank its number, and gives it
/// its part of the attempt's GPUs on its node where SOVREN_GPUS_PER_RANK says how many.
void add_rank_shell(std::vector<std::string>& words);

}  // namespace sovren::workers
