// SPDX-License-Identifier: Apache-2.0
// sovren logs, watch, wait: what comes of a job, as it comes.
#include <algorithm>
#include <chrono>

#include "cli/client.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "core/model/event.h"
#include "core/model/state.h"

namespace sovren::cli {
namespace {

using text::Json;

constexpr double look_s = 0.5;         // between two looks at a log that grows
constexpr double quiet_s = 60;         // the API sends a comment every 15 s
constexpr double past_events_s = 1;    // what is kept of a job that has ended comes at once
constexpr double wait_at_once_s = 50;  // the API waits up to 60 s

bool is_over(const Json& job) {
  const auto state = state_of(text_of(job, "state"));
  return state && is_final(*state);
}

int code_of(const Json& job) {
  return text_of(job, "state") == "COMPLETED" ? exit_done : exit_job_failed;
}

// The job, at once or when it has ended, at the latest after wait_s.
Result<Json> job_after(Client& client, const std::string& job, double wait_s) {
  SOVREN_TRY(answer, client.get(target_of("/v1/jobs/" + job,
                                          {{"wait", Json(wait_s).dump()}, {"state", "final"}}),
                                wait_s + 30));
  SOVREN_TRY(found, text::get_member(answer, "job"));
  return *found;
}

class Deadline {
 public:
  explicit Deadline(double timeout_s) : timeout_s_(timeout_s) {}
  double left_s() const {
    return std::max(0.0, std::chrono::duration<double>(until_ - Clock::now()).count());
  }
  double timeout_s() const { return timeout_s_; }

 private:
  using Clock = std::chrono::steady_clock;
  const double timeout_s_;
  const std::chrono::time_point<Clock, std::chrono::duration<double>> until_ =
      Clock::now() + std::chrono::duration<double>(timeout_s_);
};

// The job once it has ended.
Result<Json> end_of(Client& client, const std::string& id, const Deadline& deadline) {
  for (;;) {
    const double left_s = deadline.left_s();
    SOVREN_TRY(job, job_after(client, id, std::min(wait_at_once_s, left_s)));
    if (is_over(job)) return job;
    if (left_s == 0)
      return fail({.code = Code::timed_out,
                   .what = "job " + id + " is " + text_of(job, "state") + " after " +
                           format_duration(deadline.timeout_s())});
  }
}

// Prints what the log has from offset on.
Result<void> print_log(Client& client, const std::string& job, const Arguments& arguments,
                       std::int64_t& offset) {
  for (;;) {
    SOVREN_TRY(part, client.get_text(
                         target_of("/v1/jobs/" + job + "/logs", {{"rank", arguments.text("rank")},
                                                                 {"offset", std::to_string(offset)},
                                                                 {"format", "text"}})));
    if (part.empty()) return {};
    offset += static_cast<std::int64_t>(part.size());
    SOVREN_DO(print_text(part));
  }
}

// "2026-11-26 14:03:04  attempt_started  attempt=1 node=n1": any event, also of a newer scheduler.
std::string line_of(const api::ServerEvent& event) {
  const auto data = text::parse_json(event.data, "event");
  if (!data) return event.event + "\n";
  const bool is_dated = data->is_object() && data->contains("at");
  std::string line = time_of(is_dated ? *data : Json{{"at", now().ms}}, "at") + "  " +
                     printable(event.event) + " ";
  for (const auto& row : member_rows(*data)) {
    constexpr std::string_view known[] = {
        "v", "seq", "at", "type", "event", "job", "request_key", "request_digest", "spec_id"};
    if (std::ranges::find(known, row[0]) == std::end(known)) line += " " + row[0] + "=" + row[1];
  }
  return line + "\n";
}

// Prints the events behind last_id, and remembers the newest. True: the job has ended, and there
// are no more; false: the stream broke off.
Result<bool> print_events(Client& client, const std::string& job, const Arguments& arguments,
                          std::string& last_id) {
  auto events = client.events("/v1/jobs/" + job + "/events", last_id);
  if (!events && events.error().code == Code::unreachable) return false;
  if (!events && events.error().code == Code::not_found) return true;  // it is in the history only
  if (!events) return fail(std::move(events).error());
  // Asked for behind the stream's back: an end that this does not show yet will come in the stream.
  SOVREN_TRY(job_now, job_after(client, job, 0));
  const bool is_past = is_over(job_now);
  for (;;) {
    auto next = events->next(is_past ? past_events_s : quiet_s);
    if (!next && next.error().code != Code::unreachable) return fail(std::move(next).error());
    if (!next || !*next) return is_past;
    const api::ServerEvent& event = **next;
    if (event.event == "lagged") return false;
    if (!event.id.empty()) last_id = event.id;
    if (event.event == "gap") continue;
    SOVREN_DO(print_text(arguments.has("json") ? event.data + "\n" : line_of(event)));
    if (event.event != "job_ended") continue;
    SOVREN_TRY(ended, job_after(client, job, 0));
    if (is_over(ended)) return true;
  }
}

Result<double> timeout_of(const Arguments& arguments) {
  if (!arguments.has("timeout")) return 1e9;
  auto seconds = parse_duration_s(arguments.text("timeout"));
  if (!seconds) seconds.error().code = Code::usage;
  return seconds;
}

}  // namespace

Result<int> print_logs(const Arguments& arguments) {
  SOVREN_TRY(job, job_operand(arguments.operands[0]));
  SOVREN_DO(arguments.number("rank", 0, 0, 1'000'000));
  SOVREN_TRY(client, Client::create(arguments));
  std::int64_t offset = 0;
  if (!arguments.has("follow")) {
    SOVREN_DO(print_log(client, job, arguments, offset));
    return exit_done;
  }
  for (double wait_s = 0;; wait_s = look_s) {
    SOVREN_TRY(now, job_after(client, job, wait_s));
    const auto printed = print_log(client, job, arguments, offset);
    const bool is_there = printed || printed.error().code != Code::not_found;
    if (!printed && (is_there || is_over(now))) return fail(printed.error());
    if (is_over(now)) return exit_done;
  }
}

Result<int> watch_job(const Arguments& arguments) {
  SOVREN_TRY(job, job_operand(arguments.operands[0]));
  SOVREN_TRY(client, Client::create(arguments));
  for (std::string last_id = "0";;) {
    SOVREN_DO(job_after(client, job, 0));  // waits for a scheduler that is away
    SOVREN_TRY(is_ended, print_events(client, job, arguments, last_id));
    if (!is_ended) continue;
    SOVREN_TRY(ended, job_after(client, job, 0));
    if (!is_over(ended)) continue;  // it was requeued
    if (!arguments.has("json"))
      SOVREN_DO(print_text("job " + job + " is " + text_of(ended, "state") + "\n"));
    return code_of(ended);
  }
}

Result<int> wait_for_jobs(const Arguments& arguments) {
  SOVREN_TRY(timeout_s, timeout_of(arguments));
  const Deadline deadline(timeout_s);
  SOVREN_TRY(client, Client::create(arguments));
  std::vector<std::string> jobs;
  for (const std::string& word : arguments.operands) {
    SOVREN_TRY(operand, job_operand(word));
    SOVREN_TRY(meant, jobs_of(client, operand));
    jobs.insert(jobs.end(), meant.begin(), meant.end());
  }
  int code = exit_done;
  Json rows = Json::array();
  for (const std::string& id : jobs) {
    SOVREN_TRY(job, end_of(client, id, deadline));
    if (code_of(job) != exit_done) {
      code = code_of(job);
      print_warning("job " + id + " is " + text_of(job, "state") + ": " + text_of(job, "why"));
    }
    rows.push_back(std::move(job));
  }
  if (arguments.has("json"))
    SOVREN_DO(print_text(text::dump_json({{"schema", "sovren.jobs/1"}, {"jobs", rows}}, 2) + "\n"));
  return code;
}

}  // namespace sovren::cli
