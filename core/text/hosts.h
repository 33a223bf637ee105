// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::text {

/// "n[01-03,07]" -> n01, n02, n03, n07, as Slurm writes node names; a name without brackets is
/// itself. One pair of brackets, numbers of up to 9 digits, at most 100,000 names.
///
/// Errors   spec_invalid.
Result<std::vector<std::string>> expand_hosts(std::string_view text);

}  // namespace sovren::text
