// SPDX-License-Identifier: Apache-2.0
// What keeps the log replayable and the state small: hashes of the state, and jobs forgotten.
#include <algorithm>
#include <utility>

#include "scheduler/engine/engine.h"

namespace sovren::engine {

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
    if (!index_.is_awaited(id)) forgotten.jobs.push_back(id);
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
