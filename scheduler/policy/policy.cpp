// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/policy.h"

#include <algorithm>
#include <tuple>

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
    } else if (job.spec->resources.nodes > 1) {
      plan.reasons[id] = "needs " + std::to_string(job.spec->resources.nodes) + " nodes, " +
                         std::to_string(state.nodes.size()) +
                         " known; this version places a job on one node";
    } else {
      eligible.push_back(&job);
    }
  }
  std::stable_sort(eligible.begin(), eligible.end(), [](const Job* a, const Job* b) {
    return a->spec->priority > b->spec->priority;  // ids rise already
  });
  return eligible;
}

/// All of a request that placement looks at.
using Shape = std::tuple<int, int, int, int, int, std::int64_t, Backend, Oversubscribe>;

Shape shape_of(const Resources& r) {
  return {r.ranks,         r.ranks_min.value_or(0), r.ranks_max.value_or(0),
          r.cpus_per_rank, r.gpus_per_rank,         r.memory_per_rank_bytes,
          r.backend,       r.oversubscribe};
}

void plan_starts(Plan& plan, const State& state, Instant now, const PolicyConfig& config) {
  const std::vector<const Job*> eligible = eligible_jobs(plan, state, now);
  std::vector<Room> rooms = rooms_of(state);
  // Room only shrinks in a pass, so what has found none is not asked for again: a full queue costs
  // its distinct requests times the nodes, not its jobs.
  std::map<Shape, std::vector<JobId>> waiting;
  const Growth growth = eligible.size() == 1 ? Growth::up_to_ranks_max : Growth::up_to_ranks;
  for (const Job* job : eligible) {
    const Resources& resources = job->spec->resources;
    if (const auto known = waiting.find(shape_of(resources)); known != waiting.end()) {
      known->second.push_back(job->id);
      continue;
    }
    const auto placement = place(resources, growth, rooms);
    if (!placement) {
      waiting[shape_of(resources)].push_back(job->id);
      continue;
    }
    Room& room = rooms[placement->room];
    room.take(resources, placement->ranks);
    plan.actions.emplace_back(Start{job->id, room.node, placement->ranks});
    Job started = *job;
    started.started_at = now;
    wake_by(plan, check_limits(started, now, config).wake_at);
  }
  for (const auto& [shape, jobs] : waiting) {
    const std::string reason = why_not_placed(state.jobs.at(jobs.front()).spec->resources, rooms);
    for (const JobId job : jobs) plan.reasons[job] = reason;
  }
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
