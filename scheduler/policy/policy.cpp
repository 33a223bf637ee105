// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/policy.h"

#include <algorithm>

#include "scheduler/policy/explain.h"
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
    plan.actions.emplace_back(*check.stop);
    wake_by(plan, check_limits(after_request(job, *check.stop, now), now, config).wake_at);
  }
}

// A reservation begins: who is not let in makes room, in time to seal.
void plan_windows(Plan& plan, const State& state, const Index& index, Instant now,
                  const PolicyConfig& config) {
  if (config.site.reservations.empty()) return;
  for (const auto& [id, running] : index.view().running()) {
    if (running.is_stopping || !running.ask.can_preempt) continue;
    const auto leave = must_leave_at(index.view(), config, running, now);
    if (!leave) continue;
    const Job& job = state.jobs.at(id);
    const Instant stop_at = *leave + -(2 * expected_seal_s(job, config) + config.stop_margin_s);
    if (stop_at <= now && job.stop_requested) continue;
    if (stop_at <= now)
      plan.actions.emplace_back(Stop{id, Request::preempt, std::string(by_policy)});
    else
      wake_by(plan, stop_at);
  }
}

void plan_nodes(Plan& plan, const State& state, const PolicyConfig& config) {
  if (config.breaker_failures <= 0) return;
  for (const auto& [name, node] : state.nodes)
    if (node.failures >= config.breaker_failures && !node.is_drained())
      plan.actions.emplace_back(
          Drain{name, std::to_string(node.failures) + " attempts in a row failed there"});
}

void plan_starts(Plan& plan, const State& state, const Index& index, Instant now,
                 const PolicyConfig& config) {
  const View& view = index.view();
  const Schedule schedule =
      make_schedule(view, config, {.usage = &state.usage, .half_life_s = state.half_life_s}, now);
  for (const JobId victim : schedule.preempted)
    plan.actions.emplace_back(Stop{victim, Request::preempt, std::string(by_policy)});
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

}  // namespace

Plan decide(const State& state, Index& index, Instant now, const PolicyConfig& config) {
  index.advance(state, now);
  Plan plan;
  plan_limits(plan, state, index, now, config);
  plan_windows(plan, state, index, now, config);
  plan_nodes(plan, state, config);
  for (const auto& [job, why] : index.impossible()) plan.actions.emplace_back(End{job, why});
  plan_starts(plan, state, index, now, config);
  wake_by(plan, index.next_begin());
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

double mtbf_s(const State& state, const PolicyConfig& config) {
  return (config.mtbf_prior_s + state.totals.run_s) /
         (1.0 + static_cast<double>(state.totals.breakdowns));
}

}  // namespace sovren::policy
