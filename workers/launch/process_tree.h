// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::workers {

/// Environment variable that every process of an attempt inherits. mpirun gives each rank a process
/// group of its own, and an orphan has lost its parents; the environment stays.
inline constexpr std::string_view cookie_variable = "SOVREN_ATTEMPT_COOKIE";

/// From now on a process whose parent dies becomes a child of this one, if this one is its
/// ancestor: so nothing that an attempt started can hide behind a dead parent.
Result<void> adopt_orphans();

struct Child {
  pid_t pid = 0;
  bool is_zombie = false;
};

/// The children of this process that this thread started or that were adopted, but for `known`.
std::vector<Child> own_children(const std::vector<pid_t>& known = {});

/// Processes of a group that start the ranks of a step and pass signals on to them: srun, mpirun.
std::vector<pid_t> step_launchers(pid_t group);

/// Was this process started with that cookie? unknown: its environment cannot be read, or is empty,
/// as it is for a moment while it becomes another program (exec).
enum class Ownership { own, other, unknown };
Ownership cookie_ownership(pid_t pid, std::string_view cookie);

}  // namespace sovren::workers
