// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/site_unit.h"

#include <algorithm>
#include <unordered_map>

#include "slurm/bridge/site_state.h"

namespace sovren::slurm {
namespace {

using Continuations = std::unordered_map<std::string, const SiteJob*>;  // by what they go on with

Continuations continuations_of(const SiteJobs& jobs) {
  Continuations next;
  for (const auto& [id, job] : jobs.jobs) {
    if (job.continues.empty()) continue;
    const SiteJob*& newest = next[job.continues];
    if (newest == nullptr || newest->submitted_at < job.submitted_at) newest = &job;
  }
  return next;
}

SiteUnit unit_of(const SiteJob& root, std::int64_t element, const Continuations& next) {
  SiteUnit unit{.root = &root, .element = element, .links = {{&root, element}}};
  if (next.empty()) return unit;
  for (;;) {
    const auto more = next.find(site_id(unit.newest()));
    if (more == next.end() || unit.links.size() > next.size()) return unit;
    unit.links.push_back({more->second, no_task});
  }
}

const SiteTask& task_of(const SiteUnit::Link& link) {
  static const SiteTask unknown;
  const auto found = link.job->tasks.find(link.task);
  return found == link.job->tasks.end() ? unknown : found->second;
}

}  // namespace

std::vector<SiteUnit> units_of(const SiteJobs& jobs) {
  std::vector<const SiteJob*> roots;
  for (const auto* some : {&jobs.jobs, &jobs.asked})
    for (const auto& [key, job] : *some)
      if (job.continues.empty()) roots.push_back(&job);
  std::ranges::stable_sort(roots, {}, [](const SiteJob* job) { return job->asked_at; });
  const Continuations next = continuations_of(jobs);
  std::vector<SiteUnit> units;
  for (const SiteJob* root : roots) {
    if (root->array_tasks == 0) units.push_back(unit_of(*root, no_task, next));
    for (std::int64_t i = 0; i < root->array_tasks; ++i) units.push_back(unit_of(*root, i, next));
  }
  return units;
}

std::string site_id(const SiteUnit::Link& link) {
  return link.job->site_job.empty() ? "" : task_id(*link.job, link.task);
}

bool is_meant(const SiteUnit& unit, std::string_view word) {
  return std::ranges::any_of(unit.links, [word](const SiteUnit::Link& link) {
    return !word.empty() && (link.job->site_job == word || site_id(link) == word);
  });
}

const SiteTask& task_of(const SiteUnit& unit) {
  return task_of(unit.newest());
}

std::string state_of(const SiteUnit& unit) {
  const SiteTask& task = task_of(unit);
  if (task.end) return task.end->state;
  if (task.seen.state.empty()) return std::string(state_name(JobState::pending));
  const auto state = site_state(task.seen.state).state;
  return state ? std::string(state_name(*state)) : task.seen.state;
}

bool has_ended(const SiteUnit& unit) {
  return task_of(unit).end.has_value();
}

int restarts_of(const SiteUnit& unit) {
  int restarts = static_cast<int>(unit.links.size()) - 1;
  for (const SiteUnit::Link& link : unit.links) restarts += task_of(link).seen.restarts;
  return restarts;
}

}  // namespace sovren::slurm
