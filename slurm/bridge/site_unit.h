// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "slurm/bridge/site_job.h"

namespace sovren::slurm {

/// A job as its user means it: what was submitted, or one element of its array, with all site jobs
/// that went on with it. Points into the SiteJobs that it was made of.
struct SiteUnit {
  const SiteJob* root = nullptr;
  std::int64_t element = no_task;  ///< of root's array
  struct Link {
    const SiteJob* job = nullptr;
    std::int64_t task = no_task;
  };
  std::vector<Link> links;  ///< never empty; the newest is last

  const Link& newest() const { return links.back(); }
};

/// All of them: by submission, then by element.
std::vector<SiteUnit> units_of(const SiteJobs& jobs);

/// Id of a link as the site shows it; empty: the site has not said it yet.
std::string site_id(const SiteUnit::Link& link);
/// Is this "12", or "12_3", one of its site jobs, or the array that it is of?
bool is_meant(const SiteUnit& unit, std::string_view word);

/// How the newest link is; of a task that nothing is known of yet: empty.
const SiteTask& task_of(const SiteUnit& unit);
/// Name of a JobState, vanished, not_listed, or the site's own text where it means nothing to us.
std::string state_of(const SiteUnit& unit);
bool has_ended(const SiteUnit& unit);
/// How often it has come back: requeued by the site, or continued by another site job.
int restarts_of(const SiteUnit& unit);

}  // namespace sovren::slurm
