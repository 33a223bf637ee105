// SPDX-License-Identifier: Apache-2.0
// sacct: what jobs did, those of the queue and those that ended long ago.
#include <unistd.h>

#include <algorithm>

#include "cli/client.h"
#include "cli/listing.h"
#include "cli/sacct_fields.h"
#include "cli/shims.h"
#include "cli/slurm_queue.h"
#include "cli/slurm_times.h"
#include "cli/slurm_words.h"
#include "cli/terminal.h"
#include "cli/users.h"
#include "core/model/state.h"

namespace sovren::cli {
namespace {

using text::Json;
using Value = SlurmOption::Value;

constexpr SlurmOption options[] = {
    {.name = "account", .letter = 'A', .value = Value::required},
    {.name = "accounts", .value = Value::required, .means = "account"},
    {.name = "allocations", .letter = 'X'},
    {.name = "allusers", .letter = 'a'},
    {.name = "array"},
    {.name = "brief", .letter = 'b'},
    {.name = "delimiter", .value = Value::required},
    {.name = "duplicates", .letter = 'D'},
    {.name = "endtime", .letter = 'E', .value = Value::required},
    {.name = "format", .letter = 'o', .value = Value::required, .variable = "SACCT_FORMAT"},
    {.name = "helpformat", .letter = 'e'},
    {.name = "jobs", .letter = 'j', .value = Value::required},
    {.name = "long", .letter = 'l'},
    {.name = "name", .value = Value::required},
    {.name = "noconvert"},
    {.name = "nodelist", .letter = 'N', .value = Value::required},
    {.name = "noheader", .letter = 'n'},
    {.name = "parsable", .letter = 'p'},
    {.name = "parsable2", .letter = 'P'},
    {.name = "partition", .letter = 'r', .value = Value::required},
    {.name = "qos", .letter = 'q', .value = Value::required},
    {.name = "starttime", .letter = 'S', .value = Value::required},
    {.name = "state", .letter = 's', .value = Value::required},
    {.name = "truncate", .letter = 'T'},
    {.name = "uid", .value = Value::required, .means = "user"},
    {.name = "units", .value = Value::required},
    {.name = "user", .letter = 'u', .value = Value::required},
};
constexpr SlurmProgram program{.name = "sacct",
                               .operands = "",
                               .summary = "Lists jobs, also those that ended long ago.",
                               .options = options};

constexpr const char* usual_format = "JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode";
constexpr const char* brief_format = "JobID,State,ExitCode";
constexpr const char* long_format =
    "JobID,JobIDRaw,JobName,Partition,MaxVMSize,AveRSS,MaxRSS,NTasks,AllocCPUS,Elapsed,State,"
    "ExitCode,ReqMem,ReqTRES,AllocTRES,NodeList,Start,End";

/// Which jobs are asked for, and from when until when.
struct Question {
  SlurmSelection selection;
  Instant from;
  Instant until;

  bool fits(const SlurmJob& job) const {
    return selection.fits(job) && (job.ended.ms == 0 || job.ended >= from) &&
           job.submitted <= until;
  }
};

Result<std::set<JobState>> states_of(const std::string& list) {
  std::set<JobState> states;
  for (const std::string& word : slurm_list(list)) {
    const auto state = slurm_state(word);
    if (!state) return fail({.code = Code::usage, .what = "Invalid state: " + word});
    states.insert(*state);
  }
  return states;
}

Result<Question> question_of(const SlurmWords& words) {
  Question question{.selection = selection_of(words), .from = {}, .until = {}};
  SOVREN_TRY(ids, slurm_ids_of(words.text("jobs")));
  SOVREN_TRY(states, states_of(words.text("state")));
  question.selection.ids = std::move(ids);
  question.selection.states = std::move(states);
  question.selection.nodes = slurm_list(words.text("nodelist"));
  // A user sees the own jobs, root all; jobs that are named are anybody's.
  const bool is_everybody = words.has("allusers") || words.has("user") || geteuid() == 0 ||
                            !question.selection.ids.empty();
  if (!is_everybody) question.selection.users = {own_user()};
  const bool is_all_time = !question.selection.ids.empty() && !words.has("starttime");
  if (!is_all_time) {
    SOVREN_TRY(from, parse_slurm_time(words.text("starttime", "midnight"), now()));
    question.from = from;
  }
  SOVREN_TRY(until, parse_slurm_time(words.text("endtime", "now+1days"), now()));
  question.until = until;
  return question;
}

Result<std::vector<SlurmJob>> ended_long_ago(SlurmQueue& queue, const Question& question) {
  const auto& users = question.selection.users;
  SOVREN_TRY(answer, queue.client().list(
                         "/v1/history",
                         {{"user", users.size() == 1 ? users[0] : ""},
                          {"since", question.from.ms == 0 ? "" : format_utc(question.from)}},
                         "jobs", 0));
  std::vector<SlurmJob> jobs;
  for (const Json& record : answer["jobs"]) jobs.push_back(slurm_job_of(record));
  return jobs;
}

Result<std::vector<SlurmJob>> find(SlurmQueue& queue, const Question& question) {
  SlurmSelection wide{.ids = question.selection.ids, .users = question.selection.users};
  SOVREN_TRY(jobs, queue.jobs(wide));
  if (wide.ids.empty()) {
    // What the queue still has is told by it: it knows more.
    SOVREN_TRY(old, ended_long_ago(queue, question));
    jobs.insert(jobs.end(), old.begin(), old.end());
    std::ranges::stable_sort(jobs, {}, &SlurmJob::id);
    const auto same = [](const SlurmJob& a, const SlurmJob& b) { return a.id == b.id; };
    jobs.erase(std::unique(jobs.begin(), jobs.end(), same), jobs.end());
  }
  std::erase_if(jobs, [&](const SlurmJob& job) { return !question.fits(job); });
  return jobs;
}

SacctStyle style_of(const SlurmWords& words) {
  SacctStyle style{.kind = words.has("parsable2")  ? SacctStyle::Kind::parsable2
                           : words.has("parsable") ? SacctStyle::Kind::parsable
                                                   : SacctStyle::Kind::table,
                   .delimiter = words.text("delimiter", "|")};
  return style;
}

// Has the job its line, its step, or both?
void add_rows(const SlurmJob& job, const SlurmWords& words, const std::vector<SlurmId>& ids,
              std::vector<SacctRow>& rows) {
  bool is_whole = ids.empty();
  bool is_step = false;
  for (const SlurmId& id : ids) {
    const bool fits = (id.job == job.id || id.job == job.array_job) &&
                      (id.tasks.empty() || job.task.starts_with('[') || id.has_task(job.task));
    is_whole |= fits && id.step.empty();
    is_step |= fits && id.step == "batch";
  }
  const bool was_started = job.started.ms != 0 && job.state != JobState::pending;
  if (is_whole) rows.push_back({&job, false});
  if ((is_step || (is_whole && !words.has("allocations"))) && was_started)
    rows.push_back({&job, true});
}

std::string help_of_fields() {
  std::string text;
  for (const SacctField& field : sacct_fields()) text += std::string(field.name) + "\n";
  return text;
}

}  // namespace

Result<int> run_sacct(const std::vector<std::string>& arguments) {
  SOVREN_TRY(words, read_slurm_words(program, arguments));
  if (words.is_answered) return exit_done;
  if (!words.operands.empty())
    return fail({.code = Code::usage, .what = "Unknown arguments: " + words.operands[0]});
  if (words.has("helpformat")) return print_text(help_of_fields());
  const char* const otherwise = words.has("brief")  ? brief_format
                                : words.has("long") ? long_format
                                                    : usual_format;
  SOVREN_TRY(columns, parse_sacct_format(words.text("format", otherwise)));
  SOVREN_TRY(question, question_of(words));
  SOVREN_TRY(queue, SlurmQueue::create());
  SOVREN_TRY(jobs, find(queue, question));
  const bool is_unfolded = words.has("array") ||
                           std::ranges::any_of(question.selection.ids,
                                               [](const SlurmId& id) { return !id.tasks.empty(); });
  if (!is_unfolded) jobs = folded(std::move(jobs), 0);
  std::vector<SacctRow> rows;
  for (const SlurmJob& job : jobs) add_rows(job, words, question.selection.ids, rows);
  const SacctStyle style = style_of(words);
  std::string text = words.has("noheader") ? "" : sacct_heading(columns, style);
  for (const SacctRow& row : rows) text += sacct_line(columns, style, row, now());
  return print_text(text);
}

}  // namespace sovren::cli
