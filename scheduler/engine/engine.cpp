// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/engine.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/text/job_file.h"
#include "core/text/sequence.h"
#include "scheduler/engine/overload.h"

namespace sovren::engine {
namespace {

constexpr double silence_look_s = 1;  ///< how often nodes that have fallen silent are looked for
constexpr double retry_append_s = 1;  ///< a full disk is asked again so often, not in a spin

}  // namespace

Engine::Engine(EventLog& log, Launcher& launcher, Clock& clock, Config config)
    : log_(&log), launcher_(&launcher), clock_(&clock), config_(std::move(config)) {}

Result<std::unique_ptr<Engine>> Engine::open(EventLog& log, Launcher& launcher, Clock& clock,
                                             Config config) {
  std::unique_ptr<Engine> engine(new Engine(log, launcher, clock, std::move(config)));
  if (auto replayed = engine->replay(); !replayed)
    return fail(std::move(replayed).error().within("replaying the event log"));
  if (auto recovered = engine->recover(); !recovered)
    return fail(std::move(recovered).error().within("recording what the last run left behind"));
  return engine;
}

Result<void> Engine::replay() {
  looked_at_ = clock_->steady();
  SOVREN_TRY(snapshot, log_->load_snapshot());
  state_ = std::move(snapshot.state);
  warnings_ = std::move(snapshot.warnings);
  saved_at_ = marked_at_ = state_.applied.value;  // a long replay is cut short for the next time
  SOVREN_DO(log_->replay(state_.applied, [&](const Event& event) { return see(event); }));
  for (const auto& [id, job] : state_.jobs) {
    note_running(job);
    now_ = std::max({now_, job.submitted_at, job.started_at, job.seen_at, job.ended_at});
    if (!is_final(job.state)) {
      open_jobs_.add(OpenJobs::owner_of(*job.spec, job.user, config_.policy.site), job.array_job,
                     1);
      continue;
    }
    ended_.insert(id);
    ended_in_order_.emplace_back(id, job.ended_at);
  }
  std::stable_sort(ended_in_order_.begin(), ended_in_order_.end(),
                   [](const auto& a, const auto& b) { return a.second < b.second; });
  index_.rebuild(state_);
  replayed_allocations_ = state_.last_allocation;
  return {};
}

Result<void> Engine::see(const Event& event) {
  if (const auto* mark = std::get_if<StateMarked>(&event.body)) {
    if (mark->hash != state_hash(state_))
      return fail({.code = Code::storage_corrupt,
                   .what = "replayed up to event " + std::to_string(event.seq.value) +
                           ", the state is not the one that was recorded there",
                   .hint = "this is a bug, or the log was written by another version: go back to "
                           "that version, or keep a copy of the log and begin a new one (jobs go "
                           "on from their checkpoints)"});
    marked_at_ = event.seq.value;
  }
  now_ = std::max(now_, event.at);
  apply(state_, event);
  return {};
}

// lose: nothing runs under a scheduler that has just started; what did is lost, and nodes join
// anew. readopt: nodes have node_timeout_s to be heard; attempts that had been given up still are.
Result<void> Engine::recover() {
  look_at_clock();
  if (config_.pools != nullptr) pools_due_ = now_;
  const std::set<JobId> were_running = running_;
  for (const auto& [name, node] : state_.nodes)
    if (node.is_up && config_.on_restart == OnRestart::readopt) heard_[name] = clock_->steady();
  if (config_.half_life_s && *config_.half_life_s != state_.half_life_s)
    add(HalfLifeSet{*config_.half_life_s});
  if (config_.on_restart == OnRestart::readopt) {
    for (const JobId id : were_running) {
      const Job& job = state_.jobs.at(id);
      const bool is_broken = std::any_of(job.slots.begin(), job.slots.end(), [&](const Slot& slot) {
        return !state_.nodes.at(slot.node).is_up;
      });
      if (is_broken || is_given_up(job)) give_up(id);
    }
    SOVREN_DO(commit());
    effects_.clear();  // agents are told all when they say hello
    return {};
  }
  std::vector<std::string> nodes;
  for (const auto& [name, node] : state_.nodes)
    if (node.is_up) nodes.push_back(name);
  for (const std::string& node : nodes) add(NodeLeft{node, "the scheduler started anew"});
  for (const JobId id : were_running)
    add_verdict(judge_loss(state_.jobs.at(id), now_, config_.on_time_limit));
  for (auto& [id, job] : state_.jobs) {  // written by a version that could stop between the two
    if (job.state != JobState::completing) continue;
    Verdict verdict = judge_loss(job, now_, config_.on_time_limit);
    std::visit([&](auto& next) { add(std::move(next)); }, verdict.next);
  }
  return commit();
}

// Time never goes back here: where the wall clock was set back, it is waited for at half speed, so
// that neither jobs nor deadlines stand still until then.
Instant Engine::time() const {
  const double elapsed_s = std::max(0.0, clock_->steady() - looked_at_);
  return std::max(clock_->now(), now_ + elapsed_s / 2);
}

void Engine::look_at_clock() {
  now_ = time();
  looked_at_ = clock_->steady();
}

void Engine::note_running(const Job& job) {
  if (job.state == JobState::running)
    running_.insert(job.id);
  else
    running_.erase(job.id);
}

void Engine::add(EventBody body) {
  count_open(body);
  draft_.add(now_, std::move(body));
  std::visit(
      [&](const auto& event) {
        using Body = std::decay_t<decltype(event)>;
        if constexpr (requires { event.job; }) changed_jobs_.insert(event.job);
        if constexpr (requires { event.jobs; })
          changed_jobs_.insert(event.jobs.begin(), event.jobs.end());
        if constexpr (std::is_same_v<Body, AttemptStarted>)
          running_.insert(event.job);
        else if constexpr (requires { event.node; })
          changed_nodes_.insert(event.node);
        if constexpr (requires { event.allocation; }) note_allocation_changed(event.allocation);
        if constexpr (std::is_same_v<Body, AttemptEnded>) {
          running_.erase(event.job);
          for (const Slot& slot : state_.jobs.at(event.job).slots)
            changed_nodes_.insert(slot.node);  // its failures are counted
        }
      },
      draft_.newest().body);
}

// The drafts are rolled back: what is kept beside the state follows.
void Engine::undo() {
  is_decided_ = false;
  drafted_.clear();
  for (const Count& count : std::exchange(counted_, {}))
    open_jobs_.add(count.owner, count.array, -count.jobs);
  for (const auto& [id, was] : draft_.touched_jobs()) {
    changed_jobs_.insert(id);
    if (const auto job = state_.jobs.find(id); job != state_.jobs.end())
      note_running(job->second);
    else
      running_.erase(id);
  }
  for (const auto& [name, was] : draft_.touched_nodes()) changed_nodes_.insert(name);
  for (const auto& [id, was] : draft_.touched_allocations()) note_allocation_changed(id);
  note_pools_changed();
  refresh_index();
  for (auto& [id, closing] : closing_) closing.is_asked = false;
  std::erase_if(closing_, [&](const auto& entry) {
    const auto& [id, closing] = entry;
    return !closing.exited && closing.gone.empty() && !is_given_up(state_.jobs.at(id));
  });
}

Result<void> Engine::commit() {
  const std::vector<JobRecord> ended = records();
  auto events = draft_.commit(*log_, ended);
  if (!events) {
    undo();
    return fail(std::move(events).error());
  }
  if (!events->empty()) {
    is_decided_ = false;
    note_pools_changed();
  }
  for (const Event& event : *events) publish(event);
  effects_.insert(effects_.end(), std::make_move_iterator(drafted_.begin()),
                  std::make_move_iterator(drafted_.end()));
  drafted_.clear();
  counted_.clear();
  return {};
}

Result<void> Engine::turn(double timeout_s) {
  run_effects();
  for (AttemptNews& news : launcher_->poll(wait_s(timeout_s))) take(std::move(news));
  take_pool_news();

  look_at_clock();
  check_silence();
  for (const AttemptNews& news : inbox_) record(news);
  for (const PoolNews& news : pool_inbox_) record(news);
  if (!is_decided_ || !draft_.is_empty() || wait_s(1) == 0) decide();
  const bool has_pool_acted = decide_pools();
  forget_some();
  mark_state();
  auto committed = commit();
  has_append_failed_ = !committed;
  if (!committed) return fail(std::move(committed).error().within("recording a turn"));
  inbox_.clear();
  pool_inbox_.clear();
  is_decided_ = !has_pool_acted;
  run_effects();
  tell_pools();
  const auto every =
      std::max(config_.snapshot_every_events, static_cast<std::int64_t>(state_.jobs.size()));
  if (state_.applied.value - saved_at_ >= every) (void)save_snapshot();
  return {};
}

// Those that are gone first: others may have waited for them, or they for others.
void Engine::refresh_index() {
  for (const std::string& node : std::exchange(changed_nodes_, {}))
    index_.update_node(state_, node);
  const std::set<JobId> changed = std::exchange(changed_jobs_, {});
  for (const JobId job : changed)
    if (!state_.jobs.contains(job)) index_.update_job(state_, job);
  for (const JobId job : changed)
    if (state_.jobs.contains(job)) index_.update_job(state_, job);
}

// Once more after each end of a job that can never start: others may have waited for it.
void Engine::decide() {
  bool is_settled = false;
  while (!is_settled) {
    refresh_index();
    plan_ = policy::decide(state_, index_, now_, config_.policy);
    for (const policy::Action& action : plan_.actions) act(action);
    is_settled = std::none_of(plan_.actions.begin(), plan_.actions.end(), [](const auto& action) {
      return std::holds_alternative<policy::End>(action);
    });
  }
  refresh_index();
}

policy::Reason Engine::reason_of(JobId job) const {
  return policy::reason_of(state_, index_, job, now_, config_.policy);
}

policy::Explanation Engine::explain(JobId job) const {
  return policy::explain(state_, index_, job, now_, config_.policy);
}

double Engine::wait_s(double timeout_s) const {
  if (has_append_failed_) return std::min(timeout_s, retry_append_s);
  if (!is_decided_ || !inbox_.empty() || !pool_inbox_.empty() || !draft_.is_empty()) return 0;
  if (!heard_.empty()) timeout_s = std::min(timeout_s, silence_look_s);
  if (pools_due_) timeout_s = std::clamp(*pools_due_ - time(), 0.0, std::max(timeout_s, 0.0));
  if (!plan_.wake_at) return timeout_s;
  return std::clamp(*plan_.wake_at - time(), 0.0, std::max(timeout_s, 0.0));
}

const Job* Engine::running(JobId id, int attempt) const {
  const auto found = state_.jobs.find(id);
  if (found == state_.jobs.end()) return nullptr;
  const Job& job = found->second;
  return job.state == JobState::running && job.attempts == attempt ? &job : nullptr;
}

void Engine::act(const policy::Action& action) {
  std::visit(
      Overload{[&](const policy::Start& start) {
                 const int attempt = state_.jobs.at(start.job).attempts + 1;
                 add(AttemptStarted{start.job, attempt, start.slots.front().node, start.ranks,
                                    start.slots.size() > 1 ? start.slots : std::vector<Slot>()});
               },
               [&](const policy::Stop& stop) {
                 add(StopRequested{stop.job, stop.request, stop.by});
               },
               [&](const policy::End& end) {
                 add(JobEnded{.job = end.job, .state = JobState::cancelled, .why = end.why});
               },
               [&](const policy::Drain& drain) {
                 add(NodeDrained{drain.node, drain.why, std::string(by_breaker)});
               }},
      action);
}

// The event is durable: note what it makes us do, then tell.
void Engine::publish(const Event& event) {
  std::visit(Overload{[&](const AttemptStarted& e) {
                        live_[e.job] = Live{.attempt = e.attempt};
                        effects_.push_back({e.job, e.attempt, StartEffect{}});
                      },
                      [&](const StopRequested& e) {
                        if (e.by == by_node_loss) return;  // its nodes are told one by one
                        const int attempt = state_.jobs.at(e.job).attempts;
                        effects_.push_back({e.job, attempt, e.request});
                      },
                      [&](const CheckpointSealed& e) {
                        effects_.push_back({e.job, e.attempt, AcknowledgeEffect{e.step}});
                      },
                      [&](const AttemptEnded& e) { closing_.erase(e.job); },
                      [&](const JobRequeued& e) { ended_.erase(e.job); },
                      [&](const JobEnded& e) {
                        ended_.insert(e.job);
                        ended_in_order_.emplace_back(e.job, event.at);
                      },
                      [&](const JobsForgotten& e) {
                        for (const JobId job : e.jobs) ended_.erase(job), live_.erase(job);
                      },
                      [&](const StateMarked&) { marked_at_ = event.seq.value; },
                      [&](const NodeJoined& e) {
                        joining_.erase(e.node);
                        if (const auto pool = e.resources.labels.find(std::string(pool_label));
                            pool != e.resources.labels.end())
                          pool_memory_.troubles.erase(pool->second);
                        if (config_.on_restart == OnRestart::readopt)
                          heard_[e.node] = clock_->steady();
                      },
                      [&](const NodeLeft& e) { heard_.erase(e.node); }, [](const auto&) {}},
             event.body);
  if (on_event) on_event(event);
}

// Each is tried once a turn, in order, until it succeeds or its attempt is over.
void Engine::run_effects() {
  std::deque<Effect> left;
  for (Effect& effect : std::exchange(effects_, {})) {
    const bool is_of_any = std::holds_alternative<EndEffect>(effect.what);
    if (!is_of_any && running(effect.job, effect.attempt) == nullptr) continue;
    if (auto done = run_effect(effect); !done) {
      warn(effect.job, to_text(done.error()));
      left.push_back(std::move(effect));
    }
  }
  effects_.insert(effects_.begin(), std::make_move_iterator(left.begin()),
                  std::make_move_iterator(left.end()));
}

Result<void> Engine::run_effect(const Effect& effect) {
  return std::visit(
      Overload{
          [&](const StartEffect&) { return start(state_.jobs.at(effect.job)); },
          [&](const AcknowledgeEffect& e) {
            return launcher_->acknowledge_seal(effect.job, effect.attempt, e.step);
          },
          [&](Request request) { return launcher_->request(effect.job, effect.attempt, request); },
          [&](const EndEffect& e) { return launcher_->end_on(e.node, effect.job, effect.attempt); },
          [&](const AssistEffect& e) { return launcher_->assist(e.node, e.order); },
          [&](const TellHeadEffect& e) {
            return launcher_->tell_head(state_.jobs.at(effect.job).node(), e.order);
          }},
      effect.what);
}

// A launch that fails is an attempt that ended at once, with the exit code of its error.
Result<void> Engine::start(const Job& job) {
  const Resources& resources = job.spec->resources;
  for (const Slot& slot : job.slots) {
    const int cpus = state_.nodes.at(slot.node).resources.cpus;
    if (slot.ranks * std::max(1, resources.cpus_per_rank) > cpus)
      warn(job.id, std::to_string(slot.ranks) + " ranks share the " + std::to_string(cpus) +
                       " cores of " + slot.node);
  }
  AttemptOrder order{.job = job.id,
                     .attempt = job.attempts,
                     .ranks = job.ranks,
                     .node = job.node(),
                     .slots = job.slots,
                     .user = job.user,
                     .dir = job.dir,
                     .oldest_set_job = job.oldest_set_job,
                     .mtbf_s = policy::mtbf_s(state_, job, config_.policy),
                     .array_job = job.array_job,
                     .element = job.element};
  auto spec =
      job.element < 0 ? Result<JobSpec>(*job.spec) : text::expand_element(*job.spec, job.element);
  Result<void> started;
  if (spec) {
    order.spec = *std::move(spec);
    if (job.element >= 0) order.sequence = text::sequence_stem(*job.spec, job.element).value_or("");
    started = launcher_->start(order);
  } else {
    started = fail(std::move(spec).error());
  }
  if (!started)
    inbox_.push_back({job.id, job.attempts,
                      AttemptExited{rank_exit_code(started.error().code), started.error()},
                      job.node()});
  return {};
}

}  // namespace sovren::engine
