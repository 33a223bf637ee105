// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/port/reporter.h"

namespace sovren::text {

/// A report as one line of JSON without the line's end: {"v":1,"report":"sealed","step":120,...}.
std::string report_to_json(const RankReport& report);

/// Unknown fields are ignored. Errors: data_invalid: no JSON, a newer version, an unknown report,
/// or a field that is missing or of another type.
Result<RankReport> report_from_json(std::string_view line);

}  // namespace sovren::text
