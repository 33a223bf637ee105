// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "cli/command.h"
#include "cli/job_directory.h"
#include "core/base/result.h"
#include "core/model/state.h"
#include "slurm/bridge/allocation_here.h"
#include "slurm/bridge/chain.h"
#include "workers/launch/site_launch.h"

namespace sovren::cli {

/// The allocation of a site that a run is in, and how it starts ranks there.
struct SiteRun {
  slurm::AllocationHere allocation;
  workers::SiteLaunch launch;
};

/// By --launcher; none: local. Errors: as slurm::allocation_here() and workers::find_srun().
Result<std::optional<SiteRun>> site_run_of(const Arguments& arguments);

/// What the one node of an embedded run has: this machine, or all of the allocation. Labels say
/// where a job may run; a site has heeded them when it gave the allocation.
NodeResources resources_for(const JobSpec& spec, const std::optional<SiteRun>& site);

/// Has this very site job, or the one that it goes on with, done the work before? A node may die
/// between the end of a job and the moment at which the site hears of it; it is then started again.
Result<bool> is_done_before(const SiteRun& site, const JobDirectory& directory);

/// Step of the newest checkpoint that the job can go on from, whatever log knows of it; -1: none.
std::int64_t newest_step(const Job& job, const JobDirectory& directory);

/// The line of a run's beginning in the job's chain of allocations, and that of its end.
class ChainLink {
 public:
  /// Writes that it has begun.
  static Result<ChainLink> begin(const SiteRun& site, const Job& job, const JobDirectory& directory,
                                 Instant now);
  /// Writes that it has ended.
  Result<void> end(int exit_code, std::int64_t sealed_step, Instant now);

 private:
  ChainLink(slurm::Allocation allocation, std::string dir)
      : allocation_(std::move(allocation)), dir_(std::move(dir)) {}
  slurm::Allocation allocation_;
  std::string dir_;
};

}  // namespace sovren::cli
