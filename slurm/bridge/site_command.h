// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace sovren::slurm {

/// What a program of the site (sbatch, squeue, ...) answered.
struct SiteAnswer {
  int exit_code = 0;   ///< 128 + signal when killed
  std::string output;  ///< of standard output
  std::string errors;  ///< of standard error
};

/// Runs a program of the site to its end, `input` on its standard input. Everything in slurm/bridge
/// talks to a site through this, so that tests answer in its place.
///
/// Errors   not_found: it is not on PATH; timed_out: it was killed after site_patience_s.
using SiteCommand = std::function<Result<SiteAnswer>(const std::vector<std::string>& argv,
                                                     const std::string& input)>;

inline constexpr double site_patience_s = 60;  ///< slurmctld may be slow, but not gone

/// The real one. It does not see the user's SQUEUE_* and SACCT_* variables. Threads: any.
SiteCommand site_command(double patience_s = site_patience_s);

}  // namespace sovren::slurm
