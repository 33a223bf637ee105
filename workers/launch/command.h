// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/port/launcher.h"
#include "core/port/orders.h"
#include "workers/launch/identity.h"
#include "workers/launch/programs.h"
#include "workers/launch/site_launch.h"

namespace sovren::workers {

/// How one attempt is started, ready for exec.
struct Command {
  std::vector<std::string> argv;         ///< the program first, by its path
  std::vector<std::string> environment;  ///< "NAME=value"
  std::string folder;                    ///< working folder; empty: this process's
  std::string input;                     ///< file of its standard input; empty: nothing to read
  std::optional<Identity> user;          ///< none: who this process is
  std::optional<cpu_set_t> cpus;         ///< cores that it may use; none: as this process
  std::vector<int> cgroup_procs;         ///< open cgroup.procs of the groups that it enters
};

/// What a command is made for, beside the order itself.
struct CommandSetting {
  Programs programs;
  std::string report_socket;  ///< where rank 0 reports to
  std::string launch_socket;  ///< where `sovren rsh-agent` asks for other nodes
  std::string rsh_agent;      ///< program and first argument that mpirun reaches other nodes by
  std::string subnet;         ///< that ranks on different nodes talk over; empty: mpirun chooses
  std::string private_dir;    ///< for the launcher's own files
  std::string cookie;         ///< marks every process of the attempt; see process_tree.h
  int cpus = 1;               ///< that the ranks here share
  bool is_root = false;       ///< mpirun asks to be told
  std::optional<Identity> user;
  /// Of this attempt here, as CUDA_VISIBLE_DEVICES takes them; none: those that are visible.
  std::optional<std::vector<std::string>> gpus;
  std::string script;      ///< file that holds the script of a command
  std::string shims;       ///< folder of srun, sbatch, ... for commands on the head; empty: none
  std::int64_t now_s = 0;  ///< seconds since 1970
  std::optional<SiteLaunch> site;  ///< of what allocation; none: the nodes are ours
};

/// One rank is started as a plain process, as is a command that is started on the head alone;
/// several by mpirun, whose exit code is the first non-zero
/// one of a rank (85 when all end with 85), 128 + signal when a rank was killed, and 1 when mpirun
/// itself was told to end. In an allocation of a site, srun may stand in mpirun's place: its exit
/// code is the greatest of a rank's, 128 + signal for one that was killed. `inherited` is the
/// environment of this process, of which the parts that name another MPI job or Slurm step are left
/// out: mpirun would join them.
///
/// Errors   input_missing: several ranks, but no mpirun; a command whose program is not there.
/// Source   facts measured with Open MPI 4.1.4: `pml ob1` and `btl self,vader` halve the start-up;
///          binding is off because every mpirun on a machine would take the same first cores; one
///          more copy in shared memory because containers forbid process_vm_readv.
Result<Command> make_command(const AttemptOrder& order, const CommandSetting& setting,
                             std::span<const std::string> inherited);

/// mpirun's parameters for ranks on several nodes, beside the list of these.
std::vector<std::pair<const char*, std::string>> other_nodes_parameters(
    const CommandSetting& setting);

/// Folder of the pictures of the order's array, beside the folders of its jobs; empty: none.
std::string sequence_folder(const AttemptOrder& order);

/// mpirun's daemon for an attempt that another node heads: the command line by the shell.
Command make_assist_command(const AssistOrder& order, const CommandSetting& setting,
                            std::span<const std::string> inherited);

/// Environment variables by which `sovren rsh-agent` finds the head's agent, and the head's name.
inline constexpr std::string_view launch_socket_variable = "SOVREN_LAUNCH_SOCKET";
inline constexpr std::string_view head_variable = "SOVREN_HEAD";

/// "USR1" or "SIGUSR1" -> its number; refused when there is no such signal.
Result<int> signal_number(const std::string& name);

}  // namespace sovren::workers
