// SPDX-License-Identifier: Apache-2.0
#include "cli/report.h"

#include <algorithm>
#include <filesystem>

#include "cli/terminal.h"
#include "core/text/json.h"

namespace sovren::cli {
namespace {

std::int64_t bytes_below(const std::string& folder) {
  namespace fs = std::filesystem;
  std::int64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    if (it->is_regular_file(error)) bytes += static_cast<std::int64_t>(it->file_size(error));
  return bytes;
}

std::int64_t steps_of(const RunOutcome& outcome) {
  if (outcome.live.finished) return outcome.live.finished->steps;
  return outcome.live.progress ? outcome.live.progress->step
                               : std::max<std::int64_t>(outcome.job.sealed_step, 0);
}

}  // namespace

std::string report_json(const RunOutcome& outcome, const JobDirectory& directory) {
  const Job& job = outcome.job;
  const bool is_complete = job.state == JobState::completed;
  text::Json metrics = text::Json::object();
  if (outcome.live.progress)
    for (const auto& [name, value] : outcome.live.progress->metrics) metrics[name] = value;
  if (outcome.live.finished)
    for (const auto& [name, value] : outcome.live.finished->metrics) metrics[name] = value;
  text::Json json{{"schema", "sovren.report/1"},
                  {"job", job.id.value},
                  {"name", job.spec->name},
                  {"kind", kind_name(job.spec->kind)},
                  {"state", state_name(job.state)},
                  {"reason", job.why},
                  {"attempts", job.attempts},
                  {"steps", steps_of(outcome)},
                  {"seconds",
                   {{"queue", job.queue_s},
                    {"run", job.run_s},
                    {"checkpoint", job.blocked_s},
                    {"slowdown", std::max(0.0, job.slowdown_s)},
                    {"lost", job.lost_s},
                    {"restore", job.restore_s}}},
                  {"checkpoints",
                   {{"sealed", job.seals},
                    {"skipped", job.skipped_seals},
                    {"seal_s", job.seals > 0 ? job.seal_s / job.seals : 0.0},
                    {"last_step", job.sealed_step},
                    {"interval_s", job.plan.interval_s},
                    {"mtbf_s", job.plan.mtbf_s},
                    {"expected_overhead", job.plan.expected_overhead},
                    {"actual_overhead", actual_overhead(job)}}},
                  {"bytes",
                   {{"checkpoint", job.sealed_bytes},
                    {"result", is_complete ? bytes_below(directory.result()) : 0}}},
                  {"ranks", job.ranks},
                  {"backend", outcome.live.backend},
                  {"devices", outcome.live.devices},
                  {"metrics", metrics},
                  {"digest", job.digest},
                  {"directory", directory.path()},
                  {"warnings", outcome.live.warnings}};
  if (outcome.allocations) json["allocations"] = *outcome.allocations;
  if (job.error && !is_complete) json["error"] = text::error_to_json(*job.error);
  return text::dump_json(json, 2) + "\n";
}

std::string report_text(const RunOutcome& outcome, const JobDirectory& directory) {
  const Job& job = outcome.job;
  std::string text = job.spec->name + ": ";
  const std::string ranks = std::to_string(job.ranks) + (job.ranks == 1 ? " rank" : " ranks");
  if (job.state == JobState::completed && std::holds_alternative<CommandSpec>(job.spec->kind))
    return text + "COMPLETED in " + format_seconds(job.run_s) + " on " + ranks + "\n  output   " +
           directory.path() + "/logs/rank-0000.log\n";
  if (job.state == JobState::completed)
    return text + "COMPLETED in " + format_seconds(job.run_s) + " on " + ranks + " (" +
           outcome.live.backend + ")\n  result   " + directory.result() + "\n  digest   " +
           job.digest + "\n";
  if (outcome.exit_code == exit_checkpointed)
    return text + "stopped at step " + std::to_string(job.sealed_step) +
           ", checkpoint saved; the same command again resumes\n";
  return text + std::string(state_name(job.state)) + (job.why.empty() ? "" : ": " + job.why) +
         "\n  logs     " + directory.path() + "/logs\n";
}

}  // namespace sovren::cli
