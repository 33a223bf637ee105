// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/embedded_run.h"

namespace sovren::cli {

/// report.json of a job (docs/formats.md, "Report").
std::string report_json(const RunOutcome& outcome, const JobDirectory& directory);

/// The same for a person: how it ended, where the result is, what to do next.
std::string report_text(const RunOutcome& outcome, const JobDirectory& directory);

}  // namespace sovren::cli
