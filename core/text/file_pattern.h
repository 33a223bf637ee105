// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sovren::text {

/// What stands for the patterns in names of output files.
struct PatternValues {
  std::int64_t job = 0;        ///< %j, %J
  std::int64_t array_job = 0;  ///< %A; 0: not of an array, then the job
  std::string array_task;      ///< %a; empty: not of an array, then 4294967294, as Slurm has it
  int step = -1;               ///< %s; -1: the script itself, "batch"
  int rank = 0;                ///< %t
  int node = 0;                ///< %n: number of the node within the job
  std::string node_name;       ///< %N
  std::string user;            ///< %u
  std::string job_name;        ///< %x
};

/// Replaces Slurm's %A %a %J %j %N %n %s %t %u %x and %%; numbers are padded with zeros to a width
/// of at most 10 ("%4t"). Other letters are left as they are. A backslash anywhere turns all of it
/// off and is left out.
/// Source   sbatch(1), "filename pattern".
std::string expand_pattern(std::string_view name, const PatternValues& values);

}  // namespace sovren::text
