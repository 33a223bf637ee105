// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/model/job_spec.h"
#include "core/text/job_file.h"
#include "scheduler/api/http_types.h"

namespace sovren::api {

/// What POST /v1/jobs asks for.
struct SubmitBody {
  SharedSpec spec;
  bool is_held = false;
  bool is_dry_run = false;
  std::vector<std::string> warnings;  ///< of a batch script: lines that were not read
};

/// Reads a job file, or a batch script with #SOVREN lines:
/// {"text","name","base_dir","overrides":[{"key","value"}],"array","after","hold","dry_run"}, of
/// which only text is needed, or the bare file of type application/toml or text/plain.
///
/// Errors   data_invalid: no JSON, a member that is unknown, stands twice, or has another type;
///          usage: a base_dir that is not absolute, an array that the file does not fit;
///          spec_invalid, refused: the job file's own, all of them; those of an array's elements.
tl::expected<SubmitBody, text::Errors> parse_submit(const Request& request);

}  // namespace sovren::api
