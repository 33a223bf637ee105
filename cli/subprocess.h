// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"

namespace sovren::cli {

struct Finished {
  int exit_code = 0;   ///< 128 + signal when killed; 127 when the program is not there
  std::string output;  ///< of standard output
};

/// Runs a short program to its end: `input` on its standard input (through a memory file, so it
/// cannot block), standard error passed on (dropped when is_silent). not_found when it cannot be
/// started.
enum class Stderr { pass, drop };
Result<Finished> run_program(const std::vector<std::string>& argv, const std::string& input = "",
                             Stderr errors = Stderr::pass);

}  // namespace sovren::cli
