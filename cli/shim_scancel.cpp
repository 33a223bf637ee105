// SPDX-License-Identifier: Apache-2.0
// scancel: ends jobs, or asks them for a checkpoint by their signal.
#include <strings.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "cli/client.h"
#include "cli/shims.h"
#include "cli/slurm_queue.h"
#include "cli/slurm_words.h"
#include "cli/terminal.h"
#include "core/model/state.h"

namespace sovren::cli {
namespace {

using text::Json;
using Value = SlurmOption::Value;

constexpr SlurmOption options[] = {
    {.name = "account", .letter = 'A', .value = Value::required, .variable = "SCANCEL_ACCOUNT"},
    {.name = "batch", .letter = 'b', .variable = "SCANCEL_BATCH"},
    {.name = "full", .letter = 'f', .variable = "SCANCEL_FULL"},
    {.name = "hurry", .letter = 'H', .variable = "SCANCEL_HURRY"},
    {.name = "interactive", .letter = 'i', .variable = "SCANCEL_INTERACTIVE"},
    {.name = "me"},
    {.name = "name", .letter = 'n', .value = Value::required, .variable = "SCANCEL_NAME"},
    {.name = "jobname", .value = Value::required, .means = "name"},
    {.name = "nodelist", .letter = 'w', .value = Value::required},
    {.name = "partition", .letter = 'p', .value = Value::required, .variable = "SCANCEL_PARTITION"},
    {.name = "qos", .letter = 'q', .value = Value::required, .variable = "SCANCEL_QOS"},
    {.name = "quiet", .letter = 'Q'},
    {.name = "signal", .letter = 's', .value = Value::required},
    {.name = "state", .letter = 't', .value = Value::required, .variable = "SCANCEL_STATE"},
    {.name = "user", .letter = 'u', .value = Value::required, .variable = "SCANCEL_USER"},
    {.name = "verbose", .letter = 'v'},
};
constexpr SlurmProgram program{.name = "scancel",
                               .operands = "[JOB_ID[_TASK]...]",
                               .summary = "Ends jobs, or asks them for a checkpoint.",
                               .options = options};

// The signals by which a job can be asked for something; others cannot be sent.
constexpr std::pair<const char*, int> signals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ABRT", SIGABRT}, {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"URG", SIGURG},
    {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"TSTP", SIGTSTP}, {"XCPU", SIGXCPU}};

// "USR1" of USR1, SIGUSR1 and 10.
Result<std::string> signal_named(const std::string& text) {
  const std::string name = text.starts_with("SIG") ? text.substr(3) : text;
  for (const auto& [known, number] : signals)
    if (strcasecmp(name.c_str(), known) == 0 || text == std::to_string(number)) return known;
  std::fprintf(stderr, "Unknown job signal: %s\n", text.c_str());
  return fail(already_told());
}

Result<std::vector<SlurmId>> ids_of(const std::vector<std::string>& words) {
  std::vector<SlurmId> ids;
  for (const std::string& word : words) {
    auto some = slurm_ids_of(word);
    if (!some) return fail({.code = Code::usage, .what = "Invalid job id " + word});
    ids.insert(ids.end(), some->begin(), some->end());
  }
  return ids;
}

Result<std::set<JobState>> states_of(const std::string& list) {
  std::set<JobState> states;
  for (const std::string& word : slurm_list(list)) {
    const auto state = slurm_state(word);
    if (!state || is_final(*state))
      return fail({.code = Code::usage,
                   .what = "Invalid job state specified: " + word,
                   .hint = "PENDING, RUNNING or SUSPENDED"});
    states.insert(*state);
  }
  return states;
}

/// Ends the jobs, or asks them for what the signal stands for.
class Scancel {
 public:
  Scancel(const SlurmWords& words, std::string signal, SlurmQueue queue)
      : words_(words), signal_(std::move(signal)), queue_(std::move(queue)) {}

  /// The exit code.
  int act_on(const SlurmJob& job) {
    const bool is_end = signal_.empty() || signal_ == "KILL";
    if (is_end) return tell(slurm_id_text(job), post(job, "cancel"));
    return tell(slurm_id_text(job), signal(job));
  }
  /// All of an array at once, without asking what it consists of.
  int cancel_whole(const SlurmId& id) {
    const std::string number = std::to_string(id.job);
    return tell(number, queue_.client().post("/v1/jobs/" + number + "/cancel?array=1"));
  }
  Result<std::vector<SlurmJob>> find(const SlurmSelection& selection) {
    return queue_.jobs(selection);
  }

 private:
  Result<Json> post(const SlurmJob& job, const std::string& verb) {
    return queue_.client().post("/v1/jobs/" + std::to_string(job.id) + "/" + verb);
  }

  Result<Json> signal(const SlurmJob& job) {
    if (job.state != JobState::running)
      return fail({.code = Code::refused, .what = "Job is not running"});
    if (job.can_checkpoint && job.checkpoint_signal == signal_) return post(job, "checkpoint");
    const std::string also =
        job.can_checkpoint ? ", " + job.checkpoint_signal + " (save a checkpoint)" : "";
    return fail({.code = Code::refused,
                 .what = "Signal " + signal_ + " cannot be sent to it",
                 .hint = "what it takes: KILL (end it)" + also});
  }

  // What Slurm does not complain of: a job that is not there, or has ended.
  int tell(const std::string& id, const Result<Json>& done) {
    const bool is_verbose = words_.has("verbose") && !words_.has("quiet");
    if (is_verbose) std::fprintf(stderr, "scancel: Terminating job %s\n", id.c_str());
    if (done) return exit_done;
    const Error& error = done.error();
    const bool is_known = error.code == Code::not_found;
    const std::string what = is_known ? "Invalid job id specified" : error.what;
    const std::string hint = error.hint.empty() || is_known ? "" : " (" + error.hint + ")";
    if (!is_known || is_verbose)
      std::fprintf(stderr, "scancel: error: Kill job error on job id %s: %s%s\n", id.c_str(),
                   printable(what).c_str(), printable(hint).c_str());
    return is_known ? exit_done : exit_job_failed;
  }

  const SlurmWords& words_;
  std::string signal_;
  SlurmQueue queue_;
};

bool has_filter(const SlurmWords& words) {
  constexpr const char* filters[] = {"account",   "me",  "name",  "nodelist",
                                     "partition", "qos", "state", "user"};
  return std::ranges::any_of(filters, [&](const char* each) { return words.has(each); });
}

Result<void> check(const SlurmWords& words) {
  if (words.has("interactive"))
    return fail({.code = Code::refused, .what = "--interactive is not there: name the jobs"});
  if (words.operands.empty() && !has_filter(words))
    return fail({.code = Code::usage, .what = "No job identification provided"});
  return {};
}

}  // namespace

Result<int> run_scancel(const std::vector<std::string>& arguments) {
  SOVREN_TRY(words, read_slurm_words(program, arguments));
  if (words.is_answered) return exit_done;
  SOVREN_DO(check(words));
  SOVREN_TRY(ids, ids_of(words.operands));
  SlurmSelection selection = selection_of(words);
  SOVREN_TRY(states, states_of(words.text("state")));
  selection.states = states;
  if (states.empty())
    selection.states = {JobState::pending, JobState::running, JobState::suspended,
                        JobState::completing};
  selection.nodes = slurm_list(words.text("nodelist"));
  std::string signal;
  if (words.has("signal")) {
    SOVREN_TRY(name, signal_named(words.text("signal")));
    signal = name;
  }
  SOVREN_TRY(queue, SlurmQueue::create());
  Scancel scancel(words, signal, std::move(queue));

  int code = exit_done;
  const bool is_plain = (signal.empty() || signal == "KILL") && !has_filter(words);
  for (const SlurmId& id : ids) {
    if (is_plain && id.tasks.empty())
      code = std::max(code, scancel.cancel_whole(id));
    else
      selection.ids.push_back(id);
  }
  if (!ids.empty() && selection.ids.empty()) return code;
  SOVREN_TRY(jobs, scancel.find(selection));
  for (const SlurmJob& job : jobs) code = std::max(code, scancel.act_on(job));
  return code;
}

}  // namespace sovren::cli
