// SPDX-License-Identifier: Apache-2.0
// sovren submit FILE...: hands job files to the scheduler.
#include <filesystem>

#include "cli/batch_submission.h"
#include "cli/client.h"
#include "cli/job_input.h"
#include "cli/listing.h"
#include "cli/slurm.h"
#include "cli/terminal.h"
#include "core/text/utf8.h"

namespace sovren::cli {
namespace {

using text::Json;

// --command 'make -j8': a job of its own, which runs where the user is.
JobText command_job(const std::string& script) {
  std::error_code ignored;
  const std::string folder = std::filesystem::current_path(ignored).string();
  const auto quoted = [](const std::string& text) { return text::dump_json(Json(text)); };
  // A JSON string is a TOML string.
  return {.name = "--command",
          .text = "name = \"command\"\nkind = \"command\"\n[command]\nscript = " + quoted(script) +
                  "\nfolder = " + quoted(folder) + "\n",
          .base_dir = folder};
}

Result<std::vector<JobText>> read_all(const Arguments& arguments) {
  std::vector<JobText> jobs;
  if (arguments.has("command")) {
    if (!arguments.operands.empty())
      return fail({.code = Code::usage, .what = "--command stands for a FILE: give one of them"});
    jobs.push_back(command_job(arguments.text("command")));
  } else if (arguments.operands.empty()) {
    return fail({.code = Code::usage,
                 .what = "sovren submit takes FILE...; nothing is given",
                 .hint = "sovren submit --help"});
  }
  for (const std::string& file : arguments.operands) {
    SOVREN_TRY(job, read_job_text(file));
    jobs.push_back(std::move(job));
  }
  for (const JobText& job : jobs)
    if (const auto fault = text::utf8_fault(job.text); fault != std::string::npos)
      return fail({.code = Code::spec_invalid,
                   .what = "the byte at " + std::to_string(fault) + " is not UTF-8",
                   .hint = "iconv -t UTF-8 converts a file",
                   .where = job.name});
  return jobs;
}

// What the job file or batch script says, with the command line's overrides.
tl::expected<Json, text::Errors> body_of(const JobText& job,
                                         const std::vector<text::Override>& overrides,
                                         const Arguments& arguments) {
  if (is_batch_script(job)) {
    auto batch =
        batch_submission({.script = job, .further = overrides, .is_array = arguments.has("array")});
    if (!batch) return tl::unexpected(std::move(batch).error());
    for (const std::string& warning : batch->warnings) print_warning(warning);
    return std::move(batch->body);
  }
  Json body = {{"text", job.text}, {"name", job.name}, {"base_dir", job.base_dir}};
  for (const text::Override& each : overrides)
    body["overrides"].push_back({{"key", each.key}, {"value", each.value}});
  return body;
}

void add_options(const Arguments& arguments, Json& body) {
  for (const char* option : {"array", "after"})
    if (arguments.has(option)) body[option] = arguments.text(option);
  if (arguments.has("hold")) body["hold"] = true;
  if (arguments.has("dry-run")) body["dry_run"] = true;
}

// What is to be handed in; nothing is, if one of them is wrong.
Result<std::vector<Json>> read_bodies(const std::vector<JobText>& jobs,
                                      const Arguments& arguments) {
  SOVREN_TRY(overrides, read_overrides(arguments));
  std::vector<Json> bodies;
  for (const JobText& job : jobs) {
    auto body = body_of(job, overrides, arguments);
    if (!body) return fail(print_all_but_last(std::move(body).error()));
    add_options(arguments, *body);
    bodies.push_back(*std::move(body));
  }
  return bodies;
}

// The id of the job, or of the first of an array.
Result<std::string> id_line(const Json& answer) {
  SOVREN_TRY(id, text::get_int(answer, "/jobs/0"));
  return std::to_string(id) + "\n";
}

}  // namespace

Result<int> submit_jobs(const Arguments& arguments) {
  SOVREN_TRY(jobs, read_all(arguments));
  if (arguments.text("to") == "slurm") return submit_to_site(jobs, arguments);
  SOVREN_TRY(bodies, read_bodies(jobs, arguments));
  SOVREN_TRY(client, Client::create(arguments));
  Json answers = Json::array();
  for (const Json& body : bodies) {
    auto answer = client.post_once("/v1/jobs", body);
    if (!answer) return fail(print_all_but_last(std::move(answer).error()));
    for (const Json& warning : answer->value("warnings", Json::array()))
      if (warning.is_string()) print_warning(warning.get<std::string>());
    if (arguments.has("json")) {
      answers.push_back(*std::move(answer));
    } else if (body.contains("dry_run")) {
      SOVREN_DO(print_rows(member_rows(*answer)));
    } else {
      SOVREN_TRY(line, id_line(*answer));
      SOVREN_DO(print_text(line));
    }
  }
  if (!arguments.has("json")) return exit_done;
  const Json document = answers.size() == 1
                            ? answers.front()
                            : Json{{"schema", "sovren.submissions/1"}, {"submissions", answers}};
  return print_text(text::dump_json(document, 2) + "\n");
}

}  // namespace sovren::cli
