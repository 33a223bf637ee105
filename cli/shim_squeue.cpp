// SPDX-License-Identifier: Apache-2.0
// squeue: lists the jobs of the queue.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "cli/listing.h"
#include "cli/shims.h"
#include "cli/slurm_job_fields.h"
#include "cli/slurm_json.h"
#include "cli/slurm_queue.h"
#include "cli/slurm_words.h"
#include "cli/terminal.h"
#include "cli/users.h"
#include "core/model/state.h"

namespace sovren::cli {
namespace {

using Value = SlurmOption::Value;

constexpr SlurmOption options[] = {
    {.name = "account", .letter = 'A', .value = Value::required, .variable = "SQUEUE_ACCOUNT"},
    {.name = "all", .letter = 'a', .variable = "SQUEUE_ALL"},
    {.name = "array", .letter = 'r', .variable = "SQUEUE_ARRAY"},
    {.name = "array-unique", .variable = "SQUEUE_ARRAY_UNIQUE"},
    {.name = "format", .letter = 'o', .value = Value::required, .variable = "SQUEUE_FORMAT"},
    {.name = "Format", .letter = 'O', .value = Value::required, .variable = "SQUEUE_FORMAT2"},
    {.name = "hide"},
    {.name = "iterate", .letter = 'i', .value = Value::required},
    {.name = "jobs", .letter = 'j', .value = Value::optional},
    {.name = "json"},
    {.name = "local", .variable = "SQUEUE_LOCAL"},
    {.name = "long", .letter = 'l'},
    {.name = "me"},
    {.name = "name", .letter = 'n', .value = Value::required, .variable = "SQUEUE_NAMES"},
    {.name = "noconvert"},
    {.name = "nodelist", .letter = 'w', .value = Value::required},
    {.name = "noheader", .letter = 'h'},
    {.name = "partition", .letter = 'p', .value = Value::required, .variable = "SQUEUE_PARTITION"},
    {.name = "priority", .letter = 'P', .variable = "SQUEUE_PRIORITY"},
    {.name = "qos", .letter = 'q', .value = Value::required, .variable = "SQUEUE_QOS"},
    {.name = "sort", .letter = 'S', .value = Value::required, .variable = "SQUEUE_SORT"},
    {.name = "start"},
    {.name = "states", .letter = 't', .value = Value::required, .variable = "SQUEUE_STATES"},
    {.name = "user", .letter = 'u', .value = Value::required, .variable = "SQUEUE_USERS"},
    {.name = "verbose", .letter = 'v'},
};
constexpr SlurmProgram program{
    .name = "squeue", .operands = "", .summary = "Lists jobs.", .options = options};

constexpr std::string_view usual_format = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";
constexpr std::string_view long_format = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R";
constexpr std::string_view start_format = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R";

Result<std::set<JobState>> states_of(const SlurmWords& words) {
  if (words.has("start") && !words.has("states")) return std::set{JobState::pending};
  if (!words.has("states"))
    return std::set{JobState::pending, JobState::running, JobState::suspended,
                    JobState::completing};
  std::set<JobState> states;
  for (const std::string& word : slurm_list(words.text("states"))) {
    if (word == "all" || word == "ALL") return std::set<JobState>();
    const auto state = slurm_state(word);
    if (!state) return fail({.code = Code::usage, .what = "Invalid job state specified: " + word});
    states.insert(*state);
  }
  return states;
}

Result<SlurmFormat<SlurmJob>> format_of(const SlurmWords& words) {
  if (words.has("Format")) return format_of_names(squeue_fields(), words.text("Format"));
  const std::string_view otherwise = words.has("start")  ? start_format
                                     : words.has("long") ? long_format
                                                         : usual_format;
  std::string text = words.text("format", otherwise);
  if (text == "%all") {
    text.clear();
    for (const auto& field : squeue_fields())
      if (field.letter != '\0') text += (text.empty() ? "%" : "|%") + std::string(1, field.letter);
  }
  return format_of_letters(squeue_fields(), text, [](const std::string& letter) {
    std::fprintf(stderr, "squeue: error: Invalid job format specification: %s\n",
                 printable(letter).c_str());
  });
}

// What is compared as a number when rows are sorted by this letter; none: it is text.
std::optional<double> sort_number(const SlurmJob& job, char letter, Instant now) {
  switch (letter) {
    case 'A':
    case 'i':
      return static_cast<double>(job.array_job == 0 ? job.id : job.array_job);
    case 'K':
      return std::atof(job.task.c_str());
    case 'C':
      return static_cast<double>(cpus_of(job));
    case 'D':
      return static_cast<double>(job.nodes_count);
    case 'e':
      return static_cast<double>(end_of(job).ms);
    case 'l':
      return job.time_limit_s.value_or(1e18);
    case 'L':
      return job.time_limit_s.value_or(1e18) - elapsed_s(job, now);
    case 'm':
      return static_cast<double>(memory_per_cpu_mib(job));
    case 'M':
      return elapsed_s(job, now);
    case 'p':
    case 'Q':
      return static_cast<double>(job.priority);
    case 'S':
      return static_cast<double>(job.state == JobState::pending ? INT64_MAX : job.started.ms);
    case 'V':
      return static_cast<double>(job.submitted.ms);
    default:
      return std::nullopt;
  }
}

Result<void> sort_rows(std::vector<SlurmJob>& rows, const std::string& keys, Instant now) {
  const std::vector<std::string> list = slurm_list(keys);
  for (auto key = list.rbegin(); key != list.rend(); ++key) {  // the first counts most
    const bool is_falling = key->starts_with('-');
    const std::string name = key->substr(key->starts_with('+') || is_falling ? 1 : 0);
    const auto known = squeue_fields();
    const auto field = std::ranges::find_if(
        known, [&](const auto& each) { return name == std::string(1, each.letter); });
    if (field == known.end())
      return fail({.code = Code::usage, .what = "Invalid sort specification: " + *key});
    const auto is_less = [&](const SlurmJob& a, const SlurmJob& b) {
      const auto left = sort_number(a, name[0], now);
      if (left) return *left < sort_number(b, name[0], now).value_or(0);
      // States by their long names, as squeue does.
      const char letter = name[0];
      if (letter == 't') return state_name(a.state) < state_name(b.state);
      return field->text(a, now) < field->text(b, now);
    };
    std::ranges::stable_sort(rows, [&](const SlurmJob& a, const SlurmJob& b) {
      return is_falling ? is_less(b, a) : is_less(a, b);
    });
  }
  return {};
}

std::size_t task_list_length() {
  const char* const asked = std::getenv("SLURM_BITSTR_LEN");
  return asked == nullptr ? 64 : static_cast<std::size_t>(std::max(0, std::atoi(asked)));
}

// A user that is not known here is told, and has no jobs.
void warn_of_users(const SlurmSelection& selection) {
  for (const std::string& user : selection.users)
    if (user_ids(user).uid < 0)
      std::fprintf(stderr, "squeue: error: Invalid user: %s\n", printable(user).c_str());
}

Result<SlurmSelection> selection_for(const SlurmWords& words) {
  SlurmSelection selection = selection_of(words);
  SOVREN_TRY(ids, slurm_ids_of(words.text("jobs")));
  SOVREN_TRY(states, states_of(words));
  selection.ids = std::move(ids);
  selection.states = std::move(states);
  selection.nodes = slurm_list(words.text("nodelist"));
  warn_of_users(selection);
  return selection;
}

// "-j 12": the value of -j is optional, and yet may be a word of its own.
void take_loose_ids(SlurmWords& words) {
  if (!words.has("jobs") || !words.text("jobs").empty() || words.operands.empty()) return;
  words.add("jobs", words.operands.front());
  words.operands.erase(words.operands.begin());
}

// A single job that is asked for must be there.
Result<std::vector<SlurmJob>> find(SlurmQueue& queue, SlurmSelection selection) {
  if (selection.ids.size() != 1) return queue.jobs(selection);
  const SlurmSelection fit = selection;
  selection = {.ids = fit.ids};
  SOVREN_TRY(jobs, queue.jobs(selection));
  if (jobs.empty()) {
    std::fputs("slurm_load_jobs error: Invalid job id specified\n", stderr);
    return fail(already_told());
  }
  std::erase_if(jobs, [&](const SlurmJob& job) { return !fit.fits(job); });
  return jobs;
}

}  // namespace

Result<int> run_squeue(const std::vector<std::string>& arguments) {
  SOVREN_TRY(words, read_slurm_words(program, arguments));
  if (words.is_answered) return exit_done;
  take_loose_ids(words);
  if (!words.operands.empty())
    return fail({.code = Code::usage, .what = "Unrecognized option: " + words.operands[0]});
  if (words.has("iterate"))
    return fail({.code = Code::refused,
                 .what = "--iterate is not there",
                 .hint = "sovren top shows nodes and jobs, live"});
  SOVREN_TRY(format, format_of(words));
  SOVREN_TRY(selection, selection_for(words));
  SOVREN_TRY(queue, SlurmQueue::create());
  if (words.has("json")) {
    SOVREN_TRY(all, queue.jobs({}));
    return print_text(squeue_json(folded(std::move(all), 0)) + "\n");
  }
  SOVREN_TRY(rows, find(queue, selection));
  const bool is_unfolded =
      words.has("array") || words.has("array-unique") ||
      std::ranges::any_of(selection.ids, [](const SlurmId& id) { return !id.tasks.empty(); });
  if (!is_unfolded) rows = folded(std::move(rows), task_list_length());
  SOVREN_DO(sort_rows(rows, words.text("sort", words.has("start") ? "S" : "P,t,-p"), now()));
  std::string text;
  if (words.has("long") && !words.has("noheader")) text += slurm_date_line(now());
  if (!words.has("noheader")) text += format.heading();
  for (const SlurmJob& row : rows) text += format.line(row, now());
  return print_text(text);
}

}  // namespace sovren::cli
