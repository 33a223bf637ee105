// SPDX-License-Identifier: Apache-2.0
// What squeue can print of a job. What we have nothing for is as in a Slurm where nobody asked for
// it.
#include "cli/slurm_job_fields.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/users.h"
#include "core/text/hosts.h"

namespace sovren::cli {
namespace {

using Job = SlurmJob;

std::string or_null(const std::string& text) {
  return text.empty() ? "(null)" : text;
}

std::string limit_text(const Job& job) {
  return job.time_limit_s ? brief_duration(*job.time_limit_s) : "UNLIMITED";
}

std::string time_left(const Job& job, Instant now) {
  if (!job.time_limit_s) return "UNLIMITED";
  const double left = *job.time_limit_s - elapsed_s(job, now);
  return left < 0 ? "INVALID" : brief_duration(left);
}

std::string reason_list(const Job& job) {
  const bool has_failed = job.state == JobState::failed || job.state == JobState::timeout ||
                          job.state == JobState::node_fail || job.state == JobState::out_of_memory;
  if (job.state == JobState::pending || has_failed) return "(" + job.reason + ")";
  return text::compress_hosts(job.nodes);
}

std::string head_node(const Job& job) {
  return job.nodes.empty() ? "n/a" : job.nodes.front();
}

std::string gpus_text(const Job& job) {
  if (job.gpus_per_task == 0) return "N/A";
  const auto nodes = std::max<std::int64_t>(1, job.nodes_count);
  return "gres:gpu:" + std::to_string((job.gpus_per_task * job.tasks + nodes - 1) / nodes);
}

// A number between 0 and 1, as Slurm's is of its largest.
std::string share_text(const Job& job) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.14f",
                static_cast<double>(job.priority) / 4294967296.0);
  return text.data();
}

std::string task_text(const Job& job) {
  if (job.array_job == 0) return "N/A";
  const bool is_folded = job.task.starts_with('[');
  return is_folded ? job.task.substr(1, job.task.size() - 2) : job.task;
}

std::string base_id(const Job& job) {
  return std::to_string(job.array_job == 0 ? job.id : job.array_job);
}

constexpr SlurmField<Job> fields[] = {
    {'a', "account", "ACCOUNT", [](const Job& job, Instant) { return or_null(job.account); }},
    {'A', "jobid", "JOBID", [](const Job& job, Instant) { return std::to_string(job.id); }},
    {'b', "tres-per-node", "TRES_PER_NODE", [](const Job& job, Instant) { return gpus_text(job); }},
    {'B', "batchhost", "EXEC_HOST", [](const Job& job, Instant) { return head_node(job); }},
    {'c', "mincpus", "MIN_CPUS",
     [](const Job& job, Instant) { return std::to_string(job.cpus_per_task); }},
    {'C', "numcpus", "CPUS", [](const Job& job, Instant) { return std::to_string(cpus_of(job)); }},
    {'d', "mintmpdisk", "MIN_TMP_DISK", [](const Job&, Instant) { return std::string("0"); }},
    {'D', "numnodes", "NODES",
     [](const Job& job, Instant) { return std::to_string(job.nodes_count); }},
    {'e', "endtime", "END_TIME",
     [](const Job& job, Instant) {
       return slurm_time(end_of(job), job.state == JobState::pending ? "N/A" : "NONE");
     }},
    {'E', "dependency", "DEPENDENCY",
     [](const Job& job, Instant) { return or_null(job.dependency); }},
    {'f', "feature", "FEATURES", [](const Job& job, Instant) { return or_null(job.features); }},
    {'F', "arrayjobid", "ARRAY_JOB_ID", [](const Job& job, Instant) { return base_id(job); }},
    {'g', "groupname", "GROUP",
     [](const Job& job, Instant) { return or_null(user_ids(job.user).group); }},
    {'G', "groupid", "GROUP",
     [](const Job& job, Instant) { return std::to_string(user_ids(job.user).gid); }},
    {'h', "oversubscribe", "OVER_SUBSCRIBE",
     [](const Job& job, Instant) { return std::string(job.is_exclusive ? "NO" : "OK"); }},
    {'i', "jobarrayid", "JOBID", [](const Job& job, Instant) { return slurm_id_text(job); }},
    {'j', "name", "NAME", [](const Job& job, Instant) { return job.name; }},
    {'k', "comment", "COMMENT", [](const Job& job, Instant) { return or_null(job.comment); }},
    {'K', "arraytaskid", "ARRAY_TASK_ID", [](const Job& job, Instant) { return task_text(job); }},
    {'l', "timelimit", "TIME_LIMIT", [](const Job& job, Instant) { return limit_text(job); }},
    {'L', "timeleft", "TIME_LEFT", [](const Job& job, Instant now) { return time_left(job, now); }},
    {'m', "minmemory", "MIN_MEMORY",
     [](const Job& job, Instant) { return memory_text(memory_per_cpu_mib(job)); }},
    {'M', "timeused", "TIME",
     [](const Job& job, Instant now) { return brief_duration(elapsed_s(job, now)); }},
    {'n', "reqnodes", "REQ_NODES", [](const Job&, Instant) { return std::string(); }},
    {'N', "nodelist", "NODELIST",
     [](const Job& job, Instant) {
       return job.state == JobState::pending ? "" : text::compress_hosts(job.nodes);
     }},
    {'o', "command", "COMMAND", [](const Job& job, Instant) { return or_null(job.command); }},
    {'p', "priority", "PRIORITY", [](const Job& job, Instant) { return share_text(job); }},
    {'P', "partition", "PARTITION", [](const Job& job, Instant) { return job.partition; }},
    {'q', "qos", "QOS", [](const Job& job, Instant) { return or_null(job.qos); }},
    {'Q', "prioritylong", "PRIORITY",
     [](const Job& job, Instant) { return std::to_string(job.priority); }},
    {'r', "reason", "REASON", [](const Job& job, Instant) { return job.reason; }},
    {'R', "reasonlist", "NODELIST(REASON)",
     [](const Job& job, Instant) { return reason_list(job); }},
    {'S', "starttime", "START_TIME",
     [](const Job& job, Instant) {
       return slurm_time(job.state == JobState::pending ? Instant() : job.started, "N/A");
     }},
    {'t', "statecompact", "ST",
     [](const Job& job, Instant) { return std::string(short_state(job.state)); }},
    {'T', "state", "STATE",
     [](const Job& job, Instant) { return std::string(state_name(job.state)); }},
    {'u', "username", "USER", [](const Job& job, Instant) { return job.user; }},
    {'U', "userid", "UID",
     [](const Job& job, Instant) { return std::to_string(user_ids(job.user).uid); }},
    {'v', "reservation", "RESERVATION", [](const Job&, Instant) { return std::string("(null)"); }},
    {'V', "submittime", "SUBMIT_TIME",
     [](const Job& job, Instant) { return slurm_time(job.submitted, "N/A"); }},
    {'w', "wckey", "WCKEY", [](const Job&, Instant) { return std::string("(null)"); }},
    {'W', "licenses", "LICENSES", [](const Job&, Instant) { return std::string("(null)"); }},
    {'x', "excnodes", "EXC_NODES", [](const Job&, Instant) { return std::string(); }},
    {'y', "nice", "NICE",
     [](const Job& job, Instant) {
       return std::to_string(std::max<std::int64_t>(0, -job.priority));
     }},
    {'Y', "schednodes", "SCHEDNODES", [](const Job&, Instant) { return std::string("(null)"); }},
    {'z', "", "S:C:T", [](const Job&, Instant) { return std::string("*:*:*"); }},
    {'Z', "workdir", "WORK_DIR", [](const Job& job, Instant) { return job.folder; }},
    {'\0', "allocnodes", "ALLOC_NODES",
     [](const Job& job, Instant) { return std::to_string(job.nodes.size()); }},
    {'\0', "cpus-per-task", "CPUS_PER_TASK",
     [](const Job& job, Instant) { return std::to_string(job.cpus_per_task); }},
    {'\0', "exit_code", "EXIT_CODE",
     [](const Job& job, Instant) { return std::to_string(job.exit_code); }},
    {'\0', "eligibletime", "ELIGIBLE_TIME",
     [](const Job& job, Instant) {
       return slurm_time(std::max(job.submitted, job.not_before), "N/A");
     }},
    {'\0', "numtasks", "TASKS", [](const Job& job, Instant) { return std::to_string(job.tasks); }},
    {'\0', "restartcnt", "RESTART_COUNT",
     [](const Job& job, Instant) { return std::to_string(job.restarts); }},
    {'\0', "requeue", "REQUEUE",
     [](const Job& job, Instant) { return std::string(job.may_requeue ? "1" : "0"); }},
    {'\0', "stdin", "STDIN", [](const Job& job, Instant) { return job.input; }},
    {'\0', "stdout", "STDOUT", [](const Job& job, Instant) { return job.output; }},
    {'\0', "stderr", "STDERR", [](const Job& job, Instant) { return job.error; }},
    {'\0', "tres-alloc", "TRES_ALLOC", [](const Job& job, Instant) { return tres_text(job); }},
};

}  // namespace

std::span<const SlurmField<SlurmJob>> squeue_fields() {
  return fields;
}

}  // namespace sovren::cli
