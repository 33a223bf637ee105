// SPDX-License-Identifier: Apache-2.0
#include "cli/preflight.h"

#include "cli/subprocess.h"
#include "core/text/job_file.h"
#include "core/text/json.h"
#include "storage/checkpoint/master_key.h"

namespace sovren::cli {
Result<Preflight> check_inputs(const JobSpec& spec, const std::string& rank_program) {
  // A command is what its job file says: nobody here knows what it reads.
  if (std::holds_alternative<CommandSpec>(spec.kind))
    return Preflight{.facts = text::spec_facts(spec), .warnings = {}};
  SOVREN_DO(storage::read_policy_key(spec.checkpoint));
  SOVREN_TRY(done, run_program({rank_program, "--check", "-"}, text::print_job_file(spec)));
  const std::string line = done.output.substr(0, done.output.find('\n'));
  const auto json = text::parse_json(line, "the answer of sovren-rank --check");
  if (!json || !json->is_object())
    return fail(
        {.code = Code::bug,
         .what = "sovren-rank --check ended with exit code " + std::to_string(done.exit_code) +
                 " and said: " + (done.output.empty() ? "nothing" : done.output.substr(0, 500)),
         .hint = "sovren doctor checks the installation"});
  if (!json->value("ok", false)) {
    SOVREN_TRY(error, text::error_from_json(*json));
    return fail(std::move(error));
  }
  Preflight preflight;
  if (json->contains("facts"))
    for (const auto& [key, value] : (*json)["facts"].items())
      if (value.is_string()) preflight.facts[key] = value.get<std::string>();
  if (json->contains("warnings"))
    for (const auto& warning : (*json)["warnings"])
      if (warning.is_string()) preflight.warnings.push_back(warning.get<std::string>());
  return preflight;
}

}  // namespace sovren::cli
