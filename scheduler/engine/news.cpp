// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "scheduler/engine/engine.h"
#include "scheduler/engine/overload.h"

namespace sovren::engine {

void Engine::warn(JobId job, const std::string& text) {
  std::vector<std::string>& warnings = live_[job].warnings;
  const bool is_known = std::find(warnings.begin(), warnings.end(), text) != warnings.end();
  if (!is_known && warnings.size() < live_warnings_max) warnings.push_back(text);
}

// Live, at once; and into the inbox what is to be recorded. News of an attempt that is over, or of
// another, are dropped: a later one has taken over.
void Engine::take(AttemptNews news) {
  const bool is_gone = std::holds_alternative<AttemptGone>(news.what);
  const bool is_end = is_gone || std::holds_alternative<AttemptExited>(news.what);
  if (is_gone || (is_end && joining_.contains(news.node))) return inbox_.push_back(std::move(news));
  const Job* job = running(news.job, news.attempt);
  if (job == nullptr) {
    if (!news.node.empty() && std::holds_alternative<RankReport>(news.what))
      effects_.push_back({news.job, news.attempt, EndEffect{news.node}});  // it runs, and must not
    return;
  }
  if (news.node.empty()) news.node = job->node();
  const bool is_of_head = news.node == job->node();
  if (std::holds_alternative<AssistEnded>(news.what) ||
      std::holds_alternative<AssistAsked>(news.what))
    return relay(news, *job);
  if (!is_of_head) return;  // an assistant does not speak for the attempt
  const auto* report = std::get_if<RankReport>(&news.what);
  const bool is_recorded = report == nullptr || take_report(news, *report);
  if (report != nullptr && on_report) on_report(news);
  if (is_recorded) inbox_.push_back(std::move(news));
}

// Is there something to record of it?
bool Engine::take_report(const AttemptNews& news, const RankReport& report) {
  Live& live = live_[news.job];
  live.attempt = news.attempt;
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
                             [&](const ReportPreview& r) {
                               live.preview = r.path;
                               return false;
                             },
                             [&](const ReportRejected& r) {
                               warn(news.job, "checkpoint " + r.set + " is not used: " + r.why);
                               return true;
                             },
                             [](const ReportSealed&) { return true; },
                             [](const ReportRestored&) { return true; }},
                    report);
}

// Between the agents of one attempt: not recorded, for a launch that is cut short fails by itself.
void Engine::relay(const AttemptNews& news, const Job& job) {
  const auto slot_on = [&](const std::string& node) {
    return std::find_if(job.slots.begin(), job.slots.end(),
                        [&](const Slot& slot) { return slot.node == node; });
  };
  if (closing_.contains(job.id)) return;
  if (const auto* ended = std::get_if<AssistEnded>(&news.what)) {
    if (slot_on(news.node) != job.slots.end())
      effects_.push_back(
          {job.id, job.attempts, TellHeadEffect{{job.id, job.attempts, news.node, *ended}}});
    return;
  }
  const auto& asked = std::get<AssistAsked>(news.what);
  if (news.node != job.node()) return;
  const auto slot = slot_on(asked.node);
  if (slot == job.slots.end()) {
    const AssistEnded no{asked.launch, rank_exit_code(Code::mismatch),
                         "node " + asked.node + " is not one of this attempt's"};
    effects_.push_back(
        {job.id, job.attempts, TellHeadEffect{{job.id, job.attempts, asked.node, no}}});
    return;
  }
  const Resources& r = job.spec->resources;
  effects_.push_back({job.id, job.attempts,
                      AssistEffect{asked.node,
                                   {.job = job.id,
                                    .attempt = job.attempts,
                                    .launch = asked.launch,
                                    .command = asked.command,
                                    .head = job.node(),
                                    .user = job.user,
                                    .dir = job.dir,
                                    .ranks = slot->ranks,
                                    .cpus_per_rank = r.cpus_per_rank,
                                    .gpus_per_rank = r.gpus_per_rank,
                                    .memory_per_rank_bytes = r.memory_per_rank_bytes}}});
}

void Engine::record(const AttemptNews& news) {
  const bool is_gone = std::holds_alternative<AttemptGone>(news.what);
  if (is_gone || std::holds_alternative<AttemptExited>(news.what)) note_stray_gone(news);
  if (is_gone) return note_gone(news);
  const Job* job = running(news.job, news.attempt);
  if (job == nullptr) return;
  if (const auto* exited = std::get_if<AttemptExited>(&news.what)) {
    Closing& closing = closing_[news.job];
    closing.attempt = news.attempt;
    closing.exited = *exited;
    closing.gone.insert(job->node());
    return close(news.job);
  }
  record_report(news, *job);
}

// An agent that was not answered tells again after a restart: steps only grow within an attempt,
// and what it restored comes before what it seals.
void Engine::record_report(const AttemptNews& news, const Job& job) {
  const RankReport& report = std::get<RankReport>(news.what);
  const bool has_sealed = job.sealed_step > job.step_at_start;
  if (const auto* sealed = std::get_if<ReportSealed>(&report)) {
    if (has_sealed && sealed->step <= job.sealed_step) return;
    add(CheckpointSealed{news.job, news.attempt, sealed->step, sealed->size_bytes, sealed->seal_s,
                         sealed->blocked_s, sealed->slowdown_s, sealed->skipped, sealed->plan});
  } else if (const auto* restored = std::get_if<ReportRestored>(&report)) {
    if (has_sealed) return;
    add(CheckpointRestored{news.job, news.attempt, restored->step, restored->restore_s});
  } else if (const auto* rejected = std::get_if<ReportRejected>(&report)) {
    add(CheckpointRejected{news.job, news.attempt, rejected->set, rejected->why});
  }
}

}  // namespace sovren::engine
