// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace sovren::workers {

/// The exit code of an attempt whose ranks srun started, as mpirun gives it: that of the first rank
/// that ended with one of its own. srun gives the greatest; among those are the ranks that it ended
/// itself, because of the first (128 + SIGTERM).
///
/// said   what srun has printed: "srun: error: n1: tasks 0-1: Exited with exit code 65"
int exit_code_of_srun(int exit_code, std::string_view said);

}  // namespace sovren::workers
