// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/snapshot.h"

namespace sovren::api {

JobSnapshot snapshot(const engine::Engine& engine, const Job& job) {
  JobSnapshot shot{.job = job, .reason = {.text = job.why}};
  if (job.state == JobState::pending) shot.reason = engine.reason_of(job.id);
  if (const auto live = engine.live().find(job.id); live != engine.live().end())
    shot.live = live->second;
  return shot;
}

ArrayCount count_elements(const engine::Engine& engine, JobId array) {
  ArrayCount count;
  const auto& jobs = engine.state().jobs;
  for (auto job = jobs.lower_bound(array); job != jobs.end() && job->second.array_job == array;
       ++job) {
    ++count.elements;
    ++count.states[job->second.state];
  }
  return count;
}

Result<const Job*> find_job(const engine::Engine& engine, JobId id) {
  const auto found = engine.state().jobs.find(id);
  if (found != engine.state().jobs.end()) return &found->second;
  return fail({.code = Code::not_found,
               .what = "there is no job " + std::to_string(id.value),
               .hint = id.value <= engine.state().last_job
                           ? "it ended long ago: sovren history has a line of it"
                           : "sovren jobs lists those there are"});
}

}  // namespace sovren::api
