// SPDX-License-Identifier: Apache-2.0
// What keeps the log replayable and the state small: hashes of the state, and jobs forgotten.
#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/text/record_json.h"
#include "scheduler/engine/engine.h"

namespace sovren::engine {

// Of the jobs that what is drafted ends.
std::vector<JobRecord> Engine::records() const {
  std::set<JobId> ended;
  for (const Event& event : draft_.events())
    if (const auto* end = std::get_if<JobEnded>(&event.body)) ended.insert(end->job);
  std::vector<JobRecord> records;
  for (const JobId id : ended)
    if (const auto job = state_.jobs.find(id);
        job != state_.jobs.end() && is_final(job->second.state))
      records.push_back(text::job_record(job->second));
  return records;
}

// Before the event is applied.
void Engine::count_open(const EventBody& body) {
  const auto count = [&](const JobSpec& spec, const std::string& user, JobId array, int jobs) {
    counted_.push_back({OpenJobs::owner_of(spec, user, config_.policy.site), array, jobs});
    open_jobs_.add(counted_.back().owner, array, jobs);
  };
  if (const auto* e = std::get_if<JobSubmitted>(&body)) {
    count(e->spec ? *e->spec : *state_.specs.at(e->spec_id).spec, e->user, e->array_job, 1);
  } else if (const auto* ended = std::get_if<JobEnded>(&body)) {
    const Job& job = state_.jobs.at(ended->job);
    count(*job.spec, job.user, job.array_job, -1);
  } else if (const auto* requeued = std::get_if<JobRequeued>(&body)) {
    const Job& job = state_.jobs.at(requeued->job);
    if (is_final(job.state)) count(*job.spec, job.user, job.array_job, 1);
  }
}

// Tried once for each stretch of events: a disk that is full now may not be the next time.
Result<void> Engine::save_snapshot() {
  SOVREN_CHECK(draft_.is_empty(), "a snapshot holds what is durable");
  saved_at_ = state_.applied.value;
  return log_->save_snapshot(state_);
}

// The oldest ended jobs beyond those that are kept, some at a time.
void Engine::forget_some() {
  const std::int64_t some = std::clamp<std::int64_t>(config_.ended_jobs_kept / 20, 1, 500);
  const auto count = static_cast<std::int64_t>(ended_.size());
  if (count < config_.ended_jobs_kept + some) return;
  JobsForgotten forgotten;
  for (std::size_t looked_at = ended_in_order_.size();
       looked_at > 0 && static_cast<std::int64_t>(forgotten.jobs.size()) < some; --looked_at) {
    const auto [id, at] = ended_in_order_.front();
    ended_in_order_.pop_front();
    const auto job = state_.jobs.find(id);
    const bool is_newest_end = ended_.contains(id) && job != state_.jobs.end() &&
                               is_final(job->second.state) && job->second.ended_at == at;
    if (!is_newest_end) continue;
    ended_in_order_.emplace_back(id, at);  // until it is forgotten for good
    // Of an array all or none, so that it can still be waited for as a whole.
    const JobId array = job->second.array_job;
    if (!index_.is_awaited(job->second) && !open_jobs_.has_open_elements(array))
      forgotten.jobs.push_back(id);
  }
  if (!forgotten.jobs.empty()) add(std::move(forgotten));
}

void Engine::mark_state() {
  const auto every =
      std::max(config_.mark_every_events, static_cast<std::int64_t>(state_.jobs.size()));
  if (!draft_.is_empty() && state_.applied.value - marked_at_ >= every)
    add(StateMarked{state_hash(state_)});
}

}  // namespace sovren::engine
