// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/engine.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace sovren::engine {
namespace {

constexpr double retry_append_s = 1;  ///< a full disk is asked again so often, not in a spin

template <class... Fs>
struct Overload : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overload(Fs...) -> Overload<Fs...>;

std::string job_text(JobId job) {
  return "job " + std::to_string(job.value);
}

Error no_such_job(JobId job) {
  return {.code = Code::not_found, .what = "there is no " + job_text(job)};
}

bool is_same(const NodeResources& a, const NodeResources& b) {
  return a.cpus == b.cpus && a.gpus == b.gpus && a.memory_bytes == b.memory_bytes &&
         a.labels == b.labels;
}

void add_verdict(Draft& draft, Verdict verdict) {
  draft.add(std::move(verdict.ended));
  std::visit([&](auto& next) { draft.add(std::move(next)); }, verdict.next);
}

}  // namespace

Result<Engine> Engine::open(EventLog& log, Launcher& launcher, Clock& clock, Config config) {
  Engine engine(log, launcher, clock, config);
  auto replayed = log.replay([&](const Event& event) -> Result<void> {
    apply(engine.state_, event);
    return {};
  });
  if (!replayed) return fail(std::move(replayed).error().within("replaying the event log"));
  if (auto recovered = engine.recover(); !recovered)
    return fail(std::move(recovered).error().within("recording what the last run left behind"));
  return engine;
}

// Nothing runs under a scheduler that has just started: what did is lost, and nodes join anew.
Result<void> Engine::recover() {
  const Instant now = clock_->now();
  Draft draft(state_, now);
  std::vector<JobId> lost;
  std::vector<std::string> nodes;
  for (const auto& [id, job] : state_.jobs)
    if (job.state == JobState::running || job.state == JobState::completing) lost.push_back(id);
  for (const auto& [name, node] : state_.nodes)
    if (node.is_up) nodes.push_back(name);
  for (const JobId id : lost) {
    const Job& job = state_.jobs.at(id);
    Verdict verdict = judge_loss(job, now, config_.on_time_limit);
    if (job.state == JobState::running)
      add_verdict(draft, std::move(verdict));
    else
      std::visit([&](auto& next) { draft.add(std::move(next)); }, verdict.next);
  }
  for (const std::string& node : nodes) draft.add(NodeLeft{node, "the scheduler started anew"});
  return commit(draft);
}

Result<JobId> Engine::submit(Submission submission) {
  std::vector<Submission> one;
  one.push_back(std::move(submission));
  SOVREN_TRY(jobs, submit(std::move(one)));
  return jobs.front();
}

Result<std::vector<JobId>> Engine::submit(std::vector<Submission> submissions) {
  Draft draft(state_, clock_->now());
  std::vector<JobId> jobs;
  for (Submission& s : submissions) {
    if (!s.dir.starts_with('/'))
      return fail(
          {.code = Code::usage, .what = "the job directory '" + s.dir + "' is not absolute"});
    if (!s.spec.begin.empty())
      if (auto begin = parse_utc(s.spec.begin); !begin)
        return fail(std::move(begin).error().within("reading `begin`"));
    SOVREN_DO(policy::can_ever_run(s.spec, state_));
    const JobId job{std::max(state_.last_job, config_.last_job_before.value) + 1};
    const JobId oldest = s.oldest_set_job.value == 0 ? job : s.oldest_set_job;
    draft.add(JobSubmitted{job, std::move(s.user), std::move(s.dir), std::move(s.spec_digest),
                           std::move(s.spec), oldest});
    jobs.push_back(job);
  }
  if (auto committed = commit(draft); !committed)
    return fail(std::move(committed).error().within("submitting a job"));
  return jobs;
}

Result<void> Engine::request(JobId id, Request request, const std::string& by) {
  const auto found = state_.jobs.find(id);
  if (found == state_.jobs.end()) return fail(no_such_job(id));
  const Job& job = found->second;
  const auto refuse = [&](const std::string& why) {
    return fail({.code = Code::refused,
                 .what = job_text(id) + " is " + std::string(state_name(job.state)) + ": " + why});
  };
  if (is_final(job.state)) return refuse("it has ended");
  Draft draft(state_, clock_->now());
  if (job.state == JobState::running) {
    draft.add(StopRequested{id, request, by});
  } else if (request == Request::cancel || request == Request::kill) {
    draft.add(StopRequested{id, request, by});
    draft.add(JobEnded{.job = id, .state = JobState::cancelled, .why = "cancelled by " + by});
  } else if (request == Request::stop) {
    if (job.is_held) return {};
    draft.add(StopRequested{id, request, by});
  } else {
    return refuse("only a running job can " +
                  std::string(request == Request::preempt ? "be preempted" : "seal a checkpoint"));
  }
  return commit(draft);
}

Result<void> Engine::release(JobId id, const std::string& by) {
  const auto found = state_.jobs.find(id);
  if (found == state_.jobs.end()) return fail(no_such_job(id));
  if (found->second.state != JobState::pending)
    return fail({.code = Code::refused,
                 .what = job_text(id) + " is " + std::string(state_name(found->second.state)) +
                         ": only a PENDING job can be released"});
  const Instant now = clock_->now();
  Draft draft(state_, now);
  draft.add(
      JobRequeued{.job = id, .not_before = now, .counted = false, .why = "released by " + by});
  return commit(draft);
}

Result<void> Engine::join_node(const std::string& name, const NodeResources& resources) {
  const auto found = state_.nodes.find(name);
  if (found != state_.nodes.end() && found->second.is_up &&
      is_same(found->second.resources, resources))
    return {};
  Draft draft(state_, clock_->now());
  draft.add(NodeJoined{name, resources});
  return commit(draft);
}

Result<void> Engine::turn(double timeout_s) {
  run_effects();
  for (AttemptNews& news : launcher_->poll(wait_s(timeout_s))) take(std::move(news));

  const Instant now = clock_->now();
  Draft draft(state_, now);
  for (const AttemptNews& news : inbox_) record(news, draft);
  policy::Plan plan = policy::decide(state_, now, config_.policy);
  for (const policy::Action& action : plan.actions) act(action, draft);

  auto committed = commit(draft);
  has_append_failed_ = !committed;
  if (!committed) return fail(std::move(committed).error().within("recording a turn"));
  inbox_.clear();
  plan_ = std::move(plan);
  is_decided_ = true;
  run_effects();
  return {};
}

double Engine::wait_s(double timeout_s) const {
  if (has_append_failed_) return std::min(timeout_s, retry_append_s);
  if (!is_decided_ || !inbox_.empty()) return 0;
  if (!plan_.wake_at) return timeout_s;
  return std::clamp(*plan_.wake_at - clock_->now(), 0.0, std::max(timeout_s, 0.0));
}

const Job* Engine::running(JobId id, int attempt) const {
  const auto found = state_.jobs.find(id);
  if (found == state_.jobs.end()) return nullptr;
  const Job& job = found->second;
  return job.state == JobState::running && job.attempts == attempt ? &job : nullptr;
}

void Engine::warn(JobId job, const std::string& text) {
  std::vector<std::string>& warnings = live_[job].warnings;
  const bool is_known = std::find(warnings.begin(), warnings.end(), text) != warnings.end();
  if (!is_known && warnings.size() < live_warnings_max) warnings.push_back(text);
}

// Live, at once; and into the inbox what is to be recorded. News of an attempt that is over, or of
// another, are dropped: a later one has taken over.
void Engine::take(AttemptNews news) {
  if (running(news.job, news.attempt) == nullptr) return;
  Live& live = live_[news.job];
  const bool is_recorded = std::visit(
      Overload{[](const AttemptExited&) { return true; }, [](const AssistAsked&) { return false; },
               [](const AssistEnded&) { return false; }, [](const AttemptGone&) { return false; },
               [&](const RankReport& report) {
                 return std::visit(Overload{[&](const ReportStarted& r) {
                                              live.backend = r.backend;
                                              live.devices = r.devices;
                                              return false;
                                            },
                                            [&](const ReportProgress& r) {
                                              live.progress = r.progress;
                                              return false;
                                            },
                                            [&](const ReportWarning& r) {
                                              warn(news.job, r.text);
                                              return false;
                                            },
                                            [&](const ReportFailed& r) {
                                              live.failed = r.error;
                                              return false;
                                            },
                                            [&](const ReportFinished& r) {
                                              live.finished = r;
                                              return false;
                                            },
                                            [&](const ReportRejected& r) {
                                              warn(news.job, "checkpoint set " + r.set +
                                                                 " was put aside: " + r.why);
                                              return true;
                                            },
                                            [](const ReportSealed&) { return true; },
                                            [](const ReportRestored&) { return true; }},
                                   report);
               }},
      news.what);
  if (is_recorded) inbox_.push_back(std::move(news));
}

void Engine::record(const AttemptNews& news, Draft& draft) const {
  const Job* job = running(news.job, news.attempt);
  if (job == nullptr) return;
  if (const auto* exited = std::get_if<AttemptExited>(&news.what)) {
    add_verdict(
        draft, judge_exit(*job, *exited, live_.at(news.job), clock_->now(), config_.on_time_limit));
    return;
  }
  const RankReport& report = std::get<RankReport>(news.what);
  if (const auto* sealed = std::get_if<ReportSealed>(&report))
    draft.add(CheckpointSealed{news.job, news.attempt, sealed->step, sealed->size_bytes,
                               sealed->seal_s, sealed->blocked_s});
  else if (const auto* restored = std::get_if<ReportRestored>(&report))
    draft.add(CheckpointRestored{news.job, news.attempt, restored->step, restored->restore_s});
  else if (const auto* rejected = std::get_if<ReportRejected>(&report))
    draft.add(CheckpointRejected{news.job, news.attempt, rejected->set, rejected->why});
}

void Engine::act(const policy::Action& action, Draft& draft) const {
  std::visit(
      Overload{[&](const policy::Start& start) {
                 const int attempt = state_.jobs.at(start.job).attempts + 1;
                 draft.add(AttemptStarted{start.job, attempt, start.slots.front().node, start.ranks,
                                          start.slots});
               },
               [&](const policy::Stop& stop) {
                 draft.add(StopRequested{stop.job, stop.request, stop.by});
               },
               [&](const policy::End& end) {
                 draft.add(JobEnded{.job = end.job, .state = JobState::cancelled, .why = end.why});
               },
               [&](const policy::Drain& drain) {
                 draft.add(NodeDrained{drain.node, drain.why, std::string(by_breaker)});
               }},
      action);
}

Result<void> Engine::commit(Draft& draft) {
  SOVREN_TRY(events, draft.commit(*log_));
  if (!events.empty()) is_decided_ = false;
  for (const Event& event : events) publish(event);
  return {};
}

// The event is durable: note what it makes us do, then tell.
void Engine::publish(const Event& event) {
  if (const auto* started = std::get_if<AttemptStarted>(&event.body)) {
    live_[started->job] = Live{.attempt = started->attempt};
    effects_.push_back({started->job, started->attempt, StartEffect{}});
  } else if (const auto* asked = std::get_if<StopRequested>(&event.body)) {
    effects_.push_back({asked->job, state_.jobs.at(asked->job).attempts, asked->request});
  } else if (const auto* sealed = std::get_if<CheckpointSealed>(&event.body)) {
    effects_.push_back({sealed->job, sealed->attempt, AcknowledgeEffect{sealed->step}});
  }
  if (on_event) on_event(event);
}

// Each is tried once a turn, in order, until it succeeds or its attempt is over.
void Engine::run_effects() {
  std::deque<Effect> left;
  for (Effect& effect : std::exchange(effects_, {})) {
    if (running(effect.job, effect.attempt) == nullptr) continue;
    if (auto done = run_effect(effect); !done) {
      warn(effect.job, to_text(done.error()));
      left.push_back(std::move(effect));
    }
  }
  effects_.insert(effects_.begin(), left.begin(), left.end());
}

Result<void> Engine::run_effect(const Effect& effect) {
  return std::visit(
      Overload{
          [&](const StartEffect&) { return start(state_.jobs.at(effect.job)); },
          [&](const AcknowledgeEffect& e) {
            return launcher_->acknowledge_seal(effect.job, effect.attempt, e.step);
          },
          [&](Request request) { return launcher_->request(effect.job, effect.attempt, request); }},
      effect.what);
}

// A launch that fails is an attempt that ended at once, with the exit code of its error.
Result<void> Engine::start(const Job& job) {
  const Resources& resources = job.spec->resources;
  const auto node = state_.nodes.find(job.node());
  const int cores = job.ranks * std::max(1, resources.cpus_per_rank);
  if (node != state_.nodes.end() && cores > node->second.resources.cpus)
    warn(job.id, std::to_string(job.ranks) + " ranks share the " +
                     std::to_string(node->second.resources.cpus) + " cores of " + job.node());
  auto started = launcher_->start({.job = job.id,
                                   .attempt = job.attempts,
                                   .ranks = job.ranks,
                                   .node = job.node(),
                                   .slots = job.slots,
                                   .user = job.user,
                                   .dir = job.dir,
                                   .oldest_set_job = job.oldest_set_job,
                                   .mtbf_s = policy::mtbf_s(state_, config_.policy),
                                   .spec = *job.spec,
                                   .array_job = job.array_job,
                                   .element = job.element});
  if (!started) {
    const int exit_code = rank_exit_code(started.error().code);
    inbox_.push_back({job.id, job.attempts, AttemptExited{exit_code, started.error()}});
  }
  return {};
}

}  // namespace sovren::engine
