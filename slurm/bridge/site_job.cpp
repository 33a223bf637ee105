// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/site_job.h"

#include <algorithm>

namespace sovren::slurm {
namespace {

const std::string comment_start = "sovren:";

struct Fold {
  SiteJobs& all;
  Instant at;

  SiteJob* find(const std::string& site_job) {
    const auto found = all.jobs.find(site_job);
    return found == all.jobs.end() ? nullptr : &found->second;
  }

  void operator()(const SiteAsked& e) {
    all.asked[e.nonce] = {.nonce = e.nonce,
                          .name = e.name,
                          .dir = e.dir,
                          .job_file = e.job_file,
                          .user = e.user,
                          .array_tasks = e.array_tasks,
                          .asked_at = at};
  }
  void operator()(const SiteSubmitted& e) {
    auto asked = all.asked.extract(e.nonce);
    if (!asked || e.site_job.empty()) return;
    asked.mapped().site_job = e.site_job;
    asked.mapped().submitted_at = at;
    asked.mapped().continues = e.continues;
    asked.mapped().element = e.element;
    all.jobs.insert_or_assign(e.site_job, std::move(asked.mapped()));
  }
  void operator()(const SiteWithdrawn& e) { all.asked.erase(e.nonce); }
  void operator()(const SiteSeen& e) {
    SiteJob* job = find(e.site_job);
    if (job == nullptr) return;
    job->tasks[e.task] = {.seen = e.sight, .end = {}};
    job->tasks[e.task].seen.at = at;
  }
  void operator()(const SiteEnded& e) {
    SiteJob* job = find(e.site_job);
    if (job == nullptr) return;
    job->tasks[e.task].end = e.end;
    job->tasks[e.task].end->at = at;
  }
  void operator()(const SiteContinued& e) {
    const SiteJob* from = find(e.from);
    if (from == nullptr || e.to.empty() || find(e.to) != nullptr) return;
    SiteJob next = *from;
    if (from->array_tasks > 0 && e.task != no_task) {
      next.dir = dir_of(*from, e.task);
      next.element = e.task;
      next.array_tasks = 0;
    }
    next.site_job = e.to;
    next.submitted_at = at;
    next.continues = task_id(*from, e.task);
    next.tasks.clear();
    all.jobs.emplace(e.to, std::move(next));
  }
};

}  // namespace

void apply(SiteJobs& jobs, const SiteRecord& record) {
  std::visit(Fold{jobs, record.at}, record.body);
}

std::vector<SiteRecord> records_of(const SiteJob& job) {
  std::vector<SiteRecord> records{{job.asked_at, SiteAsked{.nonce = job.nonce,
                                                           .name = job.name,
                                                           .dir = job.dir,
                                                           .job_file = job.job_file,
                                                           .user = job.user,
                                                           .array_tasks = job.array_tasks}}};
  if (job.site_job.empty()) return records;
  records.push_back(
      {job.submitted_at, SiteSubmitted{job.nonce, job.site_job, job.continues, job.element}});
  for (const auto& [number, task] : job.tasks) {
    if (!task.seen.state.empty())
      records.push_back({task.seen.at, SiteSeen{job.site_job, number, task.seen}});
    if (task.end) records.push_back({task.end->at, SiteEnded{job.site_job, number, *task.end}});
  }
  return records;
}

std::vector<SiteRecord> records_of(const SiteJobs& jobs) {
  std::vector<SiteRecord> records;
  for (const auto* some : {&jobs.jobs, &jobs.asked})
    for (const auto& [key, job] : *some)
      for (SiteRecord& record : records_of(job)) records.push_back(std::move(record));
  return records;
}

bool is_open(const SiteJob& job) {
  const auto ended = std::ranges::count_if(
      job.tasks, [](const auto& entry) { return entry.second.end.has_value(); });
  return ended < std::max<std::int64_t>(1, job.array_tasks);
}

const SiteJob* open_in(const SiteJobs& jobs, std::string_view dir) {
  for (const auto* some : {&jobs.jobs, &jobs.asked})
    for (const auto& [key, job] : *some)
      if (job.dir == dir && is_open(job)) return &job;
  return nullptr;
}

std::string comment_of(std::string_view nonce) {
  return comment_start + std::string(nonce);
}

std::string nonce_in(std::string_view comment) {
  if (!comment.starts_with(comment_start)) return "";
  comment.remove_prefix(comment_start.size());
  return std::string(comment.substr(0, comment.find(' ')));
}

std::string task_id(std::string_view site_job, std::int64_t task) {
  return std::string(site_job) + (task == no_task ? "" : "_" + std::to_string(task));
}

std::string task_id(const SiteJob& job, std::int64_t task) {
  return task_id(job.site_job, job.element == no_task ? task : job.element);
}

std::string dir_of(const SiteJob& job, std::int64_t task) {
  return job.dir + (task == no_task ? "" : "/" + std::to_string(task));
}

}  // namespace sovren::slurm
