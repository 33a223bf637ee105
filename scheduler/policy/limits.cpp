// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/limits.h"

#include <algorithm>
#include <string>

namespace sovren::policy {

double expected_seal_s(const Job& job, const PolicyConfig& config) {
  return job.seals > 0 ? job.seal_s / job.seals : config.seal_prior_s;
}

namespace {

struct Deadline {
  Instant at;
  std::string by;
};

void keep_earlier(std::optional<Deadline>& kept, Instant at, std::string_view by) {
  if (!kept || at < kept->at) kept = Deadline{at, std::string(by)};
}

// When the attempt is killed, given the requests that stand.
std::optional<Deadline> kill_deadline(const Job& job, std::optional<Request> standing,
                                      Instant asked_at, const PolicyConfig& config) {
  if (job.kill_requested_at) return std::nullopt;  // it has been
  std::optional<Deadline> deadline;
  if (const auto limit_s = job.spec->resources.time_limit_s)
    keep_earlier(deadline, job.started_at + (*limit_s + config.grace_s), by_time_limit);
  if (standing == Request::cancel) keep_earlier(deadline, asked_at + config.grace_s, by_grace);
  if (standing == Request::preempt)
    keep_earlier(deadline, asked_at + (2 * expected_seal_s(job, config) + config.grace_s),
                 by_grace);
  return deadline;
}

}  // namespace

double stop_lead_s(const Job& job, double time_limit_s, const PolicyConfig& config) {
  if (const auto* command = std::get_if<CommandSpec>(&job.spec->kind)) {
    if (command->signal_lead_s) return std::min(*command->signal_lead_s, 0.5 * time_limit_s);
    if (command->checkpoint_signal.empty()) return 0;  // its time is its own to the end
  }
  const double seal_s = 2 * expected_seal_s(job, config) + config.stop_margin_s;
  return std::min(std::max(seal_s, 0.01 * time_limit_s), 0.5 * time_limit_s);
}

LimitCheck check_limits(const Job& job, Instant now, const PolicyConfig& config) {
  LimitCheck check;
  const auto kill = kill_deadline(job, job.stop_requested, job.stop_requested_at, config);
  if (kill && kill->at <= now) {
    check.stop = Stop{job.id, Request::kill, kill->by};
    return check;
  }
  if (kill) check.wake_at = kill->at;
  const auto limit_s = job.spec->resources.time_limit_s;
  if (!limit_s || job.stop_requested || job.kill_requested_at) return check;
  const Instant stop_at = job.started_at + (*limit_s - stop_lead_s(job, *limit_s, config));
  if (stop_at <= now)
    check.stop = Stop{job.id, Request::stop, std::string(by_time_limit)};
  else
    check.wake_at = std::min(check.wake_at.value_or(stop_at), stop_at);
  return check;
}

}  // namespace sovren::policy
