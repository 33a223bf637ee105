// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::cli {

/// A command name of Slurm under which this program behaves as that command does, for scripts and
/// tools that know Slurm: a link of that name is all it takes.
struct Shim {
  std::string_view name;
  /// The words after the name; the exit code, or the error to print as Slurm would: exit code 1.
  Result<int> (*run)(const std::vector<std::string>& words);
};

/// All of them.
std::span<const Shim> shims();

/// The one that this program was called as: by the last part of argv[0]; null: none, it is sovren.
const Shim* find_shim(std::string_view called_as);

/// Runs it; its exit code.
int run_shim(const Shim& shim, const std::vector<std::string>& words);

/// Makes the folder, and in it a link of each name to the program at `target`. Links that are there
/// already are renewed.
///
/// Errors   refused: something else has one of the names, and nothing was changed; storage_io.
Result<void> link_shims(const std::string& dir, const std::string& target);

/// The same for this program, as an agent makes them for the scripts that it starts.
Result<void> link_own_shims(const std::string& dir);

// What the table runs.
Result<int> run_sacct(const std::vector<std::string>& words);
Result<int> run_squeue(const std::vector<std::string>& words);
Result<int> run_sbatch(const std::vector<std::string>& words);
Result<int> run_scancel(const std::vector<std::string>& words);
Result<int> run_scontrol(const std::vector<std::string>& words);
Result<int> run_sinfo(const std::vector<std::string>& words);
Result<int> run_srun(const std::vector<std::string>& words);

}  // namespace sovren::cli
