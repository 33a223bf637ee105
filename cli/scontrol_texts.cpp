// SPDX-License-Identifier: Apache-2.0
// What scontrol shows of jobs, nodes and partitions. What we have nothing for is as in a Slurm
// where nobody asked for it.
#include "cli/scontrol_texts.h"

#include <algorithm>

#include "cli/users.h"
#include "core/text/hosts.h"

namespace sovren::cli {
namespace {

std::string or_null(const std::string& text) {
  return text.empty() ? "(null)" : text;
}

std::string text_of(std::int64_t number) {
  return std::to_string(number);
}

std::string with_number(const std::string& name, std::int64_t number) {
  return name + "(" + text_of(number) + ")";
}

std::string limit_text(const std::optional<double>& seconds) {
  return seconds ? full_duration(*seconds) : "UNLIMITED";
}

void add_identity(ScontrolText& text, const SlurmJob& job) {
  const bool is_folded = job.task.starts_with('[');
  std::string first = "JobId=" + text_of(job.id);
  if (job.array_job != 0) {
    first += " ArrayJobId=" + text_of(job.array_job) +
             " ArrayTaskId=" + (is_folded ? job.task.substr(1, job.task.size() - 2) : job.task);
    if (job.array_running_max > 0) first += " ArrayTaskThrottle=" + text_of(job.array_running_max);
  }
  text.line(first + " JobName=" + job.name);
  const UserIds ids = user_ids(job.user);
  text.line("UserId=" + with_number(job.user, ids.uid) +
            " GroupId=" + with_number(or_null(ids.group), ids.gid) + " MCS_label=N/A");
  text.line("Priority=" + text_of(job.priority) +
            " Nice=" + text_of(std::max<std::int64_t>(0, -job.priority)) +
            " Account=" + or_null(job.account) + " QOS=" + or_null(job.qos));
  text.line("JobState=" + std::string(state_name(job.state)) + " Reason=" + job.reason +
            " Dependency=" + or_null(job.dependency));
  text.line("Requeue=" + std::string(job.may_requeue ? "1" : "0") + " Restarts=" +
            text_of(job.restarts) + " BatchFlag=1 Reboot=0 ExitCode=" + exit_text(job));
}

void add_times(ScontrolText& text, const SlurmJob& job, Instant now) {
  const bool is_waiting = job.state == JobState::pending;
  const auto moment = [](Instant at) { return slurm_time(at, "Unknown"); };
  const std::string eligible = moment(std::max(job.submitted, job.not_before));
  text.line("RunTime=" + full_duration(elapsed_s(job, now)) +
            " TimeLimit=" + limit_text(job.time_limit_s) + " TimeMin=N/A");
  text.line("SubmitTime=" + moment(job.submitted) + " EligibleTime=" + eligible);
  text.line("AccrueTime=" + eligible);
  text.line("StartTime=" + moment(is_waiting ? Instant() : job.started) +
            " EndTime=" + moment(end_of(job)) + " Deadline=N/A");
  text.line("SuspendTime=None SecsPreSuspend=0 LastSchedEval=" + moment(job.submitted) +
            " Scheduler=Main");
}

void add_resources(ScontrolText& text, const SlurmJob& job) {
  const bool is_waiting = job.state == JobState::pending;
  std::string count = text_of(job.nodes_count);
  if (is_waiting && job.nodes_count > 1) count += "-" + count;
  text.line("Partition=" + job.partition + " AllocNode:Sid=0.0.0.0:0");
  text.line("ReqNodeList=(null) ExcNodeList=(null)");
  text.line("NodeList=" + (is_waiting ? "" : text::compress_hosts(job.nodes)));
  if (!is_waiting && !job.nodes.empty()) text.line("BatchHost=" + job.nodes.front());
  text.line("NumNodes=" + count + " NumCPUs=" + text_of(cpus_of(job)) +
            " NumTasks=" + text_of(job.tasks) + " CPUs/Task=" + text_of(job.cpus_per_task) +
            " ReqB:S:C:T=0:0:*:*");
  text.line("TRES=" + tres_text(job));
  text.line("Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*");
  const std::int64_t memory = memory_per_cpu_mib(job);
  text.line("MinCPUsNode=" + text_of(job.cpus_per_task) +
            (memory > 0 ? " MinMemoryCPU=" : " MinMemoryNode=") + memory_text(memory) +
            " MinTmpDiskNode=0");
  text.line("Features=" + or_null(job.features) + " DelayBoot=00:00:00");
  text.line("OverSubscribe=" + std::string(job.is_exclusive ? "NO" : "OK") +
            " Contiguous=0 Licenses=(null) Network=(null)");
}

void add_files(ScontrolText& text, const SlurmJob& job) {
  text.line("Command=" + or_null(job.command));
  text.line("WorkDir=" + job.folder);
  if (!job.comment.empty()) text.line("Comment=" + job.comment + " ");
  text.line("StdErr=" + job.error);
  text.line("StdIn=" + job.input);
  text.line("StdOut=" + job.output);
  text.line("Power=");
  if (job.gpus_per_task > 0) {
    const auto nodes = std::max<std::int64_t>(1, job.nodes_count);
    text.line("TresPerNode=gres:gpu:" +
              text_of((job.gpus_per_task * job.tasks + nodes - 1) / nodes));
  }
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

std::string node_state_text(const SlurmNode& node) {
  switch (node.state) {
    case SlurmNode::State::drained:
      return "IDLE+DRAIN";
    case SlurmNode::State::draining:
      return (node.cpus_used >= node.cpus ? "ALLOCATED" : "MIXED") + std::string("+DRAIN");
    default:
      return upper(long_node_state(node.state));
  }
}

std::string tres_of(std::int64_t cpus, std::int64_t memory_mib, std::int64_t nodes,
                    std::int64_t gpus) {
  std::string text = "cpu=" + text_of(cpus) + ",mem=" + text_of(memory_mib) + "M";
  if (nodes > 0) text += ",node=" + text_of(nodes);
  text += ",billing=" + text_of(cpus);
  return gpus > 0 ? text + ",gres/gpu=" + text_of(gpus) : text;
}

}  // namespace

std::string job_text(const SlurmJob& job, Instant now, bool is_one_line) {
  ScontrolText text(is_one_line);
  add_identity(text, job);
  add_times(text, job, now);
  add_resources(text, job);
  add_files(text, job);
  text.line("");
  return text.finished();
}

std::string node_text(const SlurmNode& node, const std::vector<SlurmPartition>& partitions,
                      bool is_one_line) {
  ScontrolText text(is_one_line);
  std::string member_of;
  for (const SlurmPartition& each : partitions)
    if (std::ranges::find(each.nodes, node.name) != each.nodes.end())
      member_of += (member_of.empty() ? "" : ",") + each.name;
  const std::string cpus = text_of(node.cpus);
  text.line("NodeName=" + node.name + " Arch=x86_64 CoresPerSocket=1 ");
  text.line("CPUAlloc=" + text_of(node.cpus_used) + " CPUEfctv=" + cpus + " CPUTot=" + cpus +
            " CPULoad=N/A");
  text.line("AvailableFeatures=" + or_null(node.features));
  text.line("ActiveFeatures=" + or_null(node.features));
  text.line("Gres=" + gres_text(node));
  text.line("NodeAddr=" + node.name + " NodeHostName=" + node.name + " Version=22.05.8");
  text.line("RealMemory=" + text_of(node.memory_mib) +
            " AllocMem=" + text_of(node.memory_used_mib) + " FreeMem=" +
            text_of(node.memory_mib - node.memory_used_mib) + " Sockets=" + cpus + " Boards=1");
  text.line("State=" + node_state_text(node) +
            " ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A");
  text.line("Partitions=" + member_of + " ");
  text.line("CfgTRES=" + tres_of(node.cpus, node.memory_mib, 0, node.gpus));
  text.line("AllocTRES=" + (node.cpus_used == 0 ? "" : "cpu=" + text_of(node.cpus_used)));
  if (!node.why.empty())
    text.line("Reason=" + node.why + (node.by.empty() ? "" : " [" + node.by + "]"));
  return text.finished();
}

std::string partition_text(const SlurmPartition& partition, const std::vector<SlurmNode>& nodes,
                           bool is_one_line) {
  std::int64_t cpus = 0;
  std::int64_t memory = 0;
  std::int64_t gpus = 0;
  std::vector<std::string> names;
  for (const SlurmNode& node : nodes) {
    if (std::ranges::find(partition.nodes, node.name) == partition.nodes.end()) continue;
    names.push_back(node.name);
    cpus += node.cpus;
    memory += node.memory_mib;
    gpus += node.gpus;
  }
  const auto& usual = partition.default_time_limit_s;
  ScontrolText text(is_one_line);
  text.line("PartitionName=" + partition.name);
  text.line("AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL");
  text.line("AllocNodes=ALL Default=" + std::string(partition.is_default ? "YES" : "NO") +
            " QoS=N/A");
  text.line("DefaultTime=" + (usual ? full_duration(*usual) : "NONE") +
            " DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO");
  text.line("MaxNodes=UNLIMITED MaxTime=" + limit_text(partition.time_limit_s) +
            " MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED");
  text.line("Nodes=" + text::compress_hosts(names));
  text.line("PriorityJobFactor=1 PriorityTier=" + text_of(partition.priority) +
            " RootOnly=NO ReqResv=NO OverSubscribe=NO");
  text.line("OverTimeLimit=NONE PreemptMode=REQUEUE");
  text.line("State=" + std::string(partition.is_up ? "UP" : "DOWN") + " TotalCPUs=" +
            text_of(cpus) + " TotalNodes=" + text_of(static_cast<std::int64_t>(names.size())) +
            " SelectTypeParameters=NONE");
  text.line("JobDefaults=(null)");
  text.line("DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED");
  text.line("TRES=" + tres_of(cpus, memory, static_cast<std::int64_t>(names.size()), gpus));
  return text.finished();
}

}  // namespace sovren::cli
