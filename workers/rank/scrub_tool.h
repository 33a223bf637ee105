// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>

namespace sovren::workers {

/// sovren-rank --scrub DIR: reads the checkpoint sets of a job directory again
/// (storage/checkpoint/scrub.h), at the lowest priorities that the system has for cores and disk,
/// and at 64 MiB/s at most. Prints each damaged set as a report (ReportRejected), one JSON line
/// each. Returns the exit code: 74 when one is damaged or the folder cannot be read, which is told
/// on `errors`.
int scrub_job(const std::string& dir, std::ostream& out, std::ostream& errors);

}  // namespace sovren::workers
