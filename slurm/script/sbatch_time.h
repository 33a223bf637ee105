// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "core/base/units.h"
#include "slurm/script/directives.h"

namespace sovren::slurm {

/// Minutes of a limit, rounded up; 0: no limit. As sbatch reads "minutes", "minutes:seconds",
/// "hours:minutes:seconds", "days-hours", "days-hours:minutes", "days-hours:minutes:seconds",
/// "UNLIMITED", "INFINITE", "-1". None: it is nothing of the kind.
std::optional<std::int64_t> limit_minutes(std::string_view text);

/// The moment that --begin or --deadline names: "now", "now+1hour", "16:00", "4:30pm", "noon",
/// "tomorrow", "2027-01-20T12:34", "01/20/27-16:00", "01/20", "012027", or a day and a time of day
/// with a space between them. A time of day that is past is the next day's, a month and day that
/// are past the next year's. None: it is nothing of the kind.
std::optional<Instant> moment(std::string_view text, const WallClock& clock);

}  // namespace sovren::slurm
