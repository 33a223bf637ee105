// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/port/pool_host.h"

namespace sovren::slurm {

/// The batch script of a pool's allocation: it becomes the agent of the node, `sovren worker`,
/// which takes Slurm's SIGTERM as "seal and leave".
std::string agent_script(const NodeWish& wish);

}  // namespace sovren::slurm
