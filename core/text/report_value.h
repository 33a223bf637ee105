// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/port/reporter.h"
#include "core/text/json.h"

// Only .cpp files include this, as core/text/json.h.

namespace sovren::text {

/// A report as a JSON object, for documents that hold reports; report_json.h has it as a line.
Json report_to_value(const RankReport& report);
Result<RankReport> report_from_value(const Json& json);

}  // namespace sovren::text
