// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/command.h"
#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "core/text/job_file.h"

namespace sovren::cli {

/// The overrides of a command line: --set KEY=VALUE, then the options that stand for a key
/// (--ranks, --backend, ...).
Result<std::vector<text::Override>> read_overrides(const Arguments& arguments);

/// Reads a job file ("-": standard input) and fills in its defaults; all errors at once.
tl::expected<JobSpec, text::Errors> read_job_file(const std::string& path,
                                                  std::span<const text::Override> overrides);

}  // namespace sovren::cli
