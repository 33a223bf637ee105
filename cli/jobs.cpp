// SPDX-License-Identifier: Apache-2.0
// sovren jobs, show, history: what the scheduler has, one job, and what has ended.
#include "cli/client.h"
#include "cli/listing.h"
#include "cli/site_history.h"
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

// "1d" ago, a day, or a moment; none where it was not given.
Result<std::optional<Instant>> moment(const Arguments& arguments, const char* option) {
  const std::string text = arguments.text(option);
  if (text.empty()) return std::nullopt;
  if (const auto ago_s = parse_duration_s(text)) return now() + -*ago_s;
  const auto at = parse_utc(text.find(':') == std::string::npos ? text + "T00:00:00Z" : text);
  if (at) return *at;
  return fail({.code = Code::usage,
               .what = "--" + std::string(option) + " is a time, not '" + text + "'",
               .hint = "1d (ago), 2026-11-26, or 2026-11-26T15:00:00Z"});
}

// An allocation of a job at a site: its site job and restart, how long, and how it ended.
std::vector<std::string> allocation_row(const Json& one) {
  const std::string code = text_of(one, "exit_code");
  const std::string end = code.empty() ? "cut off"
                          : code == std::to_string(exit_checkpointed)
                              ? "checkpoint " + text_of(one, "sealed_step")
                              : "exit " + code;
  const auto began = parse_utc(text_of(one, "began_at"));
  const auto ended = parse_utc(text_of(one, "ended_at"));
  return {"  " + text_of(one, "site_job") + "." + text_of(one, "restart"),
          "",
          "",
          end,
          "",
          "",
          "",
          began && ended ? format_seconds(*ended - *began) : "",
          "",
          "",
          "",
          time_of(one, "ended_at")};
}

Rows history_rows(const Json& jobs) {
  Rows rows{{"JOB", "NAME", "USER", "STATE", "WHERE", "TRY", "WAIT", "RUN", "CPU", "GPU", "SEALS",
             "ENDED"}};
  for (const Json& job : jobs) {
    const auto seconds = [&](const char* key) {
      return job.contains(key) ? format_seconds(number_of(job, key)) : "";
    };
    rows.push_back({text_of(job, "id"), text_of(job, "name"), text_of(job, "user"),
                    text_of(job, "state"), text_of(job, "where"), text_of(job, "attempts"),
                    seconds("queue_s"), seconds("run_s"), seconds("cpu_s"), seconds("gpu_s"),
                    text_of(job, "/checkpoints/sealed"), time_of(job, "ended_at")});
    if (!job.contains("allocations") || job["allocations"].size() < 2) continue;
    for (const Json& one : job["allocations"]) rows.push_back(allocation_row(one));
  }
  return rows;
}

// What the scheduler has; where it cannot be reached and there are site jobs, nothing, with a note.
Result<Json> local_history(const Arguments& arguments, const SiteHistoryQuery& query,
                           const std::optional<Json>& site) {
  const auto as_text = [](const std::optional<Instant>& at) { return at ? format_utc(*at) : ""; };
  const auto ask = [&]() -> Result<Json> {
    SOVREN_TRY(client, Client::create(arguments));
    return client.list(
        "/v1/history",
        {{"user", query.user}, {"since", as_text(query.since)}, {"until", as_text(query.until)}},
        "jobs", query.limit);
  };
  auto answer = ask();
  if (!answer && answer.error().code == Code::unreachable && site) {
    print_warning("only jobs of the Slurm site: " + answer.error().what);
    return Json{{"schema", "sovren.history/1"}, {"jobs", Json::array()}};
  }
  if (!answer) return answer;
  for (Json& job : (*answer)["jobs"]) job["where"] = "local";
  return answer;
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
  SOVREN_TRY(limit, row_limit(arguments));
  SOVREN_TRY(since, moment(arguments, "since"));
  SOVREN_TRY(until, moment(arguments, "until"));
  const SiteHistoryQuery query{
      .since = since, .until = until, .user = arguments.text("user"), .limit = limit};
  // Who names a scheduler wants what that one has.
  std::optional<Json> site;
  if (!arguments.has("connect")) {
    SOVREN_TRY(found, site_history(query));
    site = std::move(found);
  }
  SOVREN_TRY(answer, local_history(arguments, query, site));
  if (site) answer["jobs"] = merged_history(std::move(answer["jobs"]), *std::move(site), limit);
  return print_answer(arguments, answer, history_rows(answer["jobs"]));
}

}  // namespace sovren::cli
