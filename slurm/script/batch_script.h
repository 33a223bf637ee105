// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

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
  std::string job_file;  ///< absolute, on the shared file system: what `sovren run` will read
  std::string dir;       ///< job directory, absolute, on the shared file system
  std::string sovren = "sovren";  ///< the program, as the nodes find it
  RankLauncher launcher = RankLauncher::srun;
  Continuation continuation = Continuation::automatic;
  /// From the signal to the end of the allocation: the measured time of a seal, and a margin.
  double warning_s = 120;
};

/// A readable sbatch script that runs the job: `sovren run --launcher ...` in the allocation, with
/// a trap that passes USR1 on as "seal and stop", and what follows from its exit code. Running it
/// again goes on with the job; when the job has ended, that changes nothing.
///
/// Options   nodes, ntasks, cpus-per-task, gpus, mem, time, partition, account, qos, array,
///           dependency, begin, comment, exclusive, constraint; --requeue --open-mode=append
///           --signal=B:USR1@warning; output in dir/logs.
/// Errors    refused: what Slurm has no equal for (elastic ranges beyond what --nodes takes, ...)
///           names the key and what to do.
Result<std::string> batch_script(const JobSpec& spec, const ScriptSetting& setting);

}  // namespace sovren::slurm
