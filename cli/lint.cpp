// SPDX-License-Identifier: Apache-2.0

#include "cli/command.h"
#include "cli/job_input.h"
#include "cli/terminal.h"

namespace sovren::cli {

Result<int> lint_job_file(const Arguments& arguments) {
  if (arguments.has("schema")) return print_text(text::schema_help());
  if (arguments.operands.empty())
    return fail({.code = Code::usage,
                 .what = "sovren lint takes FILE...; nothing is given",
                 .hint = "sovren lint --help"});
  SOVREN_TRY(overrides, read_overrides(arguments));
  int code = exit_done;
  for (const std::string& file : arguments.operands) {
    const auto spec = read_job_file(file, overrides);
    if (spec) {
      SOVREN_DO(print_text(file + ": valid\n"));
      continue;
    }
    for (const Error& error : spec.error()) print_error(error);
    code = cli_exit_code(spec.error().front().code);
  }
  return code;
}

}  // namespace sovren::cli
