// SPDX-License-Identifier: Apache-2.0
#include "scheduler/sim/simulate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>
#include <set>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "core/model/checkpoint_interval.h"
#include "scheduler/policy/schedule.h"

namespace sovren::sim {
namespace {

using policy::Ask;
using policy::View;

constexpr int predicted_from = 5;  ///< a user's last run times
constexpr int repair_job_base = 1 << 30;

Instant at_s(double seconds) {
  return {static_cast<std::int64_t>(std::llround(seconds * 1000))};
}

policy::PolicyConfig config_of(const SimConfig& sim) {
  policy::PolicyConfig config;
  config.order = sim.policy->order;
  config.backfill = sim.policy->backfill;
  config.reservations_max = std::numeric_limits<int>::max();
  config.preemption = {.is_on = sim.policy->preempts,
                       .quantum_s = sim.quantum_s,
                       .cost_prior_s = sim.checkpoint_cost_s};
  return config;
}

class Machine {
 public:
  Machine(const std::vector<TraceJob>& trace, int procs, const SimConfig& sim)
      : trace_(trace),
        procs_(procs),
        sim_(sim),
        config_(config_of(sim)),
        view_(config_.site, config_.order),
        random_(sim.seed, 7) {
    view_.set_nodes(
        {{.name = "pool", .resources = {.cpus = procs}, .room = policy::idle_room(procs, 0, 0)}});
    runs_.resize(trace.size());
    result_.procs = procs;
    result_.jobs.reserve(trace.size());
    for (std::size_t i = 0; i < trace.size(); ++i) {
      const TraceJob& job = trace[i];
      result_.jobs.push_back({.submit_s = job.submit_s, .run_s = job.run_s, .procs = job.procs});
      runs_[i].left_s = static_cast<double>(job.run_s);
    }
    if (sim.mtbf_s > 0) plan_failure(trace.front().submit_s * 1000);
  }

  SimResult run() {
    while (ended_ < trace_.size()) {
      now_ = next_moment();
      end_all();
      while (arrived_ < trace_.size() &&
             at_s(static_cast<double>(trace_[arrived_].submit_s)) <= now_)
        arrive(arrived_++);
      decide();
    }
    return std::move(result_);
  }

 private:
  struct Run {
    double left_s = 0;      ///< work to do, with what preemptions added
    double attained_s = 0;  ///< run so far, all attempts
    Instant started;
    int attempt = 0;  ///< counts; an end of an earlier one is stale
    bool is_running = false;
  };
  struct Ending {
    Instant at;
    int job;
    int attempt;
    bool operator>(const Ending& o) const {
      return std::tuple(at, job, attempt) > std::tuple(o.at, o.job, o.attempt);
    }
  };

  static JobId id_of(std::size_t job) { return {static_cast<std::int64_t>(job) + 1}; }
  static std::size_t job_of(JobId id) { return static_cast<std::size_t>(id.value - 1); }

  Instant next_moment() {
    Instant next{std::numeric_limits<std::int64_t>::max()};
    if (arrived_ < trace_.size()) next = at_s(static_cast<double>(trace_[arrived_].submit_s));
    while (!endings_.empty() && is_stale(endings_.top())) endings_.pop();
    if (!endings_.empty()) next = std::min(next, endings_.top().at);
    if (wake_at_) next = std::min(next, *wake_at_);
    if (next_failure_) next = std::min(next, *next_failure_);
    SOVREN_CHECK(next.ms != std::numeric_limits<std::int64_t>::max(), "every job ends");
    return next;
  }

  bool is_stale(const Ending& ending) const {
    if (ending.job >= repair_job_base) return false;
    const Run& run = runs_[static_cast<std::size_t>(ending.job)];
    return !run.is_running || run.attempt != ending.attempt;
  }

  void end_all() {
    while (!endings_.empty() && endings_.top().at <= now_) {
      const Ending ending = endings_.top();
      endings_.pop();
      if (is_stale(ending)) continue;
      view_.remove({std::int64_t{ending.job} + 1});
      if (ending.job >= repair_job_base) continue;
      const auto job = static_cast<std::size_t>(ending.job);
      stop_clock(job);
      result_.jobs[job].end_s = static_cast<double>(now_.ms) / 1000;
      ++ended_;
      learn(job);
    }
    if (next_failure_ && *next_failure_ <= now_) fail_one();
  }

  // The attempt is over; what it did counts.
  double stop_clock(std::size_t job) {
    Run& run = runs_[job];
    const double ran_s = now_ - run.started;
    run.attained_s += ran_s;
    run.left_s = std::max(0.0, run.left_s - ran_s);
    run.is_running = false;
    charge(job, ran_s);
    if (sim_.keeps_attempts)
      result_.attempts.push_back({static_cast<int>(job), static_cast<double>(run.started.ms) / 1000,
                                  static_cast<double>(now_.ms) / 1000});
    return ran_s;
  }

  void charge(std::size_t job, double ran_s) {
    if (config_.order != policy::Order::multifactor) return;
    Usage& usage = usage_[{"", std::to_string(trace_[job].user)}];
    usage = decayed(usage, now_, sim_.half_life_s);
    usage.cpu_s += ran_s * trace_[job].procs;
  }

  // A user's job has ended: those that wait are expected to run as long as the longest of the last.
  void learn(std::size_t job) {
    const int user = trace_[job].user;
    if (!sim_.policy->predicts || user < 0) return;
    std::vector<std::int64_t>& last = last_runs_[user];
    last.push_back(trace_[job].run_s);
    if (last.size() > predicted_from) last.erase(last.begin());
    for (const std::size_t waiting : waiting_of_[user]) wait(waiting);
  }

  double estimate_s(std::size_t job) const {
    const TraceJob& trace = trace_[job];
    double estimate = static_cast<double>(trace.request_s);
    if (sim_.policy->predicts && trace.user >= 0)
      if (const auto last = last_runs_.find(trace.user); last != last_runs_.end())
        estimate = std::min(estimate, static_cast<double>(*std::max_element(last->second.begin(),
                                                                            last->second.end())));
    return std::max(1.0, estimate);
  }

  Ask ask_of(std::size_t job) {
    const TraceJob& trace = trace_[job];
    Ask ask;
    const auto [shape, is_new] = shapes_.try_emplace(trace.procs, 0);
    if (is_new) {
      const Resources resources{.ranks = trace.procs, .oversubscribe = Oversubscribe::no};
      shape->second = view_.shape({resources, {}, ""});
    }
    ask.shape = shape->second;
    if (config_.order == policy::Order::multifactor)
      ask.owner = view_.owner({"", std::to_string(trace.user), "", ""});
    else
      ask.owner = view_.owner({});
    ask.estimate_s = estimate_s(job);
    ask.attained_s = runs_[job].attained_s;
    ask.can_preempt = sim_.policy->preempts;
    return ask;
  }

  void arrive(std::size_t job) {
    wait(job);
    if (sim_.policy->predicts) waiting_of_[trace_[job].user].insert(job);
  }

  void wait(std::size_t job) {
    view_.wait({at_s(static_cast<double>(trace_[job].submit_s)), id_of(job)}, ask_of(job));
  }

  void decide() {
    wake_at_.reset();
    if (view_.waiting_count() == 0) return;
    ++result_.passes;
    const policy::Uses uses{.usage = &usage_, .half_life_s = sim_.half_life_s};
    policy::Schedule schedule = policy::make_schedule(view_, config_, uses, now_);
    for (const JobId victim : schedule.preempted) preempt(job_of(victim));
    for (const auto* starts : {&schedule.choices, &schedule.claims})
      for (const policy::Choice& choice : *starts) start(job_of(choice.job), choice.placement);
    if (sim_.policy->preempts) wake_at_ = schedule.wake_at;
  }

  void preempt(std::size_t job) {
    stop_clock(job);
    runs_[job].left_s += sim_.checkpoint_cost_s;
    result_.jobs[job].preemptions += 1;
    wait(job);
  }

  void start(std::size_t job, const policy::Placement& placement) {
    Run& run = runs_[job];
    run.started = now_;
    run.is_running = true;
    run.attempt += 1;
    const Instant end = now_ + std::max(0.001, run.left_s);
    endings_.push({end, static_cast<int>(job), run.attempt});
    if (result_.jobs[job].first_start_s < 0)
      result_.jobs[job].first_start_s = static_cast<double>(now_.ms) / 1000;
    const Ask ask = ask_of(job);
    view_.start({.job = id_of(job),
                 .ask = ask,
                 .submitted = at_s(static_cast<double>(trace_[job].submit_s)),
                 .shares = placement.shares,
                 .ranks = placement.ranks,
                 .started_at = now_,
                 .expected_end = now_ + ask.estimate_s,
                 .limit_end = now_ + static_cast<double>(trace_[job].request_s)});
    if (sim_.policy->predicts) waiting_of_[trace_[job].user].erase(job);
  }

  void plan_failure(std::int64_t from_ms) {
    const double gap_s = -std::log(random_.uniform(draws_++)) * sim_.mtbf_s / procs_;
    next_failure_ = Instant{from_ms} + std::max(0.001, gap_s);
  }

  // A processor, drawn from all: one that is in use takes its job with it.
  void fail_one() {
    plan_failure(now_.ms);
    std::uint64_t drawn = random_.below(draws_++, static_cast<std::uint64_t>(procs_));
    for (const auto& [id, job] : view_.running()) {
      const auto held = static_cast<std::uint64_t>(job.ranks);
      if (drawn >= held) {
        drawn -= held;
        continue;
      }
      if (id.value > repair_job_base) return;  // it is away already
      lose(job_of(id));
      break;
    }
    const std::int64_t repair = std::int64_t{repair_job_base} + repairs_++;
    const Instant back = now_ + sim_.repair_s;
    const Resources one{.ranks = 1, .oversubscribe = Oversubscribe::no};
    Ask ask{.shape = view_.shape({one, {}, ""}), .owner = view_.owner({})};
    ask.estimate_s = sim_.repair_s;
    view_.start({.job = {repair + 1},
                 .ask = ask,
                 .shares = {{0, 1}},
                 .ranks = 1,
                 .started_at = now_,
                 .expected_end = back,
                 .limit_end = back});
    endings_.push({back, static_cast<int>(repair), 0});
  }

  void lose(std::size_t job) {
    Run& run = runs_[job];
    const double left_s = run.left_s;
    const double ran_s = stop_clock(job);
    const double interval_s =
        sim_.checkpoint_interval_s > 0
            ? sim_.checkpoint_interval_s
            : daly_interval_s(sim_.checkpoint_cost_s, sim_.mtbf_s / trace_[job].procs);
    const double lost_s =
        sim_.policy->preempts && interval_s > 0 ? std::fmod(ran_s, interval_s) : ran_s;
    run.left_s = left_s - (ran_s - lost_s);
    if (!sim_.policy->preempts) run.left_s = static_cast<double>(trace_[job].run_s);
    result_.jobs[job].failures += 1;
    view_.remove(id_of(job));
    arrive(job);
  }

  const std::vector<TraceJob>& trace_;
  int procs_;
  const SimConfig& sim_;
  policy::PolicyConfig config_;
  View view_;
  Philox random_;
  std::uint64_t draws_ = 0;
  std::vector<Run> runs_;
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> endings_;
  std::map<int, int> shapes_;
  std::map<int, std::vector<std::int64_t>> last_runs_;
  std::map<int, std::set<std::size_t>> waiting_of_;
  std::map<Association, Usage> usage_;
  Instant now_;
  std::optional<Instant> wake_at_;
  std::optional<Instant> next_failure_;
  std::int64_t repairs_ = 0;
  std::size_t arrived_ = 0;
  std::size_t ended_ = 0;
  SimResult result_;
};

}  // namespace

SimResult simulate(const std::vector<TraceJob>& jobs, int procs, const SimConfig& config) {
  SOVREN_CHECK(config.policy != nullptr && !jobs.empty(), "a simulation has a policy and jobs");
  return Machine(jobs, procs, config).run();
}

}  // namespace sovren::sim
