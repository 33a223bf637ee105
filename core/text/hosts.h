// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
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

/// The other way: n1, n2, n3, gpu7 -> "n[1-3],gpu7". Neighbours in the list whose names differ in
/// their last number alone share brackets; the order is kept.
std::string compress_hosts(std::span<const std::string> names);

/// A list as Slurm writes it, "n[01-03],gpu7": the names in order. Errors: spec_invalid.
Result<std::vector<std::string>> expand_host_list(std::string_view list);

}  // namespace sovren::text
