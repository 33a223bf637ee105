// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace sovren::workers {

/// Kills the children of this process that carry the cookie, and theirs as they become ours, until
/// none is left; reaps all zombies. leaders: children that are none of them, and are not looked at.
void kill_orphans(const std::string& cookie, const std::vector<pid_t>& leaders);

}  // namespace sovren::workers
