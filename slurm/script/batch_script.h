// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"

namespace sovren::slurm {

/// How ranks are started in an allocation: `srun --mpi=pmix`, or `mpirun`, which knows Slurm.
enum class RankLauncher { srun, mpirun };

/// How a job that stopped with a sealed checkpoint (exit code 85) comes back. automatic: requeue
/// (`scontrol requeue`), or where the site refuses that, a new submission that begins when this one
/// has ended.
enum class Continuation { automatic, requeue, submit };

/// What a batch script says beside what the job file does.
struct ScriptSetting {
  std::string job_file;      ///< absolute, on the shared file system: what `sovren run` will read
  std::string dir;           ///< job directory, absolute, on the shared file system
  std::string programs_dir;  ///< folder of the program `sovren`, absolute, as the nodes find it
  std::vector<std::string> run_options;  ///< further words for `sovren run`: "--set", "a.b=c"
  RankLauncher launcher = RankLauncher::srun;
  Continuation continuation = Continuation::automatic;
  std::optional<double> seal_s;   ///< measured mean time of a seal; none: it has not run yet
  std::optional<double> limit_s;  ///< time limit of the partition, for a job that names none
  std::string mark;  ///< first word of its comment, by which the ledger finds it; empty: none
  std::vector<std::string> notes;  ///< lines of comment for the script's head
};

struct BatchScript {
  std::string text;
  std::vector<std::string>
      warnings;  ///< keys that Slurm has no equal for, and what becomes of them
};

/// Seconds from USR1 to the end of the allocation: two seals and 30 s, or 120 s where none was
/// measured; of a known time limit at most a quarter. At least 1.
int warning_s(std::optional<double> seal_s, std::optional<double> limit_s);

/// The value of --dependency for `after = "ok:12,singleton"`: "afterok:12,singleton". Errors: as
/// parse_after.
Result<std::string> slurm_dependencies(std::string_view after);

/// A readable sbatch script (plain bash) that runs the job: `sovren run --launcher ...` in the
/// allocation, with a trap that passes USR1 on as "seal and stop", and what follows from its exit
/// code. Running it again goes on with the job; when the job has ended, that changes nothing.
///
/// Options   nodes, ntasks, cpus-per-task, gpus-per-task, mem-per-cpu, time, partition, account,
///           qos, array, dependency, begin, comment, exclusive, constraint, nice; --requeue
///           --open-mode=append --signal=B:USR1@warning; output in dir/logs, which must be there.
/// Labels    region = "eu-west-1" is the feature "region=eu-west-1"; the value "yes" stands for the
///           name alone: ib = "yes" is the feature "ib".
/// Errors    refused: what Slurm cannot be told; names the key and what to do.
Result<BatchScript> batch_script(const JobSpec& spec, const ScriptSetting& setting);

}  // namespace sovren::slurm
