// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "workers/launch/command.h"
#include "workers/launch/environment.h"

namespace sovren::workers {

/// The SLURM_* variables that scripts look at, as Slurm 22.05 sets them in a batch script.
///
/// More than there: SLURM_NTASKS and SLURM_GPUS are set whether or not they were asked for.
/// Where only who submits knows (SLURM_SUBMIT_HOST, SLURM_MEM_PER_CPU, SLURM_NTASKS_PER_NODE, ...),
/// the job's own environment says it; it is added after these.
/// Source   sbatch(1), "OUTPUT ENVIRONMENT VARIABLES"; env of a job of Slurm 22.05.8.
void add_slurm_variables(Environment& environment, const AttemptOrder& order,
                         const CommandSpec& spec, const CommandSetting& setting);

/// Of these, the ones by which the one process of a command knows that it is task 0.
void add_task_variables(Environment& environment, const AttemptOrder& order);

/// Counts of nodes in order, as Slurm shortens them: 2, 2, 2, 1 -> "2(x3),1".
std::string counts_text(const std::vector<int>& counts);

/// The attempt's slots, also of one that names none: all ranks on its node.
std::vector<Slot> slots_of(const AttemptOrder& order);

}  // namespace sovren::workers
