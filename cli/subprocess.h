// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"

namespace sovren::cli {

struct Finished {
  int exit_code = 0;   ///< 128 + signal when killed; 127 when the program is not there
  std::string output;  ///< of standard output, or what was taken instead
};

/// Where standard error goes. take: it is the output, and standard output is passed on instead.
enum class Stderr { pass, drop, take };

/// Runs a program to its end: `input` on its standard input (through a memory file, so it cannot
/// block), its standard output taken, standard error passed on. not_found when it cannot be
/// started.
Result<Finished> run_program(const std::vector<std::string>& argv, const std::string& input = "",
                             Stderr errors = Stderr::pass);

}  // namespace sovren::cli
