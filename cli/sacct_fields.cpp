// SPDX-License-Identifier: Apache-2.0
// What sacct can print of a job. What is not measured is empty, as in a Slurm that does not measure
// it.
#include "cli/sacct_fields.h"

#include <strings.h>

#include <charconv>
#include <cstdlib>
#include <functional>

#include "cli/slurm_ids.h"
#include "cli/users.h"
#include "core/text/hosts.h"

namespace sovren::cli {
namespace {

using Row = SacctRow;

// What only the job as a whole has.
std::string of_job(const Row& row, std::string text) {
  return row.is_step ? "" : std::move(text);
}

std::string id_text(const Row& row, std::string id) {
  return row.is_step ? std::move(id) + ".batch" : std::move(id);
}

std::string state_text(const Row& row) {
  const SlurmJob& job = *row.job;
  std::string state(state_name(job.state));
  if (job.state != JobState::cancelled || row.is_step) return state;
  const std::string& by = job.cancelled_by.empty() ? job.user : job.cancelled_by;
  const std::int64_t uid = user_ids(by).uid;
  return uid < 0 ? state : state + " by " + std::to_string(uid);
}

Instant start_of(const SlurmJob& job) {
  return job.state == JobState::pending ? Instant() : job.started;
}

std::string nodes_text(const SlurmJob& job) {
  const bool was_started = start_of(job).ms != 0 && !job.nodes.empty();
  return was_started ? text::compress_hosts(job.nodes) : "None assigned";
}

std::string memory_asked(const SlurmJob& job) {
  return memory_text(job.tasks * ((job.memory_per_task_bytes + (1 << 20) - 1) >> 20));
}

std::string limit_minutes(const SlurmJob& job) {
  return job.time_limit_s ? std::to_string(static_cast<std::int64_t>(*job.time_limit_s / 60))
                          : "UNLIMITED";
}

std::int64_t allocated(const SlurmJob& job, std::int64_t count) {
  return start_of(job).ms == 0 ? 0 : count;
}

double cpu_time_s(const Row& row, Instant now) {
  return elapsed_s(*row.job, now) * static_cast<double>(cpus_of(*row.job));
}

std::string count_text(std::int64_t count) {
  return std::to_string(count);
}

std::string nothing(const Row&, Instant) {
  return "";
}

constexpr SacctField fields[] = {
    {"Account", 10, false, [](const Row& row, Instant) -> std::string { return row.job->account; }},
    {"AllocCPUS", 10, false,
     [](const Row& row, Instant) -> std::string {
       return count_text(allocated(*row.job, cpus_of(*row.job)));
     }},
    {"AllocNodes", 10, false,
     [](const Row& row, Instant) -> std::string {
       return count_text(allocated(*row.job, row.job->nodes_count));
     }},
    {"AllocTRES", 10, false,
     [](const Row& row, Instant) -> std::string {
       return start_of(*row.job).ms == 0 ? "" : tres_text(*row.job);
     }},
    {"AveRSS", 10, false, nothing},
    {"Cluster", 10, false, [](const Row&, Instant) -> std::string { return "sovren"; }},
    {"Comment", 14, false,
     [](const Row& row, Instant) -> std::string { return of_job(row, row.job->comment); }},
    {"CPUTime", 10, false,
     [](const Row& row, Instant now) -> std::string {
       return full_duration(cpu_time_s(row, now));
     }},
    {"CPUTimeRAW", 10, false,
     [](const Row& row, Instant now) -> std::string {
       return count_text(static_cast<std::int64_t>(cpu_time_s(row, now)));
     }},
    {"DerivedExitCode", 15, false,
     [](const Row& row, Instant) -> std::string { return of_job(row, "0:0"); }},
    {"Elapsed", 10, false,
     [](const Row& row, Instant now) -> std::string {
       return full_duration(elapsed_s(*row.job, now));
     }},
    {"ElapsedRaw", 10, false,
     [](const Row& row, Instant now) -> std::string {
       return count_text(static_cast<std::int64_t>(elapsed_s(*row.job, now)));
     }},
    {"Eligible", 19, false,
     [](const Row& row, Instant) -> std::string {
       return slurm_time(std::max(row.job->submitted, row.job->not_before), "Unknown");
     }},
    {"End", 19, false,
     [](const Row& row, Instant) -> std::string { return slurm_time(row.job->ended, "Unknown"); }},
    {"ExitCode", 8, false,
     [](const Row& row, Instant) -> std::string { return exit_text(*row.job); }},
    {"GID", 6, false,
     [](const Row& row, Instant) -> std::string {
       return of_job(row, count_text(user_ids(row.job->user).gid));
     }},
    {"Group", 9, false,
     [](const Row& row, Instant) -> std::string {
       return of_job(row, user_ids(row.job->user).group);
     }},
    {"JobID", 12, true,
     [](const Row& row, Instant) -> std::string { return id_text(row, slurm_id_text(*row.job)); }},
    {"JobIDRaw", 12, true,
     [](const Row& row, Instant) -> std::string { return id_text(row, count_text(row.job->id)); }},
    {"JobName", 10, false,
     [](const Row& row, Instant) -> std::string { return row.is_step ? "batch" : row.job->name; }},
    {"MaxRSS", 10, false, nothing},
    {"MaxVMSize", 10, false, nothing},
    {"NCPUS", 10, false,
     [](const Row& row, Instant) -> std::string {
       return count_text(allocated(*row.job, cpus_of(*row.job)));
     }},
    {"NNodes", 8, false,
     [](const Row& row, Instant) -> std::string { return count_text(row.job->nodes_count); }},
    {"NodeList", 15, false,
     [](const Row& row, Instant) -> std::string { return nodes_text(*row.job); }},
    {"NTasks", 8, false,
     [](const Row& row, Instant) -> std::string { return row.is_step ? "1" : ""; }},
    {"Partition", 10, false,
     [](const Row& row, Instant) -> std::string { return of_job(row, row.job->partition); }},
    {"Priority", 10, false,
     [](const Row& row, Instant) -> std::string {
       return of_job(row, count_text(row.job->priority));
     }},
    {"QOS", 10, false,
     [](const Row& row, Instant) -> std::string { return of_job(row, row.job->qos); }},
    {"Reason", 22, false,
     [](const Row& row, Instant) -> std::string { return of_job(row, row.job->reason); }},
    {"ReqCPUS", 8, false,
     [](const Row& row, Instant) -> std::string { return count_text(cpus_of(*row.job)); }},
    {"ReqMem", 10, false,
     [](const Row& row, Instant) -> std::string { return of_job(row, memory_asked(*row.job)); }},
    {"ReqNodes", 8, false,
     [](const Row& row, Instant) -> std::string { return count_text(row.job->nodes_count); }},
    {"ReqTRES", 10, false,
     [](const Row& row, Instant) -> std::string { return of_job(row, tres_text(*row.job)); }},
    {"Restarts", 8, false,
     [](const Row& row, Instant) -> std::string {
       return of_job(row, count_text(row.job->restarts));
     }},
    {"Start", 19, false,
     [](const Row& row, Instant) -> std::string {
       return slurm_time(start_of(*row.job), "Unknown");
     }},
    {"State", 10, false, [](const Row& row, Instant) -> std::string { return state_text(row); }},
    {"Submit", 19, false,
     [](const Row& row, Instant) -> std::string {
       return slurm_time(row.job->submitted, "Unknown");
     }},
    {"Timelimit", 10, false,
     [](const Row& row, Instant) -> std::string {
       const auto& limit = row.job->time_limit_s;
       return of_job(row, limit ? full_duration(*limit) : "UNLIMITED");
     }},
    {"TimelimitRaw", 12, false,
     [](const Row& row, Instant) -> std::string { return of_job(row, limit_minutes(*row.job)); }},
    {"TotalCPU", 10, false,
     [](const Row& row, Instant) -> std::string { return full_duration(row.job->cpu_s); }},
    {"UID", 6, false,
     [](const Row& row, Instant) -> std::string {
       return of_job(row, count_text(user_ids(row.job->user).uid));
     }},
    {"User", 9, false,
     [](const Row& row, Instant) -> std::string { return of_job(row, row.job->user); }},
    {"WorkDir", 20, false,
     [](const Row& row, Instant) -> std::string { return of_job(row, row.job->folder); }},
};

// Cut, and then with a '+' at the end, or filled.
std::string in_table(std::string_view value, const SacctColumn& column) {
  std::string text(value.substr(0, column.width));
  if (value.size() > column.width && !text.empty()) text.back() = '+';
  text.insert(column.is_left ? text.size() : 0, column.width - text.size(), ' ');
  return text + " ";
}

std::string line_of(const std::vector<SacctColumn>& columns, const SacctStyle& style,
                    const std::function<std::string(const SacctField&)>& value) {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string text = value(*columns[i].field);
    if (style.kind == SacctStyle::Kind::table) {
      line += in_table(text, columns[i]);
      continue;
    }
    line += text;
    if (style.kind == SacctStyle::Kind::parsable || i + 1 < columns.size()) line += style.delimiter;
  }
  return line + "\n";
}

const SacctField* field_named(std::string_view name) {
  for (const SacctField& field : fields)
    if (strcasecmp(std::string(name).c_str(), field.name) == 0) return &field;
  return nullptr;
}

}  // namespace

std::span<const SacctField> sacct_fields() {
  return fields;
}

Result<std::vector<SacctColumn>> parse_sacct_format(const std::string& text) {
  std::vector<SacctColumn> columns;
  for (const std::string& word : slurm_list(text)) {
    const std::size_t percent = std::min(word.find('%'), word.size());
    const SacctField* const field = field_named(word.substr(0, percent));
    int width = 0;
    const char* const last = word.data() + word.size();
    const auto [end, error] =
        std::from_chars(word.data() + std::min(percent + 1, word.size()), last, width);
    const bool has_width = percent < word.size();
    const bool is_good = !has_width || (error == std::errc() && end == last && width > -100'000 &&
                                        width < 100'000 && width != 0);
    if (field == nullptr || !is_good)
      return fail({.code = Code::usage, .what = "Invalid field requested: \"" + word + "\""});
    columns.push_back({field, field->width, field->is_left});
    if (!has_width) continue;
    columns.back().width = static_cast<std::size_t>(std::abs(width));
    columns.back().is_left = width < 0;
  }
  return columns;
}

std::string sacct_heading(const std::vector<SacctColumn>& columns, const SacctStyle& style) {
  std::string text = line_of(columns, style, [](const SacctField& field) { return field.name; });
  if (style.kind != SacctStyle::Kind::table) return text;
  for (const SacctColumn& column : columns) text += std::string(column.width, '-') + " ";
  return text + "\n";
}

std::string sacct_line(const std::vector<SacctColumn>& columns, const SacctStyle& style,
                       const SacctRow& row, Instant now) {
  return line_of(columns, style, [&](const SacctField& field) { return field.text(row, now); });
}

}  // namespace sovren::cli
