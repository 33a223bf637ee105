// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "workers/launch/allocation.h"
#include "workers/launch/command.h"
#include "workers/launch/environment.h"

namespace sovren::workers {

/// What a command that is started once on the head finds, to start ranks itself in the slots that
/// its attempt holds: the shims first on its PATH, and variables by which a plain `mpirun` takes
/// these slots and reaches the other nodes through our agents.
///
/// Source   Open MPI 4.1: every option `--mca NAME VALUE` is a variable OMPI_MCA_NAME, and what
///          stands on its command line comes first.
void add_head_variables(Environment& environment, const AttemptOrder& order,
                        const CommandSetting& setting);

/// mpirun's file of hosts, for host_file_of(): a line for each node.
std::string host_file_text(const AttemptOrder& order);
std::string host_file_of(const CommandSetting& setting);

/// What srun in the script is told, for allocation_file_of().
Allocation allocation_of(const AttemptOrder& order, const CommandSetting& setting);
std::string allocation_file_of(const CommandSetting& setting);

/// Is it started once, on the head node, whatever its ranks?
bool is_started_on_head(const AttemptOrder& order);

}  // namespace sovren::workers
