// SPDX-License-Identifier: Apache-2.0
#include "cli/site_run.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/checkpoint/checkpoint_set.h"
#include "workers/launch/machine.h"

namespace sovren::cli {
namespace {

using By = workers::SiteLaunch::By;

}  // namespace

Result<std::optional<SiteRun>> site_run_of(const Arguments& arguments) {
  const std::string launcher = arguments.text("launcher");
  if (launcher.empty() || launcher == "local") return std::optional<SiteRun>();
  SOVREN_TRY(allocation, slurm::allocation_here());
  SiteRun site{
      .allocation = std::move(allocation),
      .launch = {.by = launcher == "srun" ? By::srun : By::mpirun, .srun = {}, .nodes = 1}};
  site.launch.nodes = site.allocation.nodes;
  if (site.launch.by == By::srun) {
    SOVREN_TRY(srun, workers::find_srun());
    site.launch.srun = std::move(srun);
  }
  return std::optional<SiteRun>(std::move(site));
}

NodeResources resources_for(const JobSpec& spec, const std::optional<SiteRun>& site) {
  if (!site) return workers::discover_machine();
  NodeResources all = site->allocation.resources;
  all.labels = spec.labels;
  return all;
}

Result<bool> is_done_before(const SiteRun& site, const JobDirectory& directory) {
  SOVREN_TRY(chain, slurm::read_chain(directory.path()));
  return std::any_of(chain.begin(), chain.end(), [&](const slurm::Allocation& before) {
    const bool is_ours =
        before.site_job == site.allocation.site_job || before.site_job == site.allocation.continues;
    return is_ours && before.end && before.end->exit_code == exit_done;
  });
}

std::int64_t newest_step(const Job& job, const JobDirectory& directory) {
  std::int64_t step = job.sealed_step;
  std::vector<storage::RejectedSet> unreadable;
  if (const auto sets = storage::list_sets(directory.checkpoints(), unreadable))
    for (const storage::SetInfo& set : *sets)
      if (set.header.job >= job.oldest_set_job) step = std::max(step, set.header.step);
  return step;
}

Result<ChainLink> ChainLink::begin(const SiteRun& site, const Job& job,
                                   const JobDirectory& directory, Instant now) {
  ChainLink link({.site_job = site.allocation.site_job,
                  .restart = site.allocation.restart,
                  .continues = site.allocation.continues,
                  .nodes = site.allocation.nodes,
                  .ranks = job.spec->resources.ranks,
                  .launcher = site.launch.by == By::srun ? "srun" : "mpirun",
                  .began_at = now,
                  .step = newest_step(job, directory),
                  .end = {}},
                 directory.path());
  SOVREN_DO(slurm::append_to_chain(link.dir_, link.allocation_));
  return link;
}

Result<void> ChainLink::end(int exit_code, std::int64_t sealed_step, Instant now) {
  allocation_.end = {{.ended_at = now, .exit_code = exit_code, .sealed_step = sealed_step}};
  return slurm::append_to_chain(dir_, allocation_);
}

}  // namespace sovren::cli
