// SPDX-License-Identifier: Apache-2.0
// sovren cancel, hold, release, requeue, preempt, and checkpoint of a queued job.
#include "cli/act.h"

#include "cli/client.h"
#include "cli/listing.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

using text::Json;

std::string line_of(const Json& done) {
  if (done.contains("array"))
    return "array " + text_of(done, "array") + ": " + text_of(done, "jobs") + " jobs\n";
  std::string line = text_of(done, "/job/id") + " " + text_of(done, "/job/state");
  if (const std::string asked = text_of(done, "/job/stop_requested"); !asked.empty())
    line += " (" + asked + " requested)";
  return line + "\n";
}

Result<Json> act(Client& client, const std::string& word, const std::string& verb) {
  SOVREN_TRY(job, job_operand(word));
  SOVREN_TRY(is_whole, is_array(client, job));
  return client.post("/v1/jobs/" + job + "/" + verb + (is_whole ? "?array=1" : ""));
}

}  // namespace

Result<int> act_on_jobs(const Arguments& arguments, const std::string& verb) {
  SOVREN_TRY(client, Client::create(arguments));
  int code = exit_done;
  Json actions = Json::array();
  for (const std::string& word : arguments.operands) {
    auto done = act(client, word, verb);
    if (!done) {
      print_error(done.error());
      if (code == exit_done) code = cli_exit_code(done.error().code);
      continue;
    }
    if (!arguments.has("json")) SOVREN_DO(print_text(line_of(*done)));
    actions.push_back(*std::move(done));
  }
  if (!arguments.has("json")) return code;
  SOVREN_DO(print_text(text::dump_json({{"schema", "sovren.actions/1"}, {"actions", actions}}, 2) +
                       "\n"));
  return code;
}

Result<int> cancel_jobs(const Arguments& arguments) {
  return act_on_jobs(arguments, "cancel");
}

Result<int> hold_jobs(const Arguments& arguments) {
  return act_on_jobs(arguments, "hold");
}

Result<int> release_jobs(const Arguments& arguments) {
  return act_on_jobs(arguments, "release");
}

Result<int> requeue_jobs(const Arguments& arguments) {
  return act_on_jobs(arguments, "requeue");
}

Result<int> preempt_jobs(const Arguments& arguments) {
  return act_on_jobs(arguments, "preempt");
}

}  // namespace sovren::cli
