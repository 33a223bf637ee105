// SPDX-License-Identifier: Apache-2.0
// sovren jobs, show, history: what the scheduler has, one job, and what has ended.
#include "cli/client.h"
#include "cli/listing.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

using text::Json;

constexpr std::int64_t rows_otherwise = 100;
constexpr std::int64_t rows_max = 100'000'000;

// A table without --all or --limit shows the newest; a document has all.
Result<std::int64_t> row_limit(const Arguments& arguments) {
  const bool is_whole = arguments.has("all") || arguments.has("json");
  return arguments.number("limit", is_whole ? 0 : rows_otherwise, 1, rows_max);
}

// "1d" ago, a day, or a moment; as the API wants it.
Result<std::string> moment(const Arguments& arguments, const char* option) {
  const std::string text = arguments.text(option);
  if (text.empty()) return text;
  if (const auto ago_s = parse_duration_s(text)) return format_utc(now() + -*ago_s);
  const auto at = parse_utc(text.find(':') == std::string::npos ? text + "T00:00:00Z" : text);
  if (at) return format_utc(*at);
  return fail({.code = Code::usage,
               .what = "--" + std::string(option) + " is a time, not '" + text + "'",
               .hint = "1d (ago), 2026-11-26, or 2026-11-26T15:00:00Z"});
}

Rows history_rows(const Json& jobs) {
  Rows rows{{"JOB", "NAME", "USER", "STATE", "TRY", "WAIT", "RUN", "CPU", "GPU", "SEALS", "ENDED"}};
  for (const Json& job : jobs) {
    const auto seconds = [&](const char* key) { return format_seconds(number_of(job, key)); };
    rows.push_back({text_of(job, "id"), text_of(job, "name"), text_of(job, "user"),
                    text_of(job, "state"), text_of(job, "attempts"), seconds("queue_s"),
                    seconds("run_s"), seconds("cpu_s"), seconds("gpu_s"),
                    text_of(job, "/checkpoints/sealed"), time_of(job, "ended_at")});
  }
  return rows;
}

}  // namespace

Result<int> list_jobs(const Arguments& arguments) {
  SOVREN_TRY(client, Client::create(arguments));
  SOVREN_TRY(limit, row_limit(arguments));
  // A document has a row for each element of an array; in a table one line says how far it is.
  const bool is_folded = !arguments.has("json") && !arguments.has("expand");
  Parameters parameters{{"user", arguments.text("user")}, {"fold", is_folded ? "1" : ""}};
  const bool is_by_state = limit != 0 && !arguments.has("state");
  if (!is_by_state) parameters.emplace_back("state", arguments.text("state"));
  SOVREN_TRY(answer, is_by_state ? jobs_by_state(client, parameters, limit)
                                 : client.list("/v1/jobs", parameters, "jobs", limit));
  const Json& jobs = answer["jobs"];
  SOVREN_DO(print_answer(arguments, answer, job_rows(jobs, now())));
  if (!arguments.has("json") && !arguments.has("limit") && limit != 0 &&
      static_cast<std::int64_t>(jobs.size()) >= limit)
    print_warning("these are " + std::to_string(limit) + " jobs; --all lists all");
  return exit_done;
}

Result<int> show_job(const Arguments& arguments) {
  SOVREN_TRY(operand, job_operand(arguments.operands[0]));
  SOVREN_TRY(client, Client::create(arguments));
  SOVREN_TRY(answer, client.get("/v1/jobs/" + operand));
  return print_answer(arguments, answer, member_rows(answer["job"]));
}

Result<int> list_history(const Arguments& arguments) {
  SOVREN_TRY(client, Client::create(arguments));
  SOVREN_TRY(limit, row_limit(arguments));
  SOVREN_TRY(since, moment(arguments, "since"));
  SOVREN_TRY(until, moment(arguments, "until"));
  SOVREN_TRY(answer,
             client.list("/v1/history",
                         {{"user", arguments.text("user")}, {"since", since}, {"until", until}},
                         "jobs", limit));
  return print_answer(arguments, answer, history_rows(answer["jobs"]));
}

}  // namespace sovren::cli
