// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/command.h"

namespace sovren::cli {

/// Asks the scheduler to do this to each job that the operands name; goes on after a refusal, and
/// returns the exit code of the first.
Result<int> act_on_jobs(const Arguments& arguments, const std::string& verb);

}  // namespace sovren::cli
