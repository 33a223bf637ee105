// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/job_input.h"
#include "core/text/job_file.h"
#include "slurm/bridge/site_command.h"
#include "slurm/script/batch_script.h"

namespace sovren::cli {

/// A job that is meant for a Slurm site, as its file and the command line have it.
struct SiteRequest {
  JobSpec spec;
  std::string file;  ///< absolute; empty: it was not read from a file, or is a batch script
  std::string dir;   ///< job directory, absolute
  bool is_held = false;
  std::vector<std::string> run_options;  ///< words of `sovren run` that stand for the overrides
  std::vector<std::string> warnings;
};

/// Is it a script with #SBATCH lines? Then it is the site's own, and sbatch takes it as it is.
bool is_site_script(const JobText& job);

/// Reads a job file, or a batch script with #SOVREN lines, with --set, --ranks, ..., --array,
/// --after and --dir. Errors: as text::parse_job_file; refused: is_site_script().
tl::expected<SiteRequest, text::Errors> read_site_request(const JobText& job,
                                                          const Arguments& arguments);

/// The job's batch script. What the command line does not say is asked of the site where this is
/// one of its machines: how it starts ranks, and the partition's time limit. From an earlier run in
/// the same directory: how long a seal took.
Result<slurm::BatchScript> site_script(const SiteRequest& request, const std::string& job_file,
                                       const std::string& mark, const Arguments& arguments,
                                       const slurm::SiteCommand& site);

}  // namespace sovren::cli
