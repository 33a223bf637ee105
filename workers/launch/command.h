// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/port/launcher.h"
#include "workers/launch/programs.h"

namespace sovren::workers {

/// How one attempt is started, ready for exec.
struct Command {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  ///< "NAME=value"
};

/// What a command is made for, beside the order itself.
struct CommandSetting {
  Programs programs;
  std::string report_socket;  ///< where rank 0 reports to
  std::string private_dir;    ///< for the launcher's own files
  std::string cookie;         ///< marks every process of the attempt; see process_tree.h
  int cpus = 1;               ///< of this machine
  bool is_root = false;       ///< mpirun asks to be told
};

/// One rank is started as a plain process; several by mpirun, whose exit code is the first non-zero
/// one of a rank (85 when all end with 85), 128 + signal when a rank was killed, and 1 when mpirun
/// itself was told to end. `inherited` is the environment of this process, of which the parts that
/// name another MPI job or Slurm step are left out: mpirun would join them.
///
/// Errors   input_missing: several ranks, but no mpirun.
/// Source   facts measured with Open MPI 4.1.4: `pml ob1` and `btl self,vader` halve the start-up;
///          binding is off because every mpirun on a machine would take the same first cores; one
///          more copy in shared memory because containers forbid process_vm_readv.
Result<Command> make_command(const AttemptOrder& order, const CommandSetting& setting,
                             std::span<const std::string> inherited);

}  // namespace sovren::workers
