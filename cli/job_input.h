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

/// A job file as it was read; name and base_dir as text::SourceText has them.
using JobText = text::SourceText;

/// Reads the file ("-": standard input) without looking at what it says.
Result<JobText> read_job_text(const std::string& path);

/// Reads a job file or a batch script ("-": standard input) and fills in its defaults; all errors
/// at once. What a script's lines ask for in vain is printed as warnings.
tl::expected<JobSpec, text::Errors> read_job_file(const std::string& path,
                                                  std::span<const text::Override> overrides);

/// Prints all errors but the last, which is the command's.
Error print_all_but_last(text::Errors errors);

}  // namespace sovren::cli
