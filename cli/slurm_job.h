// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/units.h"
#include "core/model/event.h"

namespace sovren::cli {

/// A job with all that Slurm's programs print of one.
struct SlurmJob {
  std::int64_t id = 0;
  std::int64_t array_job = 0;  ///< first job of its array; 0: not of an array
  std::string task;            ///< its index in the array, as Slurm counts; empty: not of an array
  std::int64_t array_running_max = 0;  ///< 0: no limit
  std::string name;
  std::string user;
  std::string account;
  std::string partition;
  std::string qos;
  std::string comment;
  std::string dependency;
  std::string features;  ///< that its nodes must have, "region=eu-west-1"
  JobState state = JobState::pending;
  std::string reason;  ///< Slurm's code, "None" where there is none
  std::int64_t priority = 0;
  std::int64_t restarts = 0;
  int exit_code = 0;        ///< 128 + signal when killed
  bool may_requeue = true;  ///< by the scheduler, when its node was lost
  bool is_exclusive = false;
  bool is_record = false;    ///< of the history: what is not kept there is as if not asked for
  std::string cancelled_by;  ///< a user; may be empty
  bool can_checkpoint = false;
  std::string checkpoint_signal;  ///< "USR1": what a checkpoint of it is asked for with

  std::vector<std::string> nodes;  ///< of the running or last attempt, the head first
  std::int64_t nodes_count = 1;    ///< the same, or asked for
  std::int64_t tasks = 1;          ///< ranks
  std::int64_t cpus_per_task = 1;
  std::int64_t gpus_per_task = 0;
  std::int64_t memory_per_task_bytes = 0;  ///< 0: no limit
  double cpu_s = 0;

  Instant submitted;
  Instant not_before;
  Instant started;  ///< the running or last attempt; 0: none yet
  Instant ended;
  double run_s = 0;                    ///< of ended attempts
  std::optional<double> time_limit_s;  ///< none: unlimited

  std::string folder;  ///< working folder
  std::string command;
  std::string input;
  std::string output;
  std::string error;
};

/// "12", or of an array "12_3".
std::string slurm_id_text(const SlurmJob& job);
/// "PD" of PENDING, ...
std::string_view short_state(JobState state);
/// Of either spelling, in any case.
std::optional<JobState> slurm_state(std::string_view name);
/// Cores of all tasks.
std::int64_t cpus_of(const SlurmJob& job);
/// What is asked of each core, rounded up; 0: no limit.
std::int64_t memory_per_cpu_mib(const SlurmJob& job);
/// "1500M", "2G", "0".
std::string memory_text(std::int64_t mib);
/// "cpu=4,mem=8G,node=2,billing=4,gres/gpu=2"
std::string tres_text(const SlurmJob& job);
/// The waiting elements of an array as one job, "12_[3-9%2]", whose id is the array's. length_max:
/// of what stands in the brackets; 0: all.
std::vector<SlurmJob> folded(std::vector<SlurmJob> jobs, std::size_t length_max);
/// "3:0": exit code and signal.
std::string exit_text(const SlurmJob& job);
/// How long it has been running since it was started last, or ran then.
double elapsed_s(const SlurmJob& job, Instant now);
/// When it ended, or by its time limit will at the latest; 0: never, or not known.
Instant end_of(const SlurmJob& job);

// Times, as Slurm prints them.

std::string slurm_time(Instant at, std::string_view none);  ///< "2026-11-27T03:34:41", local time
std::string slurm_date_line(Instant at);  ///< "Fri Nov 27 03:34:44 2026\n": how long listings begin
std::string brief_duration(double seconds);  ///< "1-02:03:04", "1:02:03", "0:09", as squeue has it
std::string full_duration(double seconds);   ///< "1-02:03:04", "00:00:09", as sacct has it

}  // namespace sovren::cli
