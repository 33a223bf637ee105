// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/base/units.h"

namespace sovren::cli {

/// A moment as sacct takes it, in local time: "now", "today", "midnight", "noon", with "-2hours" or
/// "+3days" after them; "15:04[:05]"; "1127", "11/27[/26]", "2026-11-27", each with "-15:04" or
/// "T15:04:05" after it.
///
/// Errors   usage.
/// Source   sacct(1), "--starttime".
Result<Instant> parse_slurm_time(const std::string& text, Instant now);

}  // namespace sovren::cli
