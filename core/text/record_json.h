// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/model/state.h"
#include "core/port/history.h"

namespace sovren::text {

/// What history keeps of a job that has ended. Of an array's element: of its own spec.
JobRecord job_record(const Job& job);

/// One line of JSON: {"job":7,"name":"drivers",...} (docs/formats.md). The form that is stored.
std::string record_to_json(const JobRecord& record);

/// Errors: storage_corrupt.
Result<JobRecord> record_from_json(std::string_view line);

}  // namespace sovren::text
