// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/policy.h"

#include <algorithm>

#include "scheduler/policy/explain.h"
#include "scheduler/policy/gate.h"
#include "scheduler/policy/index.h"
#include "scheduler/policy/limits.h"
#include "scheduler/policy/schedule.h"

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

void plan_stop(Plan& plan, const State& state, Stop stop, Instant now, const PolicyConfig& config) {
  const Job told = after_request(state.jobs.at(stop.job), stop, now);
  wake_by(plan, check_limits(told, now, config).wake_at);
  plan.actions.emplace_back(std::move(stop));
}

void plan_limits(Plan& plan, const State& state, const Index& index, Instant now,
                 const PolicyConfig& config) {
  for (const auto& [at, id] : index.checks()) {
    if (at > now) {
      wake_by(plan, at);
      break;
    }
    const Job& job = state.jobs.at(id);
    const LimitCheck check = check_limits(job, now, config);
    if (!check.stop) {
      wake_by(plan, check.wake_at);
      continue;
    }
    plan_stop(plan, state, *check.stop, now, config);
  }
}

// A reservation begins, or a node ends: who must go makes room, in time to seal.
void plan_windows(Plan& plan, const State& state, const Index& index, Instant now,
                  const PolicyConfig& config) {
  const Windows windows(index.view(), config, now);
  if (windows.is_empty()) return;
  for (const auto& [id, running] : index.view().running()) {
    if (running.is_stopping || !running.ask.can_preempt) continue;
    const auto leave = windows.must_leave(running);
    if (!leave) continue;
    const Job& job = state.jobs.at(id);
    const Instant stop_at = leave->at + -(2 * expected_seal_s(job, config) + config.stop_margin_s);
    if (stop_at <= now)
      plan_stop(plan, state, {id, Request::preempt, std::string(leave->by)}, now, config);
    else
      wake_by(plan, stop_at);
  }
}

void plan_nodes(Plan& plan, const State& state, const Index& index) {
  for (const std::string& name : index.failing())
    plan.actions.emplace_back(Drain{
        name, std::to_string(state.nodes.at(name).failures) + " attempts in a row failed there"});
}

void plan_starts(Plan& plan, const State& state, const Index& index, Instant now,
                 const PolicyConfig& config) {
  const View& view = index.view();
  const Schedule schedule =
      make_schedule(view, config, {.usage = &state.usage, .half_life_s = state.half_life_s}, now);
  for (const JobId victim : schedule.preempted)
    plan_stop(plan, state, {victim, Request::preempt, std::string(by_policy)}, now, config);
  for (const Choice& choice : schedule.choices) {
    Start start{.job = choice.job, .ranks = choice.placement.ranks};
    for (const Share& share : choice.placement.shares)
      start.slots.push_back({view.nodes()[static_cast<std::size_t>(share.node)].name, share.ranks});
    plan.actions.emplace_back(std::move(start));
    Job started = state.jobs.at(choice.job);
    started.started_at = now;
    wake_by(plan, check_limits(started, now, config).wake_at);
  }
  wake_by(plan, schedule.wake_at);
}

// Others may have waited for a job that starts or ends here: then there is more to do at once.
bool has_consequences(const Plan& plan, const State& state, const Index& index) {
  return std::any_of(plan.actions.begin(), plan.actions.end(), [&](const Action& action) {
    const auto* start = std::get_if<Start>(&action);
    const auto* end = std::get_if<End>(&action);
    if (end != nullptr) return index.awaits_names() || index.is_awaited(state.jobs.at(end->job));
    return start != nullptr && index.is_awaited(state.jobs.at(start->job));
  });
}

}  // namespace

Plan decide(const State& state, Index& index, Instant now, const PolicyConfig& config) {
  index.advance(state, now);
  Plan plan;
  plan_limits(plan, state, index, now, config);
  {
    const Index::Foreseen limits(index, state, now, plan.actions);
    plan_windows(plan, state, index, now, config);
  }
  plan_nodes(plan, state, index);
  for (const auto& [job, why] : index.impossible()) plan.actions.emplace_back(End{job, why});
  const Index::Foreseen done(index, state, now, plan.actions);
  plan_starts(plan, state, index, now, config);
  wake_by(plan, index.next_begin());
  if (has_consequences(plan, state, index)) wake_by(plan, now);
  return plan;
}

Plan decide(const State& state, Instant now, const PolicyConfig& config) {
  Index index(config);
  index.rebuild(state);
  Plan plan = decide(state, index, now, config);
  State after = state;  // as it will be: a reason tells what is free then
  const auto happens = [&](EventBody body) {
    apply(after, {.seq = {after.applied.value + 1}, .at = now, .body = std::move(body)});
  };
  for (const Action& action : plan.actions) {
    if (const auto* start = std::get_if<Start>(&action))
      happens(AttemptStarted{start->job, after.jobs.at(start->job).attempts + 1,
                             start->slots.front().node, start->ranks, start->slots});
    if (const auto* end = std::get_if<End>(&action))
      happens(JobEnded{end->job, JobState::cancelled, end->why, ""});
  }
  index.rebuild(after);
  index.advance(after, now);
  for (const auto& [id, job] : after.jobs)
    if (job.state == JobState::pending)
      plan.reasons[id] = reason_of(after, index, id, now, config).text;
  return plan;
}

double mtbf_s(const State& state, const Job& job, const PolicyConfig& config) {
  const auto others = static_cast<double>(state.totals.breakdowns - job.breakdowns);
  const double others_s = std::max(0.0, state.totals.node_s - job.node_s);
  const double pool_s = (config.mtbf_prior_s + others_s) / (1 + std::max(0.0, others));
  const double node_s = (mtbf_pool_failures * pool_s + job.node_s) /
                        (mtbf_pool_failures + static_cast<double>(job.breakdowns));
  return node_s / static_cast<double>(std::max<std::size_t>(1, job.slots.size()));
}

}  // namespace sovren::policy
