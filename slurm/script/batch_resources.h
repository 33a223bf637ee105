// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/text/problems.h"
#include "slurm/script/wishes.h"

namespace sovren::slurm {

/// Puts [resources] together from what was asked for: nodes, ranks, and what each rank holds. Adds
/// to the keys and labels, and to the warnings what sbatch would warn of too.
void put_resources(Wishes& wishes, text::Problems& problems);

}  // namespace sovren::slurm
