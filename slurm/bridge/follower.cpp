// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/follower.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "slurm/bridge/job_folder.h"
#include "slurm/bridge/site_state.h"

namespace sovren::slurm {
namespace {

// Elements that one query of accounting may name, so that it stays within an argument's 128 KiB.
constexpr std::size_t accounts_max = 8'000;

// A site that does not say how often it has requeued a job is counted along.
int restarts_of(const SiteRow& row, const SiteTask& before, const SiteState& state) {
  if (row.restarts) return *row.restarts;
  const auto was = site_state(before.seen.state).state;
  const bool has_run = was && *was != JobState::pending;
  return before.seen.restarts + (has_run && state.state == JobState::pending ? 1 : 0);
}

}  // namespace

Follower::Follower(Ledger& ledger, SiteCommand command, Clock& clock, FollowerSettings settings)
    : ledger_(ledger), query_(std::move(command)), clock_(clock), settings_(settings) {}

bool Follower::has_work() const {
  const SiteJobs& all = ledger_.jobs();
  return !all.asked.empty() ||
         std::ranges::any_of(all.jobs, [](const auto& entry) { return is_open(entry.second); });
}

void Follower::note_trouble(const Error& error, FollowerTick& tick) {
  tick.next_s = settings_.tick_s;
  for (int i = 0; i < failures_ && tick.next_s < settings_.backoff_max_s; ++i) tick.next_s *= 2;
  tick.next_s = std::min(tick.next_s, settings_.backoff_max_s);
  if (failures_++ == 0)
    tick.news.push_back("the site does not say how its jobs are: " + to_text(error));
  trouble_ = error.what;
}

void Follower::note_answer(FollowerTick& tick) {
  tick.is_answered = true;
  tick.next_s = std::max(settings_.tick_s,
                         static_cast<double>(query_.answer_bytes()) / settings_.bytes_per_s);
  if (failures_ > 0)
    tick.news.push_back("the site answers again, after " + std::to_string(failures_) +
                        (failures_ == 1 ? " failure" : " failures"));
  failures_ = 0;
  trouble_.clear();
}

Result<FollowerTick> Follower::tick() {
  FollowerTick tick{.next_s = settings_.tick_s};
  SOVREN_DO(ledger_.refresh());
  if (!has_work()) {
    rows_.clear();
    tick.is_answered = true;
    return tick;
  }
  std::set<std::string> users;
  const SiteJobs& all = ledger_.jobs();
  for (const auto& [nonce, job] : all.asked) users.insert(job.user);
  for (const auto& [id, job] : all.jobs)
    if (is_open(job)) users.insert(job.user);
  users.erase("");
  auto rows = query_.queue(users);
  if (!rows) {
    note_trouble(rows.error(), tick);
    return tick;
  }
  rows_ = std::move(*rows);

  Records records;
  find_lost_answers(records);
  find_continuations(records);
  tick.changes = records.size();
  SOVREN_DO(ledger_.append(records));  // what follows looks for these jobs
  records.clear();
  std::erase_if(rows_, [&](const SiteRow& row) { return !all.jobs.contains(row.site_job); });
  take_rows(records);
  const auto looked = look_for_missing(records);
  tick.changes += records.size();
  SOVREN_DO(ledger_.append(records));
  if (looked)
    note_answer(tick);
  else
    note_trouble(looked.error(), tick);
  return tick;
}

// Submissions whose sbatch was cut off: the site has them, by their nonce, or has not.
void Follower::find_lost_answers(Records& records) {
  const auto& asked = ledger_.jobs().asked;
  if (asked.empty()) return;
  std::set<std::string> found;
  for (const SiteRow& row : rows_) {
    const std::string nonce = nonce_in(row.comment);
    if (!asked.contains(nonce) || !found.insert(nonce).second) continue;
    records.push_back({clock_.now(), SiteSubmitted{nonce, row.site_job}});
  }
  for (const auto& [nonce, job] : asked) {
    if (found.contains(nonce) || clock_.now() - job.asked_at < settings_.asked_patience_s) continue;
    records.push_back({clock_.now(), SiteWithdrawn{nonce, "the site has no such job"}});
  }
}

// A job that is not known but has a known one's nonce was handed in by that one: of an array's
// element, an array of that element alone.
void Follower::find_continuations(Records& records) {
  const auto& jobs = ledger_.jobs().jobs;
  std::unordered_map<std::string, std::vector<const SiteJob*>> known;  // by nonce
  for (const SiteRow& row : rows_) {
    if (row.comment.empty() || jobs.contains(row.site_job)) continue;
    if (known.empty())
      for (const auto& [id, job] : jobs) known[job.nonce].push_back(&job);
    const auto family = known.find(nonce_in(row.comment));
    if (family == known.end()) continue;
    const std::int64_t task = row.tasks.empty() ? no_task : row.tasks.front().first;
    const SiteJob* from = nullptr;  // the newest of that element, else the array
    for (const SiteJob* job : family->second) {
      const bool is_of_task = job->element == task || (task != no_task && job->array_tasks > task);
      if (is_of_task && (from == nullptr || from->submitted_at < job->submitted_at)) from = job;
    }
    if (from != nullptr)
      records.push_back({clock_.now(), SiteContinued{from->site_job, row.site_job, task}});
  }
}

void Follower::take_rows(Records& records) {
  const auto& jobs = ledger_.jobs().jobs;
  for (const SiteRow& row : rows_) {
    const SiteJob& job = jobs.at(row.site_job);
    if (job.array_tasks == 0) take_row(job, no_task, row, Source::queue, records);
    for (const auto& [first, last] : row.tasks)
      for (std::int64_t task = first; task <= std::min(last, job.array_tasks - 1); ++task)
        take_row(job, task, row, Source::queue, records);
  }
}

void Follower::take_row(const SiteJob& job, std::int64_t task, const SiteRow& row, Source source,
                        Records& records) {
  static const SiteTask unseen;
  const auto found = job.tasks.find(task);
  const SiteTask& before = found == job.tasks.end() ? unseen : found->second;
  const SiteState state = site_state(row.state);
  if (before.end && state.is_final) return;
  const int restarts = restarts_of(row, before, state);
  // A job that is COMPLETING gives its nodes back one by one.
  const bool has_nodes = !row.nodes.empty() && state.state != JobState::completing;
  const SiteSight sight{.state = row.state,
                        .restarts = restarts,
                        .reason = row.reason,
                        .nodes = has_nodes ? row.nodes : before.seen.nodes};
  const bool is_news = before.end || sight.state != before.seen.state ||
                       sight.restarts != before.seen.restarts || sight.nodes != before.seen.nodes;
  // That a new job waits is no news.
  const bool is_as_expected = before == unseen && row.state == "PENDING" && restarts == 0;
  if (is_news && !is_as_expected)
    records.push_back({clock_.now(), SiteSeen{job.site_job, task, sight}});
  if (!state.is_final) return;
  // In the queue it must stay so; accounting is asked when the queue has let go of it.
  if (state.may_come_back && source == Source::queue && before.seen.state != row.state) return;
  note_end(job, task,
           {.state = std::string(state_name(*state.state)),
            .exit_code = row.exit_code.value_or(0),
            .why = row.reason},
           records);
}

std::vector<std::pair<const SiteJob*, std::int64_t>> Follower::missing_tasks() {
  std::unordered_map<std::string, std::vector<const SiteRow*>> rows_of;
  for (const SiteRow& row : rows_) rows_of[row.site_job].push_back(&row);
  std::vector<std::pair<const SiteJob*, std::int64_t>> missing;
  for (const auto& [id, job] : ledger_.jobs().jobs) {
    if (!is_open(job)) continue;
    const auto found = rows_of.find(id);
    const auto* rows = found == rows_of.end() ? nullptr : &found->second;
    if (job.array_tasks == 0) {
      if (rows == nullptr) missing.emplace_back(&job, no_task);
      continue;
    }
    std::vector<bool> is_there(static_cast<std::size_t>(job.array_tasks), false);
    for (const auto& [number, task] : job.tasks)
      if (task.end && number >= 0 && number < job.array_tasks)
        is_there[static_cast<std::size_t>(number)] = true;
    bool are_all = false;
    for (std::size_t i = 0; rows != nullptr && i < rows->size(); ++i) {
      are_all = are_all || (*rows)[i]->has_more_tasks;
      for (const auto& [first, last] : (*rows)[i]->tasks)
        for (std::int64_t task = first; task <= std::min(last, job.array_tasks - 1); ++task)
          is_there[static_cast<std::size_t>(task)] = true;
    }
    for (std::int64_t task = 0; !are_all && task < job.array_tasks; ++task)
      if (!is_there[static_cast<std::size_t>(task)]) missing.emplace_back(&job, task);
  }
  return missing;
}

// Of tasks that the site no longer lists: accounting, then the job directory, then patience.
Result<void> Follower::look_for_missing(Records& records) {
  const auto missing = missing_tasks();
  std::vector<std::string> ids;
  for (const auto& [job, task] : missing)
    if (ids.size() < accounts_max && (ids.empty() || ids.back() != job->site_job))
      ids.push_back(job->site_job);
  SOVREN_TRY(accounts, query_.accounts(ids));
  std::unordered_map<std::string, std::vector<const SiteRow*>> rows_of;
  for (const SiteRow& row : accounts) rows_of[row.site_job].push_back(&row);
  for (const auto& [job, task] : missing) {
    const auto found = rows_of.find(job->site_job);
    const SiteRow* row = nullptr;
    if (found != rows_of.end())
      for (const SiteRow* each : found->second)
        if (task == no_task || is_listed(*each, task)) row = each;
    if (row != nullptr && site_state(row->state).is_final)
      take_row(*job, task, *row, Source::accounting, records);
    else
      give_up(*job, task, records);
  }
  return {};
}

void Follower::give_up(const SiteJob& job, std::int64_t task, Records& records) {
  const auto found = job.tasks.find(task);
  SiteSight seen = found == job.tasks.end() ? SiteSight{} : found->second.seen;
  const Instant now = clock_.now();
  if (seen.state != not_listed) {
    seen.state = not_listed;
    seen.reason.clear();
    records.push_back({now, SiteSeen{job.site_job, task, seen}});
    return;
  }
  if (now - seen.at < settings_.missing_patience_s) return;
  auto end = end_by_folder(dir_of(job, task), task_id(job, task));
  if (!end)
    end = SiteEnd{.state = std::string(vanished),
                  .why = "the site does not know it any more, and " + dir_of(job, task) +
                         " does not say that it has run"};
  note_end(job, task, *std::move(end), records);
}

// It may have ended while nobody looked: its directory says when, by a clock that may not be ours.
void Follower::note_end(const SiteJob& job, std::int64_t task, SiteEnd end, Records& records) {
  const Instant now = clock_.now();
  const auto said = end_time_in_folder(dir_of(job, task), task_id(job, task));
  const bool is_credible = said && *said > job.submitted_at && *said < now;
  records.push_back({is_credible ? *said : now, SiteEnded{job.site_job, task, std::move(end)}});
}

}  // namespace sovren::slurm
