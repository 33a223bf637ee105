// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"

namespace sovren::workers {

/// Where the programs are that an attempt is started with.
struct Programs {
  std::string rank;    ///< sovren-rank; never empty
  std::string mpirun;  ///< empty: none was found, only jobs of one rank can run
};

/// Finds what is empty in `known`. sovren-rank: $SOVREN_RANK_PROGRAM, else beside the running
/// program. mpirun: $SOVREN_MPIRUN, else beside the running program (the bundle has its own), else
/// the first on PATH. Errors input_missing: no sovren-rank, or a variable that names no program.
Result<Programs> find_programs(Programs known = {});

/// Is there a file that may be executed?
bool is_program(const std::string& path);

/// The first of this name on PATH; empty: none.
std::string program_on_path(const std::string& name);

/// The file that runs as this process, resolved.
std::string running_program();

}  // namespace sovren::workers
