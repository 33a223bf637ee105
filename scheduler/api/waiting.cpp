// SPDX-License-Identifier: Apache-2.0
// Long polls: requests that are answered once something has happened.
#include <algorithm>
#include <utility>

#include "scheduler/api/api.h"

namespace sovren::api {

Result<void> Api::wait(const Responder& responder, std::optional<JobId> job, double wait_s,
                       IsTime is_time, Look look) {
  return host_->read([=, this](const Engine& engine) {
    if (is_time(engine)) return give(engine, responder, look);
    const std::uint64_t id = ++last_waiter_;
    waiters_.push_back({id, job, responder, is_time, look});
    after(wait_s, [this, id] {
      // Refused only when the host stops, which drops all who wait.
      (void)host_->read([this, id](const Engine& now) { give_up(now, id); });
    });
  });
}

void Api::give(const Engine& engine, const Responder& responder, const Look& look) {
  if (auto words = look(engine))
    answer_later(responder, *std::move(words));
  else
    answer(responder, words.error());
}

void Api::give_up(const Engine& engine, std::uint64_t waiter) {
  const auto found = std::ranges::find(waiters_, waiter, &Waiter::id);
  if (found == waiters_.end()) return;
  const Waiter late = std::move(*found);
  waiters_.erase(found);
  give(engine, late.responder, late.look);
}

void Api::try_waiters(const Engine& engine) {
  is_any_touched_ = false;
  const std::set<JobId> touched = std::exchange(touched_, {});
  std::erase_if(waiters_, [&](const Waiter& waiter) {
    if (waiter.job && !touched.contains(*waiter.job)) return false;
    if (!waiter.is_time(engine)) return false;
    give(engine, waiter.responder, waiter.look);
    return true;
  });
}

}  // namespace sovren::api
