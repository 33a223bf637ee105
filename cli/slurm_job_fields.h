// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "cli/slurm_columns.h"
#include "cli/slurm_job.h"

namespace sovren::cli {

/// All that squeue prints of a job, by -o and -O.
std::span<const SlurmField<SlurmJob>> squeue_fields();

}  // namespace sovren::cli
