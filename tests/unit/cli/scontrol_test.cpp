// SPDX-License-Identifier: Apache-2.0
// What scontrol of Slurm 22.05.8 shows of a job; recorded from it, but for what it alone knows:
// when its own preemption and backfill looked at the job, and from which session it came.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "cli/scontrol_texts.h"

namespace sovren::cli {
namespace {

constexpr const char* running_text =
    R"(JobId=13 ArrayJobId=2 ArrayTaskId=1 ArrayTaskThrottle=1 JobName=arr
   UserId=root(0) GroupId=root(0) MCS_label=N/A
   Priority=0 Nice=0 Account=(null) QOS=(null)
   JobState=RUNNING Reason=None Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0
   RunTime=00:00:02 TimeLimit=365-00:00:00 TimeMin=N/A
   SubmitTime=2026-11-27T03:34:41 EligibleTime=2026-11-27T03:34:41
   AccrueTime=2026-11-27T03:34:41
   StartTime=2026-11-27T03:34:42 EndTime=2027-11-27T03:34:42 Deadline=N/A
   SuspendTime=None SecsPreSuspend=0 LastSchedEval=2026-11-27T03:34:41 Scheduler=Main
   Partition=work AllocNode:Sid=0.0.0.0:0
   ReqNodeList=(null) ExcNodeList=(null)
   NodeList=n1
   BatchHost=n1
   NumNodes=1 NumCPUs=1 NumTasks=1 CPUs/Task=1 ReqB:S:C:T=0:0:*:*
   TRES=cpu=1,node=1,billing=1
   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*
   MinCPUsNode=1 MinMemoryNode=0 MinTmpDiskNode=0
   Features=(null) DelayBoot=00:00:00
   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)
   Command=(null)
   WorkDir=/home/ada
   Comment=hello 
   StdErr=/home/ada/o-13
   StdIn=/dev/null
   StdOut=/home/ada/o-13
   Power=
   

)";

SlurmJob running() {
  SlurmJob job{.id = 13,
               .array_job = 2,
               .task = "1",
               .array_running_max = 1,
               .name = "arr",
               .user = "root",
               .partition = "work",
               .comment = "hello",
               .state = JobState::running,
               .reason = "None"};
  job.nodes = {"n1"};
  job.submitted = *parse_utc("2026-11-27T03:34:41Z");
  job.started = *parse_utc("2026-11-27T03:34:42Z");
  job.time_limit_s = 365 * 86'400.0;
  job.folder = "/home/ada";
  job.input = "/dev/null";
  job.output = job.error = "/home/ada/o-13";
  return job;
}

class Scontrol : public testing::Test {
 protected:
  Scontrol() {
    ::setenv("TZ", "UTC0", 1);
    ::tzset();
  }
  ~Scontrol() override {
    ::unsetenv("TZ");
    ::tzset();
  }
  const Instant now_ = *parse_utc("2026-11-27T03:34:44Z");
};

TEST_F(Scontrol, ShowsAJobAsSlurmDoes) {
  EXPECT_EQ(job_text(running(), now_, false), running_text);
}

TEST_F(Scontrol, ShowsItInOneLine) {
  const std::string line = job_text(running(), now_, true);
  EXPECT_TRUE(line.starts_with("JobId=13 ArrayJobId=2 ArrayTaskId=1 "));
  EXPECT_TRUE(line.ends_with(" StdOut=/home/ada/o-13 Power= \n"));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST_F(Scontrol, AWaitingJobHasNoNodes) {
  SlurmJob job = running();
  job.state = JobState::pending;
  job.nodes.clear();
  job.nodes_count = 2;
  job.gpus_per_task = 3;
  job.tasks = 2;
  job.restarts = 1;
  job.may_requeue = false;
  const std::string text = job_text(job, now_, true);
  EXPECT_NE(text.find(" StartTime=Unknown EndTime=Unknown "), std::string::npos) << text;
  EXPECT_NE(text.find(" NodeList= NumNodes=2-2 NumCPUs=2 "), std::string::npos) << text;
  EXPECT_NE(text.find(" Requeue=0 Restarts=1 "), std::string::npos) << text;
  EXPECT_NE(text.find(" TresPerNode=gres:gpu:3 "), std::string::npos) << text;
}

TEST_F(Scontrol, ShowsNodesAndPartitions) {
  const std::vector<SlurmPartition> partitions{
      {.name = "work", .is_default = true, .nodes = {"n1", "n2"}, .time_limit_s = 60}};
  const std::vector<SlurmNode> nodes{{.name = "n1", .cpus = 4, .memory_mib = 4000},
                                     {.name = "n2",
                                      .state = SlurmNode::State::drained,
                                      .why = "disk",
                                      .cpus = 4,
                                      .memory_mib = 4000}};
  const std::string node = node_text(nodes[1], partitions, true);
  EXPECT_NE(node.find(" State=IDLE+DRAIN "), std::string::npos) << node;
  EXPECT_NE(node.find(" Reason=disk\n"), std::string::npos) << node;
  EXPECT_NE(node.find(" Partitions=work "), std::string::npos) << node;
  const std::string partition = partition_text(partitions[0], nodes, false);
  EXPECT_NE(partition.find("\n   State=UP TotalCPUs=8 TotalNodes=2 SelectTypeParameters=NONE\n"),
            std::string::npos);
  EXPECT_NE(partition.find(" MaxTime=00:01:00 "), std::string::npos) << partition;
  EXPECT_NE(partition.find("\n   Nodes=n[1-2]\n"), std::string::npos) << partition;
}

}  // namespace
}  // namespace sovren::cli
