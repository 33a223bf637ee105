// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/policy.h"

#include <algorithm>

#include "scheduler/policy/limits.h"
#include "scheduler/policy/placement.h"

namespace sovren::policy {
namespace {

void wake_by(Plan& plan, std::optional<Instant> at) {
  if (at && (!plan.wake_at || *at < *plan.wake_at)) plan.wake_at = at;
}

// The job as it will be once the request is in the log, so that its next deadline is planned now.
Job after_request(Job job, const Stop& stop, Instant now) {
  if (stop.request == Request::kill) {
    job.kill_requested_at = now;
  } else {
    job.stop_requested = stop.request;
    job.stop_requested_at = now;
  }
  return job;
}

void plan_limits(Plan& plan, const State& state, Instant now, const PolicyConfig& config) {
  for (const auto& [id, job] : state.jobs) {
    if (job.state != JobState::running) continue;
    const LimitCheck check = check_limits(job, now, config);
    if (!check.stop) {
      wake_by(plan, check.wake_at);
      continue;
    }
    plan.actions.emplace_back(*check.stop);
    wake_by(plan, check_limits(after_request(job, *check.stop, now), now, config).wake_at);
  }
}

std::string why_not_yet(const Job& job) {
  const std::string until = "waits until " + format_utc(job.not_before);
  return job.why.empty() ? until + ", its begin time" : until + ": " + job.why;
}

std::string why_held(const Job& job) {
  return job.why.empty() ? "held; release it to start it" : job.why + "; release it to go on";
}

// PENDING jobs that could start if there is room, in order; the others get their reason.
std::vector<const Job*> eligible_jobs(Plan& plan, const State& state, Instant now) {
  std::vector<const Job*> eligible;
  for (const auto& [id, job] : state.jobs) {
    if (job.state != JobState::pending) continue;
    if (job.is_held) {
      plan.reasons[id] = why_held(job);
    } else if (job.not_before > now) {
      plan.reasons[id] = why_not_yet(job);
      wake_by(plan, job.not_before);
    } else if (job.spec.resources.nodes > 1) {
      plan.reasons[id] = "needs " + std::to_string(job.spec.resources.nodes) + " nodes, " +
                         std::to_string(state.nodes.size()) +
                         " known; this version places a job on one node";
    } else {
      eligible.push_back(&job);
    }
  }
  std::stable_sort(eligible.begin(), eligible.end(), [](const Job* a, const Job* b) {
    return a->spec.priority > b->spec.priority;  // ids rise already
  });
  return eligible;
}

void plan_starts(Plan& plan, const State& state, Instant now, const PolicyConfig& config) {
  const std::vector<const Job*> eligible = eligible_jobs(plan, state, now);
  std::vector<Room> rooms = rooms_of(state);
  std::vector<const Job*> waiting;
  const Growth growth = eligible.size() == 1 ? Growth::up_to_ranks_max : Growth::up_to_ranks;
  for (const Job* job : eligible) {
    const Resources& resources = job->spec.resources;
    const auto placement = place(resources, growth, rooms);
    if (!placement) {
      waiting.push_back(job);
      continue;
    }
    Room& room = rooms[placement->room];
    room.take(resources, placement->ranks);
    plan.actions.emplace_back(Start{job->id, room.node, placement->ranks});
    Job started = *job;
    started.started_at = now;
    wake_by(plan, check_limits(started, now, config).wake_at);
  }
  for (const Job* job : waiting) plan.reasons[job->id] = why_not_placed(job->spec.resources, rooms);
}

}  // namespace

Plan decide(const State& state, Instant now, const PolicyConfig& config) {
  Plan plan;
  plan_limits(plan, state, now, config);
  plan_starts(plan, state, now, config);
  return plan;
}

double mtbf_s(const State& state, const PolicyConfig& config) {
  return (config.mtbf_prior_s + state.totals.run_s) /
         (1.0 + static_cast<double>(state.totals.breakdowns));
}

}  // namespace sovren::policy
