// SPDX-License-Identifier: Apache-2.0
#include "cli/slurm_job.h"

#include <strings.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>

#include "cli/slurm_ids.h"

namespace sovren::cli {
namespace {

constexpr std::pair<JobState, std::string_view> short_states[] = {
    {JobState::pending, "PD"},    {JobState::running, "R"},        {JobState::suspended, "S"},
    {JobState::completing, "CG"}, {JobState::completed, "CD"},     {JobState::failed, "F"},
    {JobState::cancelled, "CA"},  {JobState::timeout, "TO"},       {JobState::node_fail, "NF"},
    {JobState::preempted, "PR"},  {JobState::out_of_memory, "OOM"}};

bool is_same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

struct Clock {
  std::int64_t days, hours, minutes, seconds;
};

Clock clock_of(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::max(0.0, seconds));
  return {whole / 86400, whole / 3600 % 24, whole / 60 % 60, whole % 60};
}

std::string local_time(Instant at, const char* format) {
  const std::time_t seconds = at.ms / 1000;
  std::tm local{};
  std::array<char, 64> text{};
  ::localtime_r(&seconds, &local);
  return {text.data(), std::strftime(text.data(), text.size(), format, &local)};
}

template <class... Values>
std::string print(const char* format, Values... values) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, static_cast<long long>(values)...);
  return text.data();
}

}  // namespace

std::string slurm_id_text(const SlurmJob& job) {
  return job.array_job == 0 ? std::to_string(job.id)
                            : std::to_string(job.array_job) + "_" + job.task;
}

std::string_view short_state(JobState state) {
  for (const auto& [known, name] : short_states)
    if (known == state) return name;
  return "";
}

std::optional<JobState> slurm_state(std::string_view name) {
  for (const auto& [state, letters] : short_states)
    if (is_same(name, letters) || is_same(name, state_name(state))) return state;
  return std::nullopt;
}

std::int64_t cpus_of(const SlurmJob& job) {
  return job.tasks * job.cpus_per_task;
}

std::int64_t memory_per_cpu_mib(const SlurmJob& job) {
  const std::int64_t of_task = (job.memory_per_task_bytes + (1 << 20) - 1) >> 20;
  return (of_task + job.cpus_per_task - 1) / job.cpus_per_task;
}

std::string memory_text(std::int64_t mib) {
  constexpr std::string_view units = "MGTP";
  if (mib == 0) return "0";
  std::size_t unit = 0;
  for (; mib % 1024 == 0 && unit + 1 < units.size(); ++unit) mib /= 1024;
  return std::to_string(mib) + units[unit];
}

std::string tres_text(const SlurmJob& job) {
  const std::string cpus = std::to_string(cpus_of(job));
  std::string text = "cpu=" + cpus;
  if (job.memory_per_task_bytes > 0)
    text += ",mem=" + memory_text(job.tasks * ((job.memory_per_task_bytes + (1 << 20) - 1) >> 20));
  text += ",node=" + std::to_string(job.nodes_count) + ",billing=" + cpus;
  if (job.gpus_per_task > 0) text += ",gres/gpu=" + std::to_string(job.tasks * job.gpus_per_task);
  return text;
}

std::vector<SlurmJob> folded(std::vector<SlurmJob> jobs, std::size_t length_max) {
  struct Fold {
    std::size_t row;
    std::vector<std::int64_t> tasks;
  };
  std::map<std::pair<std::int64_t, std::string>, Fold> folds;
  std::vector<SlurmJob> rows;
  for (SlurmJob& job : jobs) {
    // What has run before has a number of its own in Slurm, too.
    const bool is_apart = job.array_job == 0 || job.state != JobState::pending || job.restarts > 0;
    if (is_apart) {
      rows.push_back(std::move(job));
      continue;
    }
    const auto [fold, is_first] = folds.try_emplace({job.array_job, job.reason}, Fold{});
    fold->second.tasks.push_back(std::atoll(job.task.c_str()));
    if (!is_first) continue;
    fold->second.row = rows.size();
    rows.push_back(std::move(job));
  }
  for (auto& [key, fold] : folds) {
    SlurmJob& row = rows[fold.row];
    std::ranges::sort(fold.tasks);
    row.id = row.array_job;
    row.task = "[" + fold_numbers(fold.tasks, length_max);
    if (row.array_running_max > 0) row.task += "%" + std::to_string(row.array_running_max);
    row.task += "]";
  }
  return rows;
}

std::string exit_text(const SlurmJob& job) {
  constexpr int signals_max = 64;
  const bool was_ended = job.state == JobState::cancelled || job.state == JobState::timeout ||
                         job.state == JobState::node_fail;
  if (was_ended) return job.state == JobState::cancelled && job.started.ms != 0 ? "0:15" : "0:0";
  if (job.state == JobState::out_of_memory) return "0:125";  // as Slurm has it
  const bool is_killed = job.exit_code > 128 && job.exit_code <= 128 + signals_max;
  return is_killed ? "0:" + std::to_string(job.exit_code - 128)
                   : std::to_string(job.exit_code) + ":0";
}

double elapsed_s(const SlurmJob& job, Instant now) {
  if (job.started.ms == 0 || job.state == JobState::pending) return 0;
  if (job.is_record) return job.run_s;
  return std::max(0.0, (job.ended.ms == 0 ? now : job.ended) - job.started);
}

Instant end_of(const SlurmJob& job) {
  if (job.ended.ms != 0) return job.ended;
  const bool is_open = job.state == JobState::pending || job.started.ms == 0;
  return is_open || !job.time_limit_s ? Instant() : job.started + *job.time_limit_s;
}

std::string slurm_time(Instant at, std::string_view none) {
  return at.ms == 0 ? std::string(none) : local_time(at, "%Y-%m-%dT%H:%M:%S");
}

std::string slurm_date_line(Instant at) {
  return local_time(at, "%a %b %d %H:%M:%S %Y\n");
}

std::string brief_duration(double seconds) {
  const auto [days, hours, minutes, rest] = clock_of(seconds);
  if (days > 0) return print("%lld-%02lld:%02lld:%02lld", days, hours, minutes, rest);
  if (hours > 0) return print("%lld:%02lld:%02lld", hours, minutes, rest);
  return print("%lld:%02lld", minutes, rest);
}

std::string full_duration(double seconds) {
  const auto [days, hours, minutes, rest] = clock_of(seconds);
  if (days > 0) return print("%lld-%02lld:%02lld:%02lld", days, hours, minutes, rest);
  return print("%02lld:%02lld:%02lld", hours, minutes, rest);
}

}  // namespace sovren::cli
