// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/site_request.h"
#include "core/base/result.h"
#include "slurm/bridge/ledger.h"
#include "slurm/bridge/site_command.h"

namespace sovren::cli {

/// What came of a submission.
struct SiteSubmission {
  std::string site_job;  ///< the site's id, "1234"
  std::string script;    ///< path of the batch script that was handed in
  std::vector<std::string> warnings;
};

/// Hands the job to the site: job.toml (the resolved job), job.sbatch and logs/ in its directory, a
/// line in the ledger, sbatch, another line. When the site refuses, all is as it was before.
///
/// Errors   refused: by the site, in its own words; or a site job that has not ended has this
///          directory. unreachable: no sbatch here, or no slurmctld. timed_out: it is not known
///          whether the site took it; nothing is taken back. storage_io.
Result<SiteSubmission> submit_to_site(const SiteRequest& request, const Arguments& arguments,
                                      slurm::Ledger& ledger, const slurm::SiteCommand& site);

/// What the site would say to a script (`sbatch --test-only`, with these options); nothing changes.
/// Errors as above.
Result<std::string> try_at_site(const std::string& script, const std::vector<std::string>& options,
                                const slurm::SiteCommand& site);

/// Hands a script of the site's own (is_site_script) to sbatch as it is, with these options of
/// sbatch; returns its id. What becomes of it is the site's: the ledger does not know it.
Result<std::string> pass_to_site(const JobText& script, const std::vector<std::string>& options,
                                 const slurm::SiteCommand& site);

/// Where the ledger is: $SOVREN_HOME/slurm/jobs.jsonl.
Result<std::string> ledger_path();

}  // namespace sovren::cli
